//! A combiner lock: any thread may bring work, and whoever holds the lock does all of it.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crate::sync::try_lock;

/// A value that is worked on by whoever holds it. Nobody waits for it: who finds it held leaves
/// the work to the holder.
pub(crate) struct CombinerLock<T> {
    value: Mutex<T>,
    /// There is, or may be, work that the holder has not seen.
    wanted: AtomicBool,
}

impl<T> CombinerLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), wanted: AtomicBool::new(false) }
    }

    /// To be called after work was made visible to `work`, which does all it finds.
    ///
    /// If somebody else is at it, that thread is told to look again: it does so after letting go,
    /// so nothing is left behind. `work` breaks off by returning a value; then it is the caller's
    /// business that the rest is done later.
    pub(crate) fn work<R>(&self, mut work: impl FnMut(&mut T) -> ControlFlow<R>) -> ControlFlow<R> {
        self.wanted.store(true, Ordering::Relaxed);
        loop {
            // Pairs with the fence below: either this thread gets hold of the value, or its
            // holder sees `wanted` after letting go.
            fence(Ordering::SeqCst);
            let Some(mut value) = try_lock(&self.value) else {
                return ControlFlow::Continue(());
            };
            self.wanted.store(false, Ordering::Relaxed);
            let flow = work(&mut value);
            drop(value);
            fence(Ordering::SeqCst);
            if flow.is_break() || !self.wanted.load(Ordering::Relaxed) {
                return flow;
            }
        }
    }

    /// Somebody has panicked at work.
    pub(crate) fn is_torn(&self) -> bool {
        self.value.is_poisoned()
    }

    /// Calls `last` unless somebody is at work.
    pub(crate) fn try_with(&self, last: impl FnOnce(&mut T)) {
        if let Some(mut value) = try_lock(&self.value) {
            last(&mut value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync;

    #[test]
    fn work_brought_after_the_holder_looked_is_done_by_the_holder() {
        let queue = Mutex::new(vec![1]);
        let lock = CombinerLock::new(Vec::new());
        let mut looks = 0;
        let flow = lock.work(|done| {
            looks += 1;
            done.append(&mut sync::lock(&queue));
            if looks == 1 {
                sync::lock(&queue).push(2);
                // Somebody else, who finds the lock held.
                let other = lock.work(|_| ControlFlow::Break(()));
                assert_eq!(other, ControlFlow::Continue(()));
            }
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(flow, ControlFlow::Continue(()));
        assert_eq!(looks, 2);
        lock.try_with(|done| assert_eq!(*done, [1, 2]));
    }

    #[test]
    fn an_obstacle_ends_the_work_and_the_next_caller_goes_on() {
        let lock = CombinerLock::new(0);
        assert_eq!(lock.work(|_| ControlFlow::Break("full")), ControlFlow::Break("full"));
        let flow = lock.work(|looks| {
            *looks += 1;
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(flow, ControlFlow::Continue(()));
        lock.try_with(|looks| assert_eq!(*looks, 1));
    }
}
