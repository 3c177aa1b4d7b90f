//! Bytes on their way to a socket.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// What has at least this many bytes is worth a segment of its own, and a reference on its way
/// there. Below, a copy costs less than one more segment in the system call.
pub(crate) const SEGMENT_FROM: usize = 4 << 10;
/// First buffer of a batch: enough for a request or a few reports, cheap to get and to drop.
const FIRST_CHUNK: usize = 1 << 10;
/// Largest buffer of a batch: below what allocators map one by one.
const LAST_CHUNK: usize = 64 << 10;

/// Output of an encoder, to be written with as few system calls and copies as possible.
///
/// Small pieces are collected in buffers, large contents are referred to. An empty batch owns no
/// memory, so an idle link costs none.
#[derive(Debug, Default)]
pub struct SendBuffer {
    /// What comes before `tail`; none of them empty.
    segments: VecDeque<Bytes>,
    /// Where small pieces go.
    tail: BytesMut,
    len: usize,
    /// Bytes that were moved out at once the last time. The next are likely to be as many, and a
    /// system call for one buffer costs the kernel much less than for several.
    burst: usize,
    /// Bytes since it was empty that others may hold as well.
    shared: usize,
}

impl SendBuffer {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes not written yet.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether everything is written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills `dst` with the first bytes to be written; returns how many of its elements are used.
    /// If `dst` is short, the rest comes after [`advance`](Self::advance).
    pub fn slices<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let tail = Some(&self.tail[..]).filter(|tail| !tail.is_empty());
        let pieces = self.segments.iter().map(|segment| &segment[..]).chain(tail);
        let mut used = 0;
        for (slice, piece) in dst.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            used += 1;
        }
        used
    }

    /// Forgets the first `written` bytes, at most all.
    pub fn advance(&mut self, written: usize) {
        debug_assert!(written <= self.len, "{written} bytes written of {}", self.len);
        if written >= self.len {
            return self.clear();
        }
        self.len -= written;
        let mut left = written;
        while let Some(segment) = self.segments.front_mut() {
            if left < segment.len() {
                return segment.advance(left);
            }
            left -= segment.len();
            self.segments.pop_front();
        }
        self.tail.advance(left);
    }

    /// Appends whole frames, or the rest of one whose beginning is here, or was; without a copy.
    pub fn push(&mut self, rest: Bytes) {
        if !rest.is_empty() {
            self.seal();
            self.len += rest.len();
            self.segments.push_back(rest);
        }
    }

    /// As [`push`](Self::push), of what others may hold as well.
    pub(crate) fn push_shared(&mut self, rest: Bytes) {
        self.note_shared(rest.len());
        self.push(rest);
    }

    /// So many of the bytes that were pushed others may hold as well.
    pub(crate) fn note_shared(&mut self, bytes: usize) {
        self.shared += bytes;
    }

    /// Bytes that nobody else holds, not written yet.
    pub(crate) fn alone(&self) -> usize {
        self.len.saturating_sub(self.shared)
    }

    /// Moves everything out of `other`, behind what is here.
    pub(crate) fn append(&mut self, other: &mut Self) {
        let burst = other.len;
        if self.is_empty() {
            std::mem::swap(self, other);
            self.burst = 0;
        } else if !other.is_empty() {
            self.seal();
            self.len += other.len;
            self.shared += other.shared;
            self.segments.append(&mut other.segments);
            self.tail = std::mem::take(&mut other.tail);
            other.clear();
        }
        if burst > 0 {
            other.burst = burst;
        }
    }

    /// Forgets everything and frees its memory.
    pub fn clear(&mut self) {
        *self = Self { burst: self.burst, ..Self::default() };
    }

    /// Appends a copy of `bytes`.
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.tail.extend_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Appends copies of both.
    #[allow(clippy::inline_always, reason = "the path of every small message")]
    #[inline(always)]
    pub(super) fn copy_both(&mut self, head: &[u8], content: &[u8]) {
        let bytes = head.len() + content.len();
        self.make_room(bytes);
        self.tail.extend_from_slice(head);
        self.tail.extend_from_slice(content);
        self.len += bytes;
    }

    #[inline]
    fn make_room(&mut self, bytes: usize) {
        if self.tail.capacity() - self.tail.len() < bytes {
            self.grow(bytes);
        }
    }

    #[cold]
    fn grow(&mut self, bytes: usize) {
        self.seal();
        // As much again as there is: like a vector that doubles, but nothing is moved.
        let size = self.len.max(self.burst).clamp(FIRST_CHUNK, LAST_CHUNK).max(bytes);
        self.tail = BytesMut::with_capacity(size);
    }

    /// Makes what is in `tail` a segment; what is left of the buffer is used on.
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            let segment = self.tail.split().freeze();
            self.segments.push_back(segment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(batch: &SendBuffer) -> Vec<u8> {
        first(batch, usize::MAX)
    }

    /// What a socket takes that has room for `most` bytes.
    fn first(batch: &SendBuffer, most: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let used = batch.slices(&mut slices);
        slices[..used].iter().flat_map(|slice| slice.iter().copied()).take(most).collect()
    }

    fn filled(pieces: &[usize]) -> (SendBuffer, Vec<u8>) {
        let (mut batch, mut expected) = (SendBuffer::new(), Vec::new());
        for (index, size) in pieces.iter().enumerate() {
            let piece = vec![index as u8; *size];
            expected.extend_from_slice(&piece);
            piece_of(&mut batch, piece);
        }
        (batch, expected)
    }

    #[test]
    fn bytes_leave_in_order() {
        let (batch, expected) = filled(&[10, 4095, 4096, 0, 20_000, 30, 3000, 100_000]);
        assert_eq!(batch.len(), expected.len());
        assert_eq!(written(&batch), expected);
    }

    #[test]
    fn partial_writes_of_any_size_lose_nothing() {
        for step in [1, 7, 1000, 4096, 5000, 33_000] {
            let (mut batch, expected) = filled(&[10, 5000, 3, 4096, 0, 2000, 2000, 2000]);
            let mut seen = Vec::new();
            while !batch.is_empty() {
                let piece = first(&batch, step);
                assert_eq!(piece.len(), step.min(batch.len()));
                batch.advance(piece.len());
                seen.extend(piece);
            }
            assert!(seen == expected, "step {step}");
        }
    }

    #[test]
    fn a_batch_goes_behind_another() {
        for (first_pieces, second_pieces) in
            [(&[][..], &[10, 5000][..]), (&[10, 5000, 7], &[]), (&[10], &[20, 30_000, 5])]
        {
            let ((mut batch, mut expected), (mut other, rest)) =
                (filled(first_pieces), filled(second_pieces));
            batch.append(&mut other);
            expected.extend(rest);
            batch.copy(b"end");
            expected.extend(b"end");
            assert_eq!(written(&batch), expected);
            assert_eq!((batch.len(), other.len()), (expected.len(), 0));
        }
    }

    /// Appends a piece as an encoder does.
    fn piece_of(batch: &mut SendBuffer, piece: Vec<u8>) {
        if piece.len() < SEGMENT_FROM {
            batch.copy(&piece);
        } else {
            batch.push(piece.into());
        }
    }

    #[test]
    fn large_contents_are_not_copied() {
        let content = Bytes::from(vec![1; SEGMENT_FROM]);
        let mut batch = SendBuffer::new();
        batch.copy(b"head");
        batch.push(content.clone());
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(batch.slices(&mut slices), 2);
        assert!(std::ptr::eq(slices[1].as_ptr(), content.as_ptr()));
    }

    #[test]
    fn a_short_list_of_slices_gets_the_beginning() {
        let (batch, expected) = filled(&[5000, 5000, 5000]);
        let mut slices = [IoSlice::new(&[]); 2];
        assert_eq!(batch.slices(&mut slices), 2);
        assert_eq!([&slices[0][..], &slices[1][..]].concat(), expected[..10_000]);
    }

    #[test]
    fn an_empty_batch_owns_no_memory() {
        let (mut batch, expected) = filled(&[100, 5000, 100, 40_000, 2000]);
        assert!(batch.tail.capacity() > 0 && batch.segments.capacity() > 0);
        batch.advance(expected.len());
        assert!(batch.is_empty());
        assert_eq!((batch.tail.capacity(), batch.segments.capacity()), (0, 0));
        assert_eq!(written(&batch), []);
    }

    #[test]
    fn a_burst_like_the_one_before_fits_into_one_buffer() {
        let (mut ready, mut batch) = (SendBuffer::new(), SendBuffer::new());
        let pieces = [3, 1, 3, 3].map(|burst| {
            (0..burst * 100).for_each(|_| ready.copy(&[0; 100]));
            batch.append(&mut ready);
            let pieces = batch.slices(&mut [IoSlice::new(&[]); 64]);
            batch.advance(batch.len());
            pieces
        });
        assert!(pieces[0] > 2, "{pieces:?}");
        assert_eq!([pieces[1], pieces[3]], [1, 1]);
        assert_eq!((ready.tail.capacity(), batch.tail.capacity()), (0, 0));
    }

    #[test]
    fn buffers_grow_with_the_batch() {
        let mut batch = SendBuffer::new();
        batch.copy(&[0; 20]);
        assert_eq!(batch.tail.capacity(), FIRST_CHUNK);
        (0..10_000).for_each(|_| batch.copy(&[0; 50]));
        assert!(batch.segments.len() < 24, "{} segments", batch.segments.len());
    }
}
