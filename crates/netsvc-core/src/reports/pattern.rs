//! Patterns of subjects.

use crate::ids::Str;

use super::glob;

/// A parsed pattern: `*` stands for any run of characters, also across dots and empty; `?` for
/// exactly one character. Case-sensitive; it must match the whole subject.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Str,
    shape: Shape,
}

/// The common shapes are compared without walking the pattern.
#[derive(Clone, Copy, Debug)]
enum Shape {
    All,
    Exact,
    /// Ends in its only `*` and has no `?`.
    Prefix,
    /// Begins with its only `*` and has no `?`.
    Suffix,
    /// The bytes before the first wildcard.
    Glob(usize),
}

/// What all subjects that a pattern matches have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor<'a> {
    /// They begin with it.
    Beginning(&'a str),
    /// They end in it.
    Ending(&'a str),
}

impl<'a> Anchor<'a> {
    pub(crate) fn text(self) -> &'a str {
        match self {
            Self::Beginning(text) | Self::Ending(text) => text,
        }
    }
}

impl Pattern {
    /// Every string is a pattern.
    pub fn new(text: impl Into<Str>) -> Self {
        let text = text.into();
        let shape = match text.find(['*', '?']) {
            None => Shape::Exact,
            Some(0) if &*text == "*" => Shape::All,
            Some(at) if at + 1 == text.len() && text.ends_with('*') => Shape::Prefix,
            Some(0) if text.starts_with('*') && !text[1..].contains(['*', '?']) => Shape::Suffix,
            Some(at) => Shape::Glob(at),
        };
        Self { text, shape }
    }

    /// As it was written.
    pub fn text(&self) -> &Str {
        &self.text
    }

    /// Whether the whole of `subject` matches.
    pub fn matches(&self, subject: &str) -> bool {
        match self.shape {
            Shape::All => true,
            Shape::Exact => *self.text == *subject,
            Shape::Prefix => subject.starts_with(&self.text[..self.text.len() - 1]),
            Shape::Suffix => subject.ends_with(&self.text[1..]),
            Shape::Glob(_) => glob::matches(&self.text, subject),
        }
    }

    /// How many interests it counts as: patterns of the other shapes are found by what they begin
    /// or end with, a glob has to be tried against every subject that begins like it.
    pub fn weight(&self) -> usize {
        match self.shape {
            Shape::Glob(_) if glob::has_floating_question_mark(&self.text) => 64,
            Shape::Glob(_) => 4,
            _ => 1,
        }
    }

    /// Steps that it takes to say whether a subject matches; 0: no more than to find the pattern.
    pub(crate) fn steps(&self, subject: &str) -> usize {
        match self.shape {
            Shape::Glob(_) => 1 + (self.text.len() + subject.len()) / 64,
            _ => 0,
        }
    }

    pub(crate) fn anchor(&self) -> Anchor<'_> {
        match self.shape {
            Shape::All => Anchor::Beginning(""),
            Shape::Exact => Anchor::Beginning(&self.text),
            Shape::Prefix => Anchor::Beginning(&self.text[..self.text.len() - 1]),
            Shape::Suffix => Anchor::Ending(&self.text[1..]),
            Shape::Glob(at) => Anchor::Beginning(&self.text[..at]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_is_case_sensitive_and_takes_the_whole_subject() {
        let matches = |pattern: &str, subject: &str| Pattern::new(pattern).matches(subject);
        assert!(!matches("a", "A"));
        assert!(!matches("a", "ab"));
        assert!(!matches("b*", "ab"));
        assert!(matches("", ""));
        assert!(!matches("", "a"));
    }

    proptest::proptest! {
        #[test]
        fn every_shape_matches_what_a_glob_does(
            pattern in "[ab*?]{0,4}",
            subject in "[ab]{0,5}",
        ) {
            let pattern = Pattern::new(pattern);
            let wanted = glob::matches(&pattern.text, &subject);
            proptest::prop_assert_eq!(pattern.matches(&subject), wanted);
        }

        #[test]
        fn what_matches_has_the_anchor(pattern in "[ab*?]{0,4}", subject in "[ab]{0,5}") {
            let pattern = Pattern::new(pattern);
            if pattern.matches(&subject) {
                let has_anchor = match pattern.anchor() {
                    Anchor::Beginning(text) => subject.starts_with(text),
                    Anchor::Ending(text) => subject.ends_with(text),
                };
                proptest::prop_assert!(has_anchor);
            }
        }
    }
}
