//! Where a report comes from.

use crate::ids::{ExchangeId, LinkId};
use crate::links::outbound::reports::Direct;

/// Where a report comes from.
#[derive(Debug)]
pub(crate) enum Origin<'a> {
    /// This process, which may have a transport at hand.
    Own(Option<Direct<'a>>),
    /// A link of that exchange. Reports go on within it only, since that is where the publisher
    /// said they go. The number: bytes of what was read at once that are not applied yet, this
    /// report's included.
    Link(LinkId, ExchangeId, usize),
}
