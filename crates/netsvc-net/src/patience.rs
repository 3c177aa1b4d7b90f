//! How long a thread waits for others where it usually does not.

use std::thread;
use std::time::{Duration, Instant};

/// Looks that often. Sleeping, not yielding: whom it waits for may have a lower priority.
const BETWEEN_LOOKS: Duration = Duration::from_micros(200);

/// A process that ends takes no longer than this for its last words. The I/O thread, which may have
/// begun to write or has to read the peer's end, gets a share of a busy processor by then even at
/// the lowest priority.
const AT_EXIT: Duration = Duration::from_secs(1);

/// Until when a thread waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience(Option<Instant>);

impl Patience {
    /// Does not wait.
    pub const NONE: Self = Self(None);

    /// From now on, for all that a process ends when it ends itself: 1 s.
    pub fn at_exit() -> Self {
        Self::of(AT_EXIT)
    }

    /// From now on.
    pub(crate) fn of(duration: Duration) -> Self {
        Self(Instant::now().checked_add(duration))
    }

    /// Waits a moment; false, at once, when there is no more time.
    pub(crate) fn wait(self) -> bool {
        let waits = self.0.is_some_and(|until| Instant::now() < until);
        if waits {
            thread::sleep(BETWEEN_LOOKS);
        }
        waits
    }
}
