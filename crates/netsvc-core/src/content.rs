//! What an application sends: bytes and a hint how to read them. Opaque to the core.

use bytes::Bytes;

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

/// A content in a buffer that somebody else writes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRef<'a> {
    /// How to read `bytes`.
    pub kind: ContentType,
    /// The encoded value.
    pub bytes: &'a [u8],
}

impl Content {
    /// The same content, borrowed.
    pub fn by_ref(&self) -> ContentRef<'_> {
        ContentRef { kind: self.kind, bytes: &self.bytes }
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
