//! Patterns with a value each, found by subject without trying all of them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, DefaultHasher, Hasher};

use crate::collections::seeded_map::SeededState;
use crate::ids::Str;
use crate::steps;

use super::pattern::{Anchor, Pattern};

/// A map by pattern that can be asked for all patterns that match a subject.
///
/// That takes a hash for each length of an anchor that occurs, and tries the patterns whose anchor
/// the subject has: those that match, and globs that begin like it. One pass over the subject
/// gives all the hashes.
#[derive(Debug)]
pub(crate) struct PatternMap<T> {
    beginnings: Anchors<T>,
    endings: Anchors<T>,
    seed: SeededState,
}

#[derive(Debug)]
struct Anchors<T> {
    /// By the hash of the anchor, then by text.
    patterns: BTreeMap<(u64, Str), (Pattern, T)>,
    /// How many patterns have an anchor of so many bytes.
    lengths: BTreeMap<usize, usize>,
}

impl<T> PatternMap<T> {
    pub(crate) fn new(seed: u64) -> Self {
        let (beginnings, endings) = (Anchors::new(), Anchors::new());
        Self { beginnings, endings, seed: SeededState(seed) }
    }

    pub(crate) fn get(&self, pattern: &Pattern) -> Option<&T> {
        let (anchors, key, _) = self.place(pattern);
        anchors.patterns.get(&key).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, pattern: &Pattern) -> Option<&mut T> {
        let (ending, key, _) = self.key(pattern);
        self.anchors_mut(ending).patterns.get_mut(&key).map(|(_, value)| value)
    }

    pub(crate) fn get_or_insert_with(
        &mut self,
        pattern: &Pattern,
        make: impl FnOnce() -> T,
    ) -> &mut T {
        let (ending, key, length) = self.key(pattern);
        let Anchors { patterns, lengths } = self.anchors_mut(ending);
        let (_, value) = patterns.entry(key).or_insert_with(|| {
            *lengths.entry(length).or_default() += 1;
            (pattern.clone(), make())
        });
        value
    }

    pub(crate) fn remove(&mut self, pattern: &Pattern) {
        let (ending, key, length) = self.key(pattern);
        let Anchors { patterns, lengths } = self.anchors_mut(ending);
        if patterns.remove(&key).is_some() {
            forget_length(lengths, length);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.beginnings.patterns.len() + self.endings.patterns.len()
    }

    /// Keeps those for which `keep` holds.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Pattern, &mut T) -> bool) {
        for Anchors { patterns, lengths } in [&mut self.beginnings, &mut self.endings] {
            patterns.retain(|_, (pattern, value)| {
                steps::count(1);
                let kept = keep(pattern, value);
                if !kept {
                    forget_length(lengths, pattern.anchor().text().len());
                }
                kept
            });
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Pattern, &T)> {
        let all = self.beginnings.patterns.values().chain(self.endings.patterns.values());
        all.inspect(|_| steps::count(1)).map(|(pattern, value)| (pattern, value))
    }

    /// The values of all patterns that match a subject. Returns how many steps it took to try
    /// patterns that may match or not.
    pub(crate) fn matching(&self, subject: &str, mut found: impl FnMut(&T)) -> usize {
        let mut steps = 0;
        let mut hasher = self.seed.build_hasher();
        let mut done = 0;
        for length in self.beginnings.lengths.keys() {
            let Some(more) = subject.as_bytes().get(done..*length) else { break };
            write(&mut hasher, more.iter());
            done = *length;
            steps += self.beginnings.matching(hasher.finish(), subject, &mut found);
        }
        let mut hasher = self.seed.build_hasher();
        let mut done = 0;
        for length in self.endings.lengths.keys() {
            let Some(begin) = subject.len().checked_sub(*length) else { break };
            let more = &subject.as_bytes()[begin..subject.len() - done];
            write(&mut hasher, more.iter().rev());
            done = *length;
            steps += self.endings.matching(hasher.finish(), subject, &mut found);
        }
        steps
    }

    fn place(&self, pattern: &Pattern) -> (&Anchors<T>, (u64, Str), usize) {
        let (ending, key, length) = self.key(pattern);
        (if ending { &self.endings } else { &self.beginnings }, key, length)
    }

    fn anchors_mut(&mut self, ending: bool) -> &mut Anchors<T> {
        if ending { &mut self.endings } else { &mut self.beginnings }
    }

    /// Whether it is among the endings, under which key, and how long its anchor is.
    fn key(&self, pattern: &Pattern) -> (bool, (u64, Str), usize) {
        let mut hasher = self.seed.build_hasher();
        let anchor = pattern.anchor();
        let text = anchor.text();
        let ending = matches!(anchor, Anchor::Ending(_));
        match anchor {
            Anchor::Beginning(text) => write(&mut hasher, text.as_bytes().iter()),
            Anchor::Ending(text) => write(&mut hasher, text.as_bytes().iter().rev()),
        }
        (ending, (hasher.finish(), pattern.text().clone()), text.len())
    }
}

impl<T> Anchors<T> {
    const fn new() -> Self {
        Self { patterns: BTreeMap::new(), lengths: BTreeMap::new() }
    }

