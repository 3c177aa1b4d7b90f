//! What a client's application is told at once, as clients on Linux are.

use netsvc_core::{CallId, ContentType, DeliveredRef, InvocationRef, Sink, SubscriptionId};

/// Counts reports and results, and keeps requests to be answered; has always room.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) results: usize,
    /// Subscriptions of the reports.
    pub(crate) reports: Vec<SubscriptionId>,
    /// With the lengths of their contents.
    pub(crate) requests: Vec<(CallId, usize)>,
    /// Contents of the requests, one after the other.
    pub(crate) contents: Vec<u8>,
}

impl Sink for Counter {
    fn has_room(&mut self, _reports: usize, _report: &DeliveredRef<'_>) -> bool {
        true
    }

    fn report(&mut self, subscription: SubscriptionId, _report: &DeliveredRef<'_>) {
        self.reports.push(subscription);
    }

    fn has_room_for(&mut self, _content: usize, _names: usize) -> bool {
        true
    }

    fn result(&mut self, _key: u64, _kind: ContentType, _content: &[u8], _extensions: &[u8]) {
        self.results += 1;
    }

    fn invoke(&mut self, request: &InvocationRef<'_>) {
        self.requests.push((request.call, request.content.len()));
        self.contents.extend_from_slice(request.content);
    }
}
