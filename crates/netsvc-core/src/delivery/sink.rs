//! Takes what is for the application while it arrives.

use std::time::Duration;

use crate::content::ContentType;
use crate::ids::{CallId, ProcessId, ServiceId, ServiceNo, Str, SubscriptionId};

/// Takes deliveries for the application where they lie, which saves queueing them as events.
pub trait Sink {
    /// Whether that many reports like this one can be taken.
    fn has_room(&mut self, reports: usize, report: &DeliveredRef<'_>) -> bool;

    /// Takes a report, as [`Event::Report`](crate::Event::Report) would tell it.
    fn report(&mut self, subscription: SubscriptionId, report: &DeliveredRef<'_>);

    /// Whether a content of that many bytes can be taken, with names and extension fields of
    /// `beside` bytes.
    fn has_room_for(&mut self, content: usize, beside: usize) -> bool;

    /// Takes a result, as [`Event::Outcome`](crate::Event::Outcome) would tell it.
    fn result(&mut self, key: u64, kind: ContentType, content: &[u8], extensions: &[u8]);

    /// As [`has_room_for`](Self::has_room_for), for a request.
    fn has_room_for_request(&mut self, content: usize, beside: usize) -> bool {
        self.has_room_for(content, beside)
    }

    /// Takes a request, as [`Event::Invoke`](crate::Event::Invoke) would tell it.
    fn invoke(&mut self, request: &InvocationRef<'_>);
}

/// Takes nothing: everything becomes an event.
#[derive(Debug)]
pub(crate) struct NoSink;

impl Sink for NoSink {
    fn has_room(&mut self, _: usize, _: &DeliveredRef<'_>) -> bool {
        false
    }

    fn report(&mut self, _: SubscriptionId, _: &DeliveredRef<'_>) {}

    fn has_room_for(&mut self, _: usize, _: usize) -> bool {
        false
    }

    fn result(&mut self, _: u64, _: ContentType, _: &[u8], _: &[u8]) {}

    fn invoke(&mut self, _: &InvocationRef<'_>) {}
}

/// A [`DeliveredReport`](crate::DeliveredReport) where it lies in the read buffer; never a kept
/// value.
#[derive(Clone, Copy, Debug)]
pub struct DeliveredRef<'a> {
    /// Number of the publishing service in this registry.
    pub service: ServiceNo,
    /// Its identity.
    pub id: ServiceId,
    /// Its name.
    pub name: &'a Str,
    /// The subject.
    pub subject: &'a Str,
    /// Counts everything the service published, from 1.
    pub sequence: u64,
    /// The first of this service after its link was lost, or after a gap from a change of links.
    pub resumed: bool,
    /// Reports of this subscription that were dropped before this one since the last delivery.
    pub missed: u64,
    /// How to read `content`.
    pub kind: ContentType,
    /// What was published.
    pub content: &'a [u8],
    /// Extension fields that were published with it.
    pub extensions: &'a [u8],
}

/// An [`Invocation`](crate::Invocation) where it lies in the read buffer.
#[derive(Clone, Copy, Debug)]
pub struct InvocationRef<'a> {
    /// Names the invocation in `respond`.
    pub call: CallId,
    /// The local service.
    pub service: ServiceNo,
    /// The method.
    pub method: &'a Str,
    /// The calling process, as this process or the hub established it.
    pub caller: ProcessId,
    /// Its label.
    pub caller_label: &'a Str,
    /// What is left until the caller's deadline.
    pub remaining: Duration,
    /// Parts of a streamed result that the caller takes at first; 0: it wants no stream.
    pub parts: u32,
    /// How to read `content`.
    pub kind: ContentType,
    /// Arguments.
    pub content: &'a [u8],
    /// Extension fields of the request.
    pub extensions: &'a [u8],
}
