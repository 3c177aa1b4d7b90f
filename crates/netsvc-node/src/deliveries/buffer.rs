//! The bytes that deliveries refer to.

/// Where something lies in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

impl Span {
    /// Stands for "nothing there".
    pub(crate) const NONE: Self = Self { offset: 0, length: 0 };
}

/// Memory being filled. Whoever fills it has asked whether there is room.
#[derive(Debug)]
pub(crate) struct Buffer<'a> {
    memory: &'a mut [u8],
    at: usize,
}

impl<'a> Buffer<'a> {
    /// Fills `memory` from `at` on; offsets count from its start. Beyond its end, there is no room.
    pub(crate) fn new(memory: &'a mut [u8], at: usize) -> Self {
        let at = at.min(memory.len());
        Self { memory, at }
    }

    /// What has been filled, from the start of the memory.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[..self.at]
    }

    /// Where the next bytes go.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn room(&self) -> usize {
        self.memory.len() - self.at
    }

    pub(crate) fn has_room(&self, more: usize) -> bool {
        self.room() >= more
    }

    /// Appends what `fill` writes, and says where it lies.
    pub(crate) fn span(&mut self, fill: impl FnOnce(&mut Self)) -> Span {
        let start = self.at;
        fill(self);
        Span { offset: start as u32, length: (self.at - start) as u32 }
    }

    /// Like `span`, except that bytes which one of `earlier` holds are not stored twice.
    pub(crate) fn span_once(&mut self, earlier: &[Span], fill: impl FnOnce(&mut Self)) -> Span {
        let span = self.span(fill);
        let bytes = self.at_span(span);
        let Some(same) = earlier.iter().find(|known| self.at_span(**known) == bytes) else {
            return span;
        };
        self.at = span.offset as usize;
        *same
    }

    fn at_span(&self, span: Span) -> &[u8] {
        let start = span.offset as usize;
        &self.memory[start..start + span.length as usize]
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        self.memory[self.at..end].copy_from_slice(bytes);
        self.at = end;
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
        let mut memory = [9; 12];
        let mut buffer = Buffer::new(&mut memory, 1);
        assert_eq!(buffer.span(|c| c.put(b"abc")), Span { offset: 1, length: 3 });
        assert_eq!(buffer.span(|c| c.put_text("de")), Span { offset: 4, length: 4 });
        assert_eq!(buffer.bytes(), b"\x09abc\x02\0de");
        assert_eq!(memory[8..], [9; 4]);
    }

    #[test]
    fn what_lies_there_already_is_not_kept_twice() {
        let mut memory = [9; 12];
        let mut buffer = Buffer::new(&mut memory, 1);
        let first = buffer.span_once(&[], |c| c.put(b"abc"));
        let other = buffer.span_once(&[first], |c| c.put(b"abd"));
        assert_eq!(other, Span { offset: 4, length: 3 });
        assert_eq!(buffer.span_once(&[first, other], |c| c.put(b"abd")), other);
        assert_eq!(buffer.span_once(&[first, other], |c| c.put(b"ab")).offset, 7);
        assert_eq!(buffer.bytes(), b"\x09abcabdab");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let mut memory = vec![0; 100_000];
        let mut buffer = Buffer::new(&mut memory, 0);
        buffer.put_text(&"ü".repeat(40_000));
        assert_eq!(buffer.bytes()[..2], 65_534u16.to_le_bytes());
        assert!(std::str::from_utf8(&buffer.bytes()[2..]).is_ok());
    }

    #[test]
    fn room_is_what_is_left() {
        let mut memory = [0; 8];
        let mut buffer = Buffer::new(&mut memory, 2);
        buffer.put(b"x");
        assert!(buffer.has_room(5));
        assert!(!buffer.has_room(6));
        assert!(!Buffer::new(&mut memory, 9).has_room(1));
        assert!(!Buffer::new(&mut [], 5).has_room(usize::MAX));
    }
}
