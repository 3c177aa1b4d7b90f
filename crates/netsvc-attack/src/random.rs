//! Random numbers of the operating system, for ids.

use std::hash::{BuildHasher, RandomState};

/// The standard library seeds its hashes at random.
pub(crate) fn number() -> u64 {
    RandomState::new().hash_one(0)
}

pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&number().to_le_bytes()[..chunk.len()]);
    }
    bytes
}
