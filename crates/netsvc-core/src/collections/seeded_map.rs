//! Hash tables keyed by what peers send.

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hasher};

/// `SipHash` with a secret of this process in front of every key, so that a peer cannot choose
/// names that collide. Integers of our own making use `rustc-hash` instead.
#[derive(Clone, Debug)]
pub(crate) struct SeededState(pub(crate) u64);

impl BuildHasher for SeededState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

/// A map whose keys come from outside.
pub(crate) type SeededMap<K, V> = HashMap<K, V, SeededState>;
