//! The commands that cross the border packed.

use netsvc_core::{ContentRef, ContentType, LazyCopy, RequestCode, RequestOptions};

/// One command, borrowing from the command buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// From now on `slot` stands for `text`.
    String {
        slot: u32,
        text: &'a str,
    },
    Request {
        key: u32,
        /// But for the extension fields.
        options: RequestOptions<'static>,
        target: Target,
        /// Slot.
        method: u32,
        content: Body<'a>,
        /// Encoded extension fields, as on the wire.
        extensions: &'a [u8],
    },
    Respond {
        call: u64,
        result: Reply<'a>,
        /// Encoded extension fields, as on the wire.
        extensions: &'a [u8],
    },
    /// With lifetime 0; others come as single calls.
    Publish {
        service: u32,
        subject: Subject<'a>,
        content: Body<'a>,
        /// Encoded extension fields, as on the wire.
        extensions: &'a [u8],
    },
    Grant {
        subscription: u32,
        reports: u32,
    },
    GrantWatch {
        watch: u32,
        changes: u32,
    },
    /// Of a streamed result.
    Part {
        call: u64,
        content: Body<'a>,
    },
    GrantParts {
        key: u32,
        parts: u32,
    },
}

/// Whom a request is for, by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Name(u32),
    /// The text of an identity, not parsed: a wrong one is the caller's error, not the buffer's.
    Identity(u32),
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    Slot(u32),
    Text(&'a str),
}

/// What a handler answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    Response(Body<'a>),
    Failure(Body<'a>),
    Error(RequestCode, &'a str),
}

/// A content that is still in JavaScript's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Body<'a> {
    pub(crate) kind: u8,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Body<'a> {
    /// As the core takes it. `buffer`: what it is a part of.
    pub(crate) fn within(self, buffer: &'a LazyCopy<'a>) -> ContentRef<'a> {
        ContentRef::within(ContentType(self.kind), self.bytes, buffer)
    }
}
