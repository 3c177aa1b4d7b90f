//! Patterns of subjects.

use crate::ids::Str;

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
    Glob,
}

impl Pattern {
    /// Every string is a pattern.
    pub fn new(text: impl Into<Str>) -> Self {
        let text = text.into();
        let shape = match text.find(['*', '?']) {
            None => Shape::Exact,
            Some(0) if &*text == "*" => Shape::All,
            Some(at) if at + 1 == text.len() && text.ends_with('*') => Shape::Prefix,
            Some(_) => Shape::Glob,
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
            Shape::Glob => glob(&self.text, subject),
        }
    }
}

/// Linear in the pattern times the subject at worst: after a `*` only the last one is retried.
fn glob(pattern: &str, subject: &str) -> bool {
    let mut pattern = pattern.chars();
    let mut subject = subject.chars();
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut rest = pattern.clone();
        match rest.next() {
            Some('*') => {
                retry = Some((rest.clone(), subject.clone()));
                pattern = rest;
                continue;
            }
            Some(wanted) => {
                let mut ahead = subject.clone();
                if let Some(found) = ahead.next()
                    && (wanted == '?' || wanted == found)
                {
                    pattern = rest;
                    subject = ahead;
                    continue;
                }
            }
            None if subject.as_str().is_empty() => return true,
            None => {}
        }
        let Some((after_star, mut from)) = retry.take() else { return false };
        if from.next().is_none() {
            return false;
        }
        pattern = after_star.clone();
        subject = from.clone();
        retry = Some((after_star, from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, subject: &str) -> bool {
        Pattern::new(pattern).matches(subject)
    }

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
    }

    #[test]
    fn matching_is_case_sensitive_and_takes_the_whole_subject() {
        assert!(!matches("a", "A"));
        assert!(!matches("a", "ab"));
        assert!(!matches("b*", "ab"));
        assert!(matches("", ""));
        assert!(!matches("", "a"));
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
        #[test]
        fn matching_agrees_with_the_definition(
            pattern in "[ab.é*?]{0,8}",
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
