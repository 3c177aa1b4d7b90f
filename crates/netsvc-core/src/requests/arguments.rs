//! Arguments that wait for a provider.

use crate::delivery::queue::Deliveries;
use crate::ids::{ProcessNo, ServiceNo};
use crate::links::Links;
use crate::outcome::{Delivered, RequestCode, RequestError};
use crate::registry::Registry;
use crate::registry::process_table::OWN;

use super::call_table::{CallTable, Provider};

/// Those of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments {
    pub(super) provider: Provider,
    /// The service, if the provider is one of this process.
    pub(super) service: Option<ServiceNo>,
    /// What they are charged.
    pub(super) bytes: usize,
}

/// Smaller limits are not shared out: half of little would be too little for a lone caller.
const MIN_SHARED: usize = 1 << 20;

impl Arguments {
    /// They do not wait any more. `calls`: all that are still wanted.
    #[cold]
    #[inline(never)]
    pub(super) fn take_back(
        self,
        calls: &CallTable,
        registry: &mut Registry,
        links: &mut Links,
        deliveries: &mut Deliveries,
    ) {
        let is_wanted = |call| calls.get(call).is_some();
        match self.provider {
            Provider::Local => {
                deliveries.take_back_invoke(is_wanted);
                if let Some(service) = self.service.and_then(|no| registry.services.get_mut(no)) {
                    service.waiting = service.waiting.saturating_sub(self.bytes);
                }
            }
            Provider::Link(link) => {
                if let Some(connection) = links.connection_mut(link) {
                    connection.take_back_request(self.bytes, is_wanted);
                }
            }
            Provider::Nobody => {}
        }
    }
}

/// Whether arguments of `size` bytes have to be [checked](check_arguments). `calls`: all that are
/// in flight.
#[inline]
pub(crate) fn may_exceed(size: usize, limit: usize, calls: &CallTable) -> bool {
    calls.kept() * 2 + size > limit
}

/// Whether arguments of `size` bytes may wait where `waiting` bytes do and `limit` may. As with the
/// number of requests, a caller may have as many as it leaves to others; all count that wait for it
/// anywhere.
#[cold]
pub(crate) fn check_arguments(
    (caller, size): (ProcessNo, usize),
    waiting: usize,
    limit: usize,
    calls: &mut CallTable,
) -> Result<(), RequestError> {
    if caller == OWN || limit < MIN_SHARED {
        return Ok(());
    }
    let own = calls.kept_of(caller);
    if own + waiting + size <= limit {
        return Ok(());
    }
    let text = format!("{own} bytes of this caller's arguments wait already: its share of {limit}");
    Err(RequestError::new(RequestCode::Overloaded, Delivered::No, text))
}
