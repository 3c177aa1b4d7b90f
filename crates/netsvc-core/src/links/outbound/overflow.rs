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
    /// `memory`: the budget; `outbox`: the limit of each link; in bytes.
    pub(crate) fn reason(self, memory: usize, outbox: usize) -> Reason {
        let (code, why) = match self {
            Self::Outbox => {
                let text = format!("more waits for this link than limits.outbox: {outbox} bytes");
                return Reason::new(ReasonCode::SlowConsumer, text);
            }
            Self::MemoryWaits => (ReasonCode::SlowConsumer, "waits for this link"),
            Self::MemoryKept => (ReasonCode::Limit, "is what this link's peer has said"),
        };
        let text = format!("limits.memory, {memory} bytes, is used up, and most of it {why}");
        Reason::new(code, text)
    }
}
