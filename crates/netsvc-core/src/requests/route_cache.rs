//! Where the requests of a peer go, found once for all that ask the same.

use std::sync::Arc;

use crate::ids::{LinkId, ServiceNo, Str};
use crate::wire::RequestView;

/// The way of a link's last request: its service exists for the peer and has the method.
#[derive(Debug)]
pub(crate) struct RouteCache {
    /// Of the registry when it was found.
    pub(crate) epoch: u64,
    /// Whom the peer asked, by number or name.
    pub(crate) target: Result<u32, Str>,
    pub(crate) method: Str,
    pub(crate) service: ServiceNo,
    /// The link to it, and the peer's number of it there; `None`: it is a service of this process.
    pub(crate) route: Option<(LinkId, u32)>,
}

impl RouteCache {
    /// Whether it is that of another request too. Strings that come by symbol are the same ones
    /// each time.
    #[inline]
    pub(crate) fn is_for(&self, request: &RequestView<'_>, epoch: u64) -> bool {
        let same_target = match (&self.target, request.target) {
            (Ok(number), Ok(other)) => *number == other,
            (Err(name), Err(other)) => Arc::ptr_eq(name, other),
            _ => false,
        };
        same_target && self.epoch == epoch && Arc::ptr_eq(&self.method, request.method)
    }
}
