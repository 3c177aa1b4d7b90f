//! The bytes that the records of one batch refer to.

/// Bytes of a chunk, unless a single payload is larger: a report that the application keeps pins
/// its whole chunk.
pub(crate) const CHUNK: usize = 32 << 10;

/// Where something lies in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

impl Span {
    /// Stands for "nothing there".
    pub(crate) const NONE: Self = Self { offset: 0, length: 0 };
}

/// A chunk being filled.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
}

impl Chunk {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether `more` bytes fit. Into an empty chunk everything does.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        self.is_empty() || self.bytes.len().saturating_add(more) <= CHUNK
    }

    /// Empties it for the next batch; what a large payload made it grow to is given back.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(CHUNK);
    }

    /// Appends what `fill` writes, and says where it lies.
    pub(crate) fn span(&mut self, fill: impl FnOnce(&mut Self)) -> Span {
        let start = self.bytes.len();
        fill(self);
        Span { offset: start as u32, length: (self.bytes.len() - start) as u32 }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn put_u16(&mut self, value: u16) {
        self.put(&value.to_le_bytes());
    }

    pub(crate) fn put_u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    /// A string after its length. Longer than 65,535 bytes (only a message for people can be) it
    /// is cut.
    pub(crate) fn put_text(&mut self, text: &str) {
        let mut length = text.len().min(u16::MAX.into());
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        self.put_u16(length as u16);
        self.put(&text.as_bytes()[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_lie_back_to_back() {
        let mut chunk = Chunk::default();
        assert_eq!(chunk.span(|c| c.put(b"abc")), Span { offset: 0, length: 3 });
        assert_eq!(chunk.span(|c| c.put_text("de")), Span { offset: 3, length: 4 });
        assert_eq!(chunk.bytes(), b"abc\x02\0de");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let mut chunk = Chunk::default();
        chunk.put_text(&"ü".repeat(40_000));
        assert_eq!(chunk.bytes()[..2], 65_534u16.to_le_bytes());
        assert!(std::str::from_utf8(&chunk.bytes()[2..]).is_ok());
    }

    #[test]
    fn only_an_empty_chunk_takes_more_than_its_size() {
        let mut chunk = Chunk::default();
        assert!(chunk.has_room(1 << 20));
        chunk.put(b"x");
        assert!(chunk.has_room(CHUNK - 1));
        assert!(!chunk.has_room(CHUNK));
        assert!(!chunk.has_room(usize::MAX));
    }

    #[test]
    fn memory_of_a_large_payload_is_given_back() {
        let mut chunk = Chunk::default();
        chunk.put(&vec![0; 1 << 20]);
        chunk.clear();
        assert!(chunk.is_empty());
        assert!(chunk.bytes.capacity() <= 2 * CHUNK);
    }
}
