//! Why a link is to end that takes too much memory.

use crate::reason::{Reason, ReasonCode};

/// What was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// Its own outbox, although all reports were dropped.
    Outbox,
    /// The budget of this process: of all links it consumed most, by what waits for it.
    MemoryWaits,
    /// The same, by what is kept of its peer, or was caused by it.
    MemoryKept,
}

impl Overflow {
    /// `memory`: the budget, in bytes.
    pub(crate) fn reason(self, memory: usize) -> Reason {
        let (code, why) = match self {
            Self::Outbox => {
                return Reason::new(ReasonCode::SlowConsumer, "its outbox is over its limit");
            }
            Self::MemoryWaits => (ReasonCode::SlowConsumer, "waits for this link"),
            Self::MemoryKept => (ReasonCode::Limit, "is what this link's peer has said"),
        };
        let text = format!("limits.memory, {memory} bytes, is used up, and most of it {why}");
        Reason::new(code, text)
    }
}
