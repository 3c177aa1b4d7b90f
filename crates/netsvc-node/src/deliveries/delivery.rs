//! What is told to JavaScript, and the bytes that it takes.

use netsvc_core::{Event, Outcome, Str};

use crate::deliveries::service_info;

/// Something to tell JavaScript: an event of the core, or what only the addon knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Event(Event),
    /// A `listen` ended: the addresses, or code and message of its error.
    Listening {
        token: u32,
        result: Result<Vec<String>, (&'static str, String)>,
    },
    /// Commands of a buffer failed, `count` times in the same way.
    CommandFailed {
        op: u8,
        count: u32,
        code: &'static str,
        message: String,
    },
}

impl Delivery {
    /// Bytes that it takes in a buffer, at most: as if nothing had been told before.
    pub(crate) fn size(&self) -> usize {
        FIXED
            + match self {
                Self::Event(event) => return event_size(event),
                Self::Listening { result: Ok(addresses), .. } => {
                    addresses.iter().map(|address| address.len() + 2).sum()
                }
                Self::Listening { result: Err((_, message)), .. }
                | Self::CommandFailed { message, .. } => message.len(),
            }
    }
}

/// More than an identity, a process id and the lengths of the strings beside it.
pub(super) const FIXED: usize = 128;

/// As [`Delivery::size`], of an event.
pub(super) fn event_size(event: &Event) -> usize {
    let text = |text: &Str| text.len();
    FIXED
        + match event {
            Event::Report { report, .. } => {
                report.content.bytes.len()
                    + report.extensions.len()
                    + report.subject.len()
                    + report.name.len()
            }
            Event::Invoke(invocation) => {
                invocation.content.bytes.len()
                    + invocation.extensions.len()
                    + invocation.method.len()
                    + invocation.caller_label.len()
            }
            Event::Outcome { outcome, extensions, .. } => {
                extensions.len()
                    + match outcome {
                        Outcome::Response(content) | Outcome::Failure(content) => {
                            content.bytes.len()
                        }
                        Outcome::Error(error) => error.message.len(),
                    }
            }
            Event::Change { change, .. } => {
                change.group.as_ref().map_or(0, text)
                    + change.service.as_ref().map_or(0, service_info::size)
            }
            Event::LinkActive(link)
            | Event::LinkInactive(link)
            | Event::AttemptFailed(link)
            | Event::LinkClosed(link)
            | Event::Authorise(link) => {
                link.address.len()
                    + link.peer.as_ref().map_or(0, |peer| peer.label.len())
                    + link.reason.as_ref().map_or(0, |reason| reason.message.len())
            }
            Event::Part { content, .. } => content.bytes.len(),
            Event::Subscriber { label, pattern, .. } => label.len() + pattern.len(),
            Event::ExchangeClosed(_)
            | Event::Flushed { .. }
            | Event::Abort { .. }
            | Event::Credit { .. }
            | Event::ProcessGone(_) => 0,
        }
}
