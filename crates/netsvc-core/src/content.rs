//! What an application sends: bytes and a hint how to read them. Opaque to the core.

use bytes::Bytes;

use crate::lazy_copy::LazyCopy;

/// Contents below this many bytes are copied before they wait.
const DETACH_BELOW: usize = 16 << 10;

/// How to read a content's bytes. The core passes unknown values on unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentType(pub u8);

impl ContentType {
    /// Plain bytes.
    pub const BYTES: Self = Self(0);
    /// CBOR (RFC 8949).
    pub const CBOR: Self = Self(1);
    /// JSON (RFC 8259).
    pub const JSON: Self = Self(2);
}

/// Content of a request, a response or a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// How to read `bytes`.
    pub kind: ContentType,
    /// The encoded value.
    pub bytes: Bytes,
}

/// A content where it lies: in a buffer that is written again, or in memory that can be shared.
#[derive(Clone, Copy, Debug)]
pub struct ContentRef<'a> {
    /// How to read `bytes`.
    pub kind: ContentType,
    /// The encoded value.
    pub bytes: &'a [u8],
    owner: Owner<'a>,
}

/// Whose memory a borrowed content lies in.
#[derive(Clone, Copy, Debug)]
enum Owner<'a> {
    /// Somebody's who writes it again.
    Unknown,
    /// The content's own.
    Content(&'a Bytes),
    /// A buffer of many contents.
    Buffer(&'a LazyCopy<'a>),
}

impl<'a> ContentRef<'a> {
    /// A content in memory that somebody else writes again: to keep it is to copy it.
    pub fn new(kind: ContentType, bytes: &'a [u8]) -> Self {
        Self { kind, bytes, owner: Owner::Unknown }
    }

    /// A part of a buffer whose contents share one copy if any of them has to be kept.
    #[inline]
    pub fn within(kind: ContentType, bytes: &'a [u8], buffer: &'a LazyCopy<'a>) -> Self {
        Self { kind, bytes, owner: Owner::Buffer(buffer) }
    }

    /// The same content, to be passed on soon: it may keep a whole buffer alive.
    pub(crate) fn keep(&self) -> Content {
        Content { kind: self.kind, bytes: self.share() }
    }

    /// The same content, to wait for as long as it takes: see [`Content::detached`].
    pub(crate) fn detach(&self) -> Content {
        if self.bytes.len() < DETACH_BELOW {
            return Content { kind: self.kind, bytes: Bytes::copy_from_slice(self.bytes) };
        }
        self.keep()
    }

    /// Its bytes, without a copy of their own where that is possible.
    pub(crate) fn share(&self) -> Bytes {
        match self.owner {
            Owner::Unknown => Bytes::copy_from_slice(self.bytes),
            Owner::Content(bytes) => bytes.clone(),
            Owner::Buffer(buffer) => buffer.keep(self.bytes),
        }
    }
}

impl PartialEq for ContentRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.bytes == other.bytes
    }
}

impl Eq for ContentRef<'_> {}

impl Content {
    /// The same content, borrowed.
    pub fn by_ref(&self) -> ContentRef<'_> {
        let owner = Owner::Content(&self.bytes);
        ContentRef { kind: self.kind, bytes: &self.bytes, owner }
    }

    /// The same content in memory of its own, if it is small.
    ///
    /// A received content is a slice of what was read at once, up to 64 KiB; one staged by the
    /// application is a slice of its burst. That costs nothing while all of it moves on together.
    /// But a content that is about to wait, and is counted by its own length there, must not keep
    /// 64 KiB alive for its 20 bytes: no limit in bytes would hold. Slices of at least a quarter
    /// of that stay as they are: memory exceeds what is counted fourfold at worst.
    pub(crate) fn detached(self) -> Self {
        if self.bytes.len() >= DETACH_BELOW {
            return self;
        }
        Self { kind: self.kind, bytes: Bytes::copy_from_slice(&self.bytes) }
    }

    /// Plain bytes, as tests and benchmarks use them.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self { kind: ContentType::BYTES, bytes: bytes.into() }
    }
}
