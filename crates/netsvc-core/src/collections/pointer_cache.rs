//! A cache keyed by strings, which it tells apart by their addresses instead of their texts.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::ids::Str;

/// Strings that travel often (subjects, methods, names) are shared by everything that mentions
/// them, so the address of one says in a few nanoseconds what hashing its text says in many. An
/// equal text elsewhere in memory is simply not found. An entry owns its string: while it is here
/// no other can be at that address. Peers choose texts, never addresses, so no peer can aim at
/// collisions.
#[derive(Debug)]
pub(crate) struct PointerCache<V> {
    entries: FxHashMap<usize, (Str, V)>,
    limit: usize,
}

impl<V> PointerCache<V> {
    /// A cache that is cleared when it has `limit` entries.
    pub(crate) fn new(limit: usize) -> Self {
        Self { entries: FxHashMap::default(), limit }
    }

    pub(crate) fn get(&self, text: &Str) -> Option<&V> {
        self.entries.get(&address(text)).map(|(_, value)| value)
    }

    /// The value of a string; `find` computes it if it is not cached.
    pub(crate) fn get_or_insert_with(&mut self, text: &Str, find: impl FnOnce() -> V) -> &V {
        let address = address(text);
        if self.entries.len() >= self.limit && !self.entries.contains_key(&address) {
            self.entries.clear();
        }
        &self.entries.entry(address).or_insert_with(|| (text.clone(), find())).1
    }

    pub(crate) fn insert(&mut self, text: &Str, value: V) {
        if self.entries.len() >= self.limit {
            self.entries.clear();
        }
        self.entries.insert(address(text), (text.clone(), value));
    }

    pub(crate) fn clear(&mut self) {
        if !self.entries.is_empty() {
            self.entries.clear();
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// As [`clear`](Self::clear), and gives the memory back.
    pub(crate) fn free(&mut self) {
        self.entries = FxHashMap::default();
    }
}

fn address(text: &Str) -> usize {
    Arc::as_ptr(text).cast::<u8>() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_string_is_found_and_an_equal_one_is_not() {
        let (text, equal) = (Str::from("a.b"), Str::from("a.b"));
        let mut cache = PointerCache::new(8);
        cache.insert(&text, 1);
        assert_eq!(cache.get(&text.clone()), Some(&1));
        assert_eq!(cache.get(&equal), None);
        cache.clear();
        assert_eq!(cache.get(&text), None);
    }

    #[test]
    fn what_is_known_is_not_found_out_again() {
        let texts = [Str::from("a"), Str::from("b"), Str::from("c")];
        let mut cache = PointerCache::new(2);
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(cache.get_or_insert_with(text, || number), &number);
            assert_eq!(cache.get_or_insert_with(text, || unreachable!()), &number);
        }
        assert_eq!(texts.map(|text| cache.get(&text).copied()), [None, None, Some(2)]);
    }

    #[test]
    fn an_entry_keeps_its_address_from_being_used_again() {
        let mut cache = PointerCache::new(1000);
        for number in 0..1000 {
            cache.insert(&Str::from("short-lived"), number);
        }
        assert_eq!(cache.entries.len(), 1000);
        cache.insert(&Str::from("one more"), 0);
        assert_eq!(cache.entries.len(), 1);
    }
}
