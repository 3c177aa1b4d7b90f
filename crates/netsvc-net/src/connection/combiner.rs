//! A combiner lock: any thread may bring work, and whoever holds the lock does all of it.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crate::patience::Patience;
use crate::sync::try_lock;

/// A value that is worked on by whoever holds it. Who finds it held leaves the work to the holder,
/// unless they have patience.
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
    /// If somebody else is at it when `patience` ends, that thread is told to look again: it does
    /// so after letting go, so nothing is left behind. `work` breaks off by returning a value; then
    /// it is the caller's business that the rest is done later.
    pub(crate) fn work<R>(
        &self,
        patience: Patience,
        mut work: impl FnMut(&mut T) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        self.wanted.store(true, Ordering::Relaxed);
        loop {
            // Pairs with the fence below: either this thread gets hold of the value, or its
            // holder sees `wanted` after letting go.
            fence(Ordering::SeqCst);
            let Some(mut value) = try_lock(&self.value) else {
                if patience.wait() {
                    continue;
                }
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
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::sync;

    const NOW: Patience = Patience::NONE;

    fn assert_value<T: PartialEq + std::fmt::Debug>(lock: &CombinerLock<T>, wanted: &T) {
        let mut looked = false;
        let flow = lock.work(NOW, |value| {
            assert_eq!(value, wanted);
            looked = true;
            ControlFlow::<()>::Continue(())
        });
        assert!(looked && flow.is_continue());
    }

    #[test]
    fn work_brought_after_the_holder_looked_is_done_by_the_holder() {
        let queue = Mutex::new(vec![1]);
        let lock = CombinerLock::new(Vec::new());
        let mut looks = 0;
        let flow = lock.work(NOW, |done| {
            looks += 1;
            done.append(&mut sync::lock(&queue));
            if looks == 1 {
                sync::lock(&queue).push(2);
                // Somebody else, who finds the lock held.
                let other = lock.work(NOW, |_| ControlFlow::Break(()));
                assert_eq!(other, ControlFlow::Continue(()));
            }
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(flow, ControlFlow::Continue(()));
        assert_eq!(looks, 2);
        assert_value(&lock, &vec![1, 2]);
    }

    #[test]
    fn an_obstacle_ends_the_work_and_the_next_caller_goes_on() {
        let lock = CombinerLock::new(0);
        assert_eq!(lock.work(NOW, |_| ControlFlow::Break("full")), ControlFlow::Break("full"));
        let flow = lock.work(NOW, |looks| {
            *looks += 1;
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(flow, ControlFlow::Continue(()));
        assert_value(&lock, &1);
    }

    #[test]
    fn who_has_patience_works_after_the_holder_and_who_has_none_left_does_not() {
        let lock = CombinerLock::new(Vec::new());
        thread::scope(|scope| {
            let (held, is_held) = channel();
            let (go_on, may_go_on) = channel();
            let lock = &lock;
            scope.spawn(move || {
                lock.work(NOW, |done| {
                    done.push("holder");
                    let _ = held.send(());
                    // An error: the test has failed.
                    let _ = may_go_on.recv();
                    ControlFlow::Break(())
                })
            });
            let _ = is_held.recv();
            let work = |patience| {
                let mut worked = false;
                let _ = lock.work(patience, |done| {
                    done.push("patient");
                    worked = true;
                    ControlFlow::Break(())
                });
                worked
            };
            assert!(!work(NOW));
            assert!(!work(Patience::of(Duration::from_millis(20))));
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(20));
                let _ = go_on.send(());
            });
            assert!(work(Patience::of(Duration::from_secs(20))));
        });
        assert_value(&lock, &vec!["holder", "patient"]);
    }
}
