//! Contents in JavaScript's memory, copied once if one of them is needed for longer.

use bytes::Bytes;
use netsvc_core::{Content, ContentType};

use crate::commands::command::Body;

/// Memory of JavaScript, which writes it again after the call.
pub(super) struct Contents<'a> {
    bytes: &'a [u8],
    /// All of it, once a content is needed for longer.
    copy: Option<Bytes>,
}

impl<'a> Contents<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, copy: None }
    }

    /// With the copy made now, so that it need not be made under a lock.
    pub(super) fn copied(bytes: &'a [u8]) -> Self {
        Self { bytes, copy: Some(Bytes::copy_from_slice(bytes)) }
    }

    /// A content of this memory as a slice of the one copy: one allocation for a whole batch.
    /// A queue that may keep it for long copies it again.
    pub(super) fn keep(&mut self, body: Body<'_>) -> Content {
        let whole = self.bytes;
        let copy = self.copy.get_or_insert_with(|| Bytes::copy_from_slice(whole));
        // As far from the beginning of the memory as from that of its copy.
        let at = body.bytes.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
        let bytes = copy.slice(at..at + body.bytes.len());
        Content { kind: ContentType(body.kind), bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_share_one_copy() {
        let memory = *b"one two";
        for mut contents in [Contents::new(&memory), Contents::copied(&memory)] {
            let first = contents.keep(Body { kind: 1, bytes: &memory[..3] });
            let second = contents.keep(Body { kind: 0, bytes: &memory[4..] });
            assert_eq!((first.kind, &first.bytes[..]), (ContentType(1), &b"one"[..]));
            assert_eq!((second.kind, &second.bytes[..]), (ContentType(0), &b"two"[..]));
            assert_eq!(second.bytes.as_ptr().addr() - first.bytes.as_ptr().addr(), 4);
        }
    }
}
