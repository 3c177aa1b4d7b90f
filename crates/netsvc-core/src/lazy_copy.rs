//! A buffer that is written again soon, and one copy of it for everything in it that has to stay.

use std::cell::OnceCell;

use bytes::Bytes;

/// What was read at once, or staged by the application at once.
///
/// Most of it moves on before the buffer is written again and is never copied. Once something has
/// to stay, all of the buffer is copied, once: a burst whose messages all have to wait costs one
/// allocation, not one for each.
#[derive(Debug)]
pub struct LazyCopy<'a> {
    bytes: &'a [u8],
    copy: OnceCell<Bytes>,
}

impl<'a> LazyCopy<'a> {
    /// For a buffer that somebody writes again.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, copy: OnceCell::new() }
    }

    /// For bytes that stay as they are: nothing is ever copied.
    pub fn shared(bytes: &'a Bytes) -> Self {
        Self { bytes, copy: OnceCell::from(bytes.clone()) }
    }

    /// The buffer.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether parts of it are kept without a copy.
    pub(crate) fn is_shared(&self) -> bool {
        self.copy.get().is_some()
    }

    /// A part of the buffer, to be kept. A part of anything else is copied by itself.
    pub(crate) fn keep(&self, part: &[u8]) -> Bytes {
        if part.is_empty() {
            // It would keep all of the copy alive for nothing.
            return Bytes::new();
        }
        let begin = self.bytes.as_ptr().addr();
        let at = part.as_ptr().addr().wrapping_sub(begin);
        match at.checked_add(part.len()) {
            Some(end) if end <= self.bytes.len() => {
                self.copy.get_or_init(|| Bytes::copy_from_slice(self.bytes)).slice(at..end)
            }
            _ => Bytes::copy_from_slice(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_copied_once() {
        let bytes = b"one two".to_vec();
        let copy = LazyCopy::of(&bytes);
        let (one, two) = (copy.keep(&bytes[..3]), copy.keep(&bytes[4..]));
        assert_eq!((&one[..], &two[..]), (&b"one"[..], &b"two"[..]));
        assert_eq!(two.as_ptr().addr() - one.as_ptr().addr(), 4);
        assert!(!bytes.as_ptr_range().contains(&one.as_ptr()));
    }

    #[test]
    fn what_is_shared_is_not_copied() {
        let bytes = Bytes::from_static(b"one two");
        let kept = LazyCopy::shared(&bytes).keep(&bytes[4..]);
        assert!(std::ptr::eq(kept.as_ptr(), bytes[4..].as_ptr()));
    }

    #[test]
    fn a_part_of_something_else_is_copied_by_itself() {
        let (bytes, other) = (b"one".to_vec(), b"other".to_vec());
        assert_eq!(LazyCopy::of(&bytes).keep(&other), &other[..]);
    }
}
