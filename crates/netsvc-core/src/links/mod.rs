//! Exchanges, links and their connections.

pub(crate) mod backoff;
pub(crate) mod exchange;
pub(crate) mod link;
pub(crate) mod outbound;