    fn matching(&self, hash: u64, subject: &str, found: &mut impl FnMut(&T)) -> usize {
        let mut steps = 0;
        let from = (hash, Str::default());
        let alike = self.patterns.range(from..).take_while(|((of, _), _)| *of == hash);
        for (_, (pattern, value)) in alike {
            steps += pattern.steps(subject);
            if pattern.matches(subject) {
                found(value);
            }
        }
        steps
    }
}

/// Byte by byte, so that a hash that goes on is that of the whole.
fn write<'a>(hasher: &mut DefaultHasher, bytes: impl Iterator<Item = &'a u8>) {
    bytes.for_each(|byte| hasher.write_u8(*byte));
}

fn forget_length(lengths: &mut BTreeMap<usize, usize>, length: usize) {
    if let Some(count) = lengths.get_mut(&length) {
        *count -= 1;
        if *count == 0 {
            lengths.remove(&length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(map: &PatternMap<usize>, subject: &str) -> Vec<usize> {
        let mut found = Vec::new();
        map.matching(subject, |value| found.push(*value));
        found.sort_unstable();
        found
    }

    proptest::proptest! {
        #[test]
        fn all_that_match_are_found_and_no_other(
            patterns in proptest::collection::vec("[ab.é*?]{0,5}", 0..20),
            removed in proptest::collection::vec(proptest::bool::ANY, 20),
            subjects in proptest::collection::vec("[ab.é]{0,6}", 1..10),
        ) {
            let mut map = PatternMap::new(7);
            let mut wanted = BTreeMap::new();
            for (at, pattern) in patterns.iter().enumerate() {
                *map.get_or_insert_with(&Pattern::new(pattern.as_str()), || at) = at;
                wanted.insert(pattern.clone(), at);
            }
            for (pattern, removed) in patterns.iter().zip(&removed) {
                if *removed {
                    map.remove(&Pattern::new(pattern.as_str()));
                    wanted.remove(pattern);
                }
            }
            map.retain(|_, value| *value % 5 != 0);
            wanted.retain(|_, value| *value % 5 != 0);
            for subject in &subjects {
                let matches = |(pattern, at): (&String, &usize)| {
                    Pattern::new(pattern.as_str()).matches(subject).then_some(*at)
                };
                let mut expected: Vec<_> = wanted.iter().filter_map(matches).collect();
                expected.sort_unstable();
                proptest::prop_assert_eq!(matching(&map, subject), expected);
            }
            for (pattern, at) in &wanted {
                let pattern = Pattern::new(pattern.as_str());
                proptest::prop_assert_eq!(map.get(&pattern), Some(at));
                map.remove(&pattern);
            }
            proptest::prop_assert!(map.beginnings.lengths.is_empty());
            proptest::prop_assert!(map.endings.lengths.is_empty());
        }
    }

    /// Continuing a hash must be the same as hashing at once.
    #[test]
    fn anchors_of_many_lengths_are_found() {
        let mut map = PatternMap::new(1);
        let subject = "abcdefghijklmnopqrstuvwxyz".repeat(20);
        for length in 0..subject.len() {
            let at = subject.len() - length;
            map.get_or_insert_with(&Pattern::new(format!("{}*", &subject[..length])), || length);
            map.get_or_insert_with(&Pattern::new(format!("*{}", &subject[at..])), || length);
        }
        // "*" is in it once.
        assert_eq!(matching(&map, &subject).len(), 2 * subject.len() - 1);
    }
}
