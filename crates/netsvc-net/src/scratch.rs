//! Memory that a thread uses for whatever connection it serves, so that an idle one owns none.

use std::cell::RefCell;

use bytes::BytesMut;

/// More than this is not kept for the next use.
const MAX_BUFFER: usize = 256 << 10;

/// Most bytes that lie in a thread's memory for what is read at once.
const BYTES: usize = 256 << 10;

thread_local! {
    static BUFFER: RefCell<BytesMut> = RefCell::default();
    static SLICE: RefCell<Vec<u8>> = RefCell::new(vec![0; BYTES]);
}

/// What is read to first, unless a stream reads straight into buffers: `BYTES` bytes, whose values
/// stay until the next use.
pub(crate) fn with_bytes<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    SLICE.with_borrow_mut(|bytes| work(bytes))
}

/// A read buffer, empty; what is left of an earlier one if nobody uses its content any more.
pub(crate) fn take_buffer() -> BytesMut {
    let mut buffer = BUFFER.take();
    buffer.clear();
    buffer
}

/// Keeps a buffer for the next read.
pub(crate) fn keep_buffer(buffer: BytesMut) {
    if buffer.capacity() <= MAX_BUFFER {
        BUFFER.set(buffer);
    }
}
