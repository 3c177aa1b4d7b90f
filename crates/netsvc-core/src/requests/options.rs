//! What the application says about its requests, and its handlers about theirs.

use std::time::Duration;

use crate::content::{Content, ContentRef};
use crate::ids::{ServiceId, Str};
use crate::outcome::RequestCode;

/// Whom the application asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetRef<'a> {
    /// Any visible service of that name that has the method.
    Name(&'a Str),
    /// One service.
    Identity(ServiceId),
}

/// Which providers of a name are asked first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefer {
    /// Those of this process.
    #[default]
    Local,
    /// None: whoever has least to do.
    Any,
}

/// How the application asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestOptions<'a> {
    /// The deadline from now; for a streamed result, the longest wait for its next part.
    pub timeout: Duration,
    /// If there is no provider that has the method, wait for one until the deadline, connected or
    /// not.
    pub wait: bool,
    /// Who is asked by a name.
    pub prefer: Prefer,
    /// Parts of a streamed result that the caller takes at first; 0: it wants no stream.
    pub parts: u32,
    /// Extension fields (docs/protocol.md), to be told to the handler: well formed, ids even, at
    /// most [`MAX_EXTENSIONS`](crate::limits::MAX_EXTENSIONS) bytes. The request fails with
    /// `encoding` otherwise.
    pub extensions: &'a [u8],
}

impl<'a> RequestOptions<'a> {
    /// The same, with other extension fields.
    #[must_use]
    pub fn with<'b>(self, extensions: &'b [u8]) -> RequestOptions<'b>
    where
        'a: 'b,
    {
        RequestOptions { extensions, ..self }
    }

    /// A request that fails at once if there is no provider, for a result in one piece.
    pub fn within(timeout: Duration) -> Self {
        Self { timeout, wait: false, prefer: Prefer::Local, parts: 0, extensions: &[] }
    }
}

/// How a handler ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandlerResult {
    /// Its result.
    Response(Content),
    /// The application's failure: encoded code, message and data.
    Failure(Content),
    /// The result could not be sent: `Encoding` or `TooLarge`, with an explanation.
    Error(RequestCode, Str),
}

/// A [`HandlerResult`] whose content is borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlerResultRef<'a> {
    /// Its result.
    Response(ContentRef<'a>),
    /// The application's failure: encoded code, message and data.
    Failure(ContentRef<'a>),
    /// The result could not be sent: `Encoding` or `TooLarge`, with an explanation.
    Error(RequestCode, &'a str),
}

impl HandlerResult {
    /// The same result, borrowed.
    pub fn by_ref(&self) -> HandlerResultRef<'_> {
        match self {
            Self::Response(content) => HandlerResultRef::Response(content.by_ref()),
            Self::Failure(content) => HandlerResultRef::Failure(content.by_ref()),
            Self::Error(code, text) => HandlerResultRef::Error(*code, text),
        }
    }
}
