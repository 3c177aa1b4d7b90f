//! Matching a pattern with wildcards.

use std::iter::zip;

/// Whether `pattern` matches the whole of `subject`.
///
/// Linear in both together; with a `?` after a `*`, in the subject times 1/64 of the pattern. What
/// stands between two `*` may be taken where it comes first: whatever matches the rest after a
/// later place matches it after that one too.
pub(super) fn matches(pattern: &str, subject: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return strip_start(subject, pattern).is_some_and(str::is_empty);
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(subject) = strip_start(subject, first) else { return false };
    let Some(mut subject) = strip_end(subject, last) else { return false };
    middle.split('*').filter(|part| !part.is_empty()).all(|part| match find_end(subject, part) {
        Some(end) => {
            subject = &subject[end..];
            true
        }
        None => false,
    })
}

/// Whether a match of `pattern` takes more than a search for texts: a `?` has to be found, not only
/// compared.
pub(super) fn has_floating_question_mark(pattern: &str) -> bool {
    let Some((_, rest)) = pattern.split_once('*') else { return false };
    rest.rsplit_once('*').is_some_and(|(middle, _)| middle.contains('?'))
}

/// What follows after a part that `subject` begins with.
fn strip_start<'a>(subject: &'a str, part: &str) -> Option<&'a str> {
    if !part.contains('?') {
        return subject.strip_prefix(part);
    }
    let mut chars = subject.chars();
    for wanted in part.chars() {
        let found = chars.next()?;
        if wanted != '?' && wanted != found {
            return None;
        }
    }
    Some(chars.as_str())
}

/// What comes before a part that `subject` ends in.
fn strip_end<'a>(subject: &'a str, part: &str) -> Option<&'a str> {
    if !part.contains('?') {
        return subject.strip_suffix(part);
    }
    let mut chars = subject.chars();
    for wanted in part.chars().rev() {
        let found = chars.next_back()?;
        if wanted != '?' && wanted != found {
            return None;
        }
    }
    Some(chars.as_str())
}

/// Where the first place of a part in `subject` ends.
fn find_end(subject: &str, part: &str) -> Option<usize> {
    if part.contains('?') {
        return Scan::new(part).find_end(subject);
    }
    subject.find(part).map(|at| at + part.len())
}

/// A part with `?`, prepared for a search (Shift-And of Baeza-Yates and Gonnet, 1992): bit *i* of
/// the state says that the part's characters up to its *i*th match those that end here.
struct Scan {
    /// For each character of the part, where in it that may stand; sorted by character.
    places: Vec<(char, Vec<u64>)>,
    /// Where any character may stand.
    anywhere: Vec<u64>,
    /// Of the part.
    last: usize,
}

impl Scan {
    fn new(part: &str) -> Self {
        let length = part.chars().count();
        let words = length.div_ceil(64);
        let mut anywhere = vec![0; words];
        let mut literals: Vec<(char, usize)> = Vec::new();
        for (place, wanted) in part.chars().enumerate() {
            if wanted == '?' {
                set(&mut anywhere, place);
            } else {
                literals.push((wanted, place));
            }
        }
        literals.sort_unstable();
        let mut places: Vec<(char, Vec<u64>)> = Vec::new();
        for (wanted, place) in literals {
            if places.last().is_none_or(|(known, _)| *known != wanted) {
                places.push((wanted, anywhere.clone()));
            }
            if let Some((_, of)) = places.last_mut() {
                set(of, place);
            }
        }
        Self { places, anywhere, last: length - 1 }
    }

    fn find_end(&self, subject: &str) -> Option<usize> {
        let mut state = vec![0_u64; self.anywhere.len()];
        for (at, found) in subject.char_indices() {
            let known = self.places.binary_search_by_key(&found, |(known, _)| *known);
            let places = known.map_or(&self.anywhere, |known| &self.places[known].1);
            let mut carry = 1;
            for (word, places) in zip(&mut state, places) {
                let shifted = *word << 1 | carry;
                carry = *word >> 63;
                *word = shifted & places;
            }
            if state[self.last / 64] >> (self.last % 64) & 1 == 1 {
                return Some(at + found.len_utf8());
            }
        }
        None
    }
}

fn set(bits: &mut [u64], place: usize) {
    bits[place / 64] |= 1 << (place % 64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_crosses_dots_and_may_be_empty() {
        assert!(matches("system.*", "system.time"));
        assert!(matches("system.*", "system.a.b"));
        assert!(matches("system.*", "system."));
        assert!(!matches("system.*", "system"));
        assert!(matches("*", ""));
        assert!(matches("a*c*e", "abcde"));
        assert!(!matches("a*c*e", "abcd"));
        assert!(matches("**a**", "a"));
    }

    #[test]
    fn a_question_mark_is_exactly_one_character() {
        assert!(matches("s?stem", "system"));
        assert!(!matches("s?stem", "sstem"));
        assert!(matches("?", "é"));
        assert!(!matches("?", ""));
        assert!(matches("*?", "x"));
        assert!(matches("*a?c*", "xaéc"));
    }

    #[test]
    fn parts_do_not_overlap() {
        assert!(!matches("ab*bc", "abc"));
        assert!(!matches("a*ba*a", "aba"));
        assert!(matches("a*ba*a", "ababa"));
    }

    #[test]
    fn a_part_longer_than_a_word_is_found() {
        let part = format!("{}?{}", "a".repeat(70), "b".repeat(70));
        let subject = format!("aaaa{}x{}bb", "a".repeat(70), "b".repeat(70));
        assert!(matches(&format!("*{part}*"), &subject));
        assert!(!matches(&format!("*{part}*"), &subject.replace('x', "xx")));
    }

    /// The definition, without cleverness.
    fn reference(pattern: &[char], subject: &[char]) -> bool {
        match pattern.split_first() {
            None => subject.is_empty(),
            Some(('*', rest)) => (0..=subject.len()).any(|n| reference(rest, &subject[n..])),
            Some(('?', rest)) => !subject.is_empty() && reference(rest, &subject[1..]),
            Some((wanted, rest)) => {
                subject.first() == Some(wanted) && reference(rest, &subject[1..])
            }
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]
        #[test]
        fn matching_agrees_with_the_definition(
            pattern in "[ab.é*?]{0,9}",
            subject in "[ab.é]{0,10}",
        ) {
            let expected = reference(
                &pattern.chars().collect::<Vec<_>>(),
                &subject.chars().collect::<Vec<_>>(),
            );
            proptest::prop_assert_eq!(matches(&pattern, &subject), expected);
        }
    }
}
