//! Tells the application that events wait, once per burst.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::sync::call_caught;

/// One signal is outstanding at most: raised again only after [`Signal::rearm`].
pub(crate) struct Signal {
    raised: AtomicBool,
    on_events: Box<dyn Fn() + Send + Sync>,
}

impl Signal {
    pub(crate) fn new(on_events: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { raised: AtomicBool::new(false), on_events }
    }

    /// Call it under none of our locks: the application may call back from within. A panic of
    /// the application's callback stays there.
    pub(crate) fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            call_caught(&self.on_events);
        }
    }

    /// Events wait, and nobody has begun to take them out.
    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// The application looks for events by itself, until [`Signal::rearm`].
    pub(crate) fn hold(&self) {
        self.raised.store(true, Ordering::Release);
    }

    /// Call it under the registry's mutex, before taking events out: whatever is added afterwards
    /// raises anew.
    pub(crate) fn rearm(&self) {
        self.raised.store(false, Ordering::Release);
    }
}
