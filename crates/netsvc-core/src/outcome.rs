//! How a request ends: in exactly one outcome.

use crate::content::Content;
use crate::ids::Str;

/// The one end of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The handler's result.
    Response(Content),
    /// The application's own failure (`ServiceFailure`): encoded code, message and data.
    Failure(Content),
    /// The framework could not get a response.
    Error(RequestError),
}

impl Outcome {
    /// Bytes that vary.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Response(content) | Self::Failure(content) => content.bytes.len(),
            Self::Error(error) => error.message.len(),
        }
    }
}

/// The explanation of [`RequestCode::Deadline`] where a caller's own deadline has passed.
pub const DEADLINE_PASSED: &str = "the deadline passed before an outcome arrived";

/// A failure of the framework.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// What happened; stable, to branch on.
    pub code: RequestCode,
    /// Whether the handler may have seen the request.
    pub delivered: Delivered,
    /// What happened, for people.
    pub message: Str,
}

impl RequestError {
    pub(crate) fn new(code: RequestCode, delivered: Delivered, message: impl Into<Str>) -> Self {
        Self { code, delivered, message: message.into() }
    }

    /// Arguments that somebody on the way does not take.
    #[cold]
    pub(crate) fn too_large(size: usize, limit: usize, whose: &str) -> Self {
        let text = exceeds_payload("arguments", size, limit, whose);
        Self::new(RequestCode::TooLarge, Delivered::No, text)
    }

    /// A result, or a part of one, that somebody on the way does not take.
    #[cold]
    pub(crate) fn result_too_large(what: &str, size: usize, limit: usize, whose: &str) -> Self {
        let text = exceeds_payload(what, size, limit, whose);
        Self::new(RequestCode::TooLarge, Delivered::Yes, text)
    }
}

/// Which limit content exceeds, and whose. Both ends of a request read it, so nobody is `this`.
fn exceeds_payload(what: &str, size: usize, limit: usize, whose: &str) -> String {
    format!("{size} bytes of {what} exceed limits.payload of {whose}, which is {limit} bytes")
}

/// Whether a request reached its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It certainly did not.
    No,
    /// It did.
    Yes,
    /// It may have.
    Unknown,
}

/// Why the framework ended a request. The numbers are those on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RequestCode {
    /// Nobody visible has that name or identity.
    NoService = 1,
    /// The service, or none of those of the name, has a method of that name.
    NoMethod = 2,
    /// The caller may not do this (reserved for permissions).
    Denied = 3,
    /// A limit was reached: the service's running requests, or a link's pending ones.
    Overloaded = 4,
    /// The provider was withdrawn, died, or its link was lost.
    Lost = 5,
    /// The caller's own link was lost.
    LinkLost = 6,
    /// The caller's deadline passed.
    Deadline = 7,
    /// The caller cancelled.
    Cancelled = 8,
    /// Arguments (`delivered` no) or result (`delivered` yes) exceed the payload limit.
    TooLarge = 9,
    /// Arguments (`delivered` no) or result (`delivered` yes) cannot be encoded or decoded.
    Encoding = 10,
}

impl RequestCode {
    /// All codes.
    pub const ALL: [Self; 10] = [
        Self::NoService,
        Self::NoMethod,
        Self::Denied,
        Self::Overloaded,
        Self::Lost,
        Self::LinkLost,
        Self::Deadline,
        Self::Cancelled,
        Self::TooLarge,
        Self::Encoding,
    ];

    /// The code of a number read from the wire.
    pub fn from_wire(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as u8 == number)
    }

    /// The stable name that applications see.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoService => "no-service",
            Self::NoMethod => "no-method",
            Self::Denied => "denied",
            Self::Overloaded => "overloaded",
            Self::Lost => "lost",
            Self::LinkLost => "link-lost",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::TooLarge => "too-large",
            Self::Encoding => "encoding",
        }
    }
}
