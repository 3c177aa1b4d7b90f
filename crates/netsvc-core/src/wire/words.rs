//! Fixed fields of frequent frames, cut out of whole words and put together to such.
//!
//! Several narrow fields would be stored on the stack one by one and loaded again as one wide
//! value: the processor forwards no such load from the stores still under way, it waits for them,
//! and so for the content written before them. Atomic operations wait alike, so what these frames
//! are about is borrowed, not counted.

/// Fixed fields as little-endian words.
#[inline]
pub(super) fn words<const BYTES: usize, const WORDS: usize>(fixed: [u8; BYTES]) -> [u64; WORDS] {
    const { assert!(BYTES == WORDS * 8) };
    std::array::from_fn(|word| {
        u64::from_le_bytes(std::array::from_fn(|byte| fixed[word * 8 + byte]))
    })
}

/// Writes words, little-endian, into as many bytes.
#[inline]
pub(super) fn put_words<const WORDS: usize>(out: &mut [u8], words: [u64; WORDS]) {
    debug_assert_eq!(out.len(), 8 * WORDS);
    for (place, word) in out.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
}

/// Two numbers as one word.
pub(super) fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}
