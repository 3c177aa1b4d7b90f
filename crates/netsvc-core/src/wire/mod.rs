//! The protocol's bytes: messages in, bytes out, and back. Knows nothing of links or registries.
//!
//! [`Decoder`] and [`Encoder`] are the two directions of one link's codec. They own what exists
//! per link only: framing, fragments, and the symbols that abbreviate strings. docs/protocol.md
//! is the specification; the vectors in `tests/vectors` hold codec and specification together.

mod body;
mod decoder;
mod encoder;
mod error;
mod extensions;
mod fragments;
mod frame;
mod message;
mod reader;
mod report_frames;
mod send_buffer;
mod symbols;
mod words;
mod writer;

pub(crate) use body::announcement::AnnouncementRef;
pub(crate) use body::control::{announced_len, group_len};
pub(crate) use body::report::ReportRef;
pub(crate) use body::request::{RequestRef, RequestTargetRef};
pub(crate) use body::response::{OutcomeRef, ResponseRef};
pub use decoder::Decoder;
pub(crate) use decoder::{DataFrame, Frame};
pub use encoder::Encoder;
pub use error::WireError;
pub(crate) use extensions::check as check_extensions;
pub use message::{
    Announcement, Hello, InterestTarget, Membership, Message, ProcessInfo, Report, Request,
    RequestTarget, Role, Subscriber, VERSION,
};
pub(crate) use report_frames::{REPORT_HEAD, RawReport, put_report, report_frames};
pub(crate) use send_buffer::SEGMENT_FROM;
pub use send_buffer::SendBuffer;
pub(crate) use symbols::shared::SharedSymbols;
pub(crate) use writer::millis;
