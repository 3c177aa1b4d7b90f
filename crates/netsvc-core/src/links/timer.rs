//! What a timer of the links is for.

use crate::ids::{FlushId, LinkId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LinkTimer {
    /// Deadlines, heartbeats and retries of a link: one timer, which the link computes anew when it
    /// fires. It may fire too early (liveness only moves forward), never too late.
    Link(LinkId),
    /// A connection that is not yet linked may be displaced from now on.
    Room,
    /// The budget of memory was exceeded: what is to be done about it does not wait.
    Relief,
    /// The deadline of a flush.
    Flush(FlushId),
}
