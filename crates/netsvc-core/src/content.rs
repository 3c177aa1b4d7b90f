//! What an application sends: bytes and a hint how to read them. Opaque to the core.

use bytes::Bytes;

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

impl Content {
    /// Plain bytes, as tests and benchmarks use them.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self { kind: ContentType::BYTES, bytes: bytes.into() }
    }
}
