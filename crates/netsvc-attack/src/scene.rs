//! Where an attack takes place, and how far it may go.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use netsvc_core::Reason;

/// The hub, and the bounds of the attack.
pub(crate) struct Scene {
    pub(crate) hub: SocketAddr,
    /// The hub's other exchange group, if it has one.
    pub(crate) other: Option<SocketAddr>,
    pub(crate) budget: Rc<Budget>,
}

impl Scene {
    pub(crate) fn new(hub: SocketAddr, other: Option<SocketAddr>, budget: Budget) -> Self {
        Self { hub, other, budget: Rc::new(budget) }
    }

    /// Does nothing for so long.
    pub(crate) fn pause(&self, time: Duration) -> Result<(), Stop> {
        std::thread::sleep(time.min(self.budget.left()?));
        Ok(())
    }

    pub(crate) fn sent(&self) -> String {
        let kibibytes = self.budget.sent.get().div_ceil(1024);
        if kibibytes < 10_000 {
            return format!("{kibibytes} KiB");
        }
        format!("{} MiB", kibibytes >> 10)
    }
}

/// What may still be sent, and until when.
pub(crate) struct Budget {
    until: Instant,
    bytes: u64,
    sent: Cell<u64>,
}

impl Budget {
    pub(crate) fn new(time: Duration, bytes: u64) -> Self {
        Self { until: Instant::now() + time, bytes, sent: Cell::new(0) }
    }

    /// The time that is left.
    pub(crate) fn left(&self) -> Result<Duration, Stop> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() || self.sent.get() > self.bytes { Err(Stop::Over) } else { Ok(left) }
    }

    pub(crate) fn spend(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes as u64);
    }
}

/// Why an attack goes no further.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Its bounds are reached.
    Over,
    /// The hub does not link with it, or no longer.
    Refused(Reason),
    /// The hub closed the connection, or takes none.
    Cut(io::Error),
    /// It got what nobody may have.
    Got(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Cut(error)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over => f.write_str("stopped at its bounds"),
            Self::Refused(reason) => write!(f, "refused: {:?}, {}", reason.code, reason.message),
            Self::Cut(error) => write!(f, "cut off: {error}"),
            Self::Got(what) => f.write_str(what),
        }
    }
}
