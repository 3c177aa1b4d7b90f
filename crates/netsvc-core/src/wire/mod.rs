//! The protocol's bytes: messages in, bytes out, and back. Knows nothing of links or registries.
//!
//! [`Decoder`] and [`Encoder`] are the two directions of one link's codec. They own what exists
//! per link only: framing, fragments, and the symbols that abbreviate strings. docs/protocol.md
//! is the specification; the vectors in `tests/vectors` hold codec and specification together.

mod control;
mod data;
mod decoder;
mod encoder;
mod error;
mod extensions;
mod fragments;
mod frame;
mod message;
mod reader;
mod report_frames;
mod shared_symbols;
mod symbol_ring;
mod symbols;
mod views;
mod write_batch;
mod writer;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub(crate) use encoder::{Asked, RequestFrame};
pub use error::WireError;
pub use message::{
    Announcement, Hello, InterestTarget, Membership, Message, ProcessInfo, Report, Request,
    RequestTarget, Role, Subscriber, VERSION,
};
pub(crate) use report_frames::{REPORT_HEAD, RawReport, put_report, report_frames};
pub(crate) use shared_symbols::SharedSymbols;
pub(crate) use views::{Front, ReportView, RequestView, ResultView};
pub(crate) use write_batch::SEGMENT_FROM;
pub use write_batch::WriteBatch;
pub(crate) use writer::millis;
