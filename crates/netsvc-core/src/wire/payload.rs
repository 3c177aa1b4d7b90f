//! How the content of a message leaves the read buffer: copied, or as a slice of it.

use bytes::{Buf, Bytes, BytesMut};

/// Contents below this many bytes are copied.
///
/// A slice keeps the whole read buffer alive, which is 64 KiB unless a larger frame needed more.
/// Contents can wait for long (in a queue of a subscription, as its newest value, in an outbox)
/// and are counted there by their own length; were one of 20 bytes to pin 64 KiB, no limit in
/// bytes would hold. With a quarter of the buffer as the smallest slice, memory exceeds what is
/// counted fourfold at worst. A copied content also leaves the buffer free to be used again. The
/// copy costs less than a microsecond, a fraction of what reading those bytes from a socket cost.
const COPY_BELOW: usize = 16 << 10;

/// Takes a frame of `frame` bytes off the front of `buffer`; the content starts at `start`.
pub(super) fn take(buffer: &mut BytesMut, frame: usize, start: usize) -> Bytes {
    if frame - start < COPY_BELOW {
        let content = Bytes::copy_from_slice(&buffer[start..frame]);
        buffer.advance(frame);
        content
    } else {
        let mut content = buffer.split_to(frame);
        content.advance(start);
        content.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(content: usize) -> (bool, usize) {
        let mut buffer = BytesMut::zeroed(8 + content + 3);
        buffer[8..8 + content].fill(7);
        let start = buffer[8..].as_ptr();
        let bytes = take(&mut buffer, 8 + content, 8);
        assert!(bytes.len() == content && bytes.iter().all(|byte| *byte == 7));
        (std::ptr::eq(bytes.as_ptr(), start), buffer.len())
    }

    #[test]
    fn small_contents_are_copied_and_large_ones_are_not() {
        assert_eq!(taken(COPY_BELOW - 1), (false, 3));
        assert_eq!(taken(COPY_BELOW), (true, 3));
        assert_eq!(taken(0).1, 3);
    }

    #[test]
    fn copying_leaves_the_buffer_free_for_reuse() {
        let mut buffer = BytesMut::with_capacity(64 << 10);
        buffer.resize(1000, 0);
        let capacity = buffer.capacity();
        let content = take(&mut buffer, 1000, 8);
        assert!(buffer.try_reclaim(capacity), "{content:?} must not pin the buffer");
    }
}
