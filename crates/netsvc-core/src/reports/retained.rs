//! The last values of a service, kept for later subscribers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;

use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::content::Content;
use crate::ids::Str;
use crate::reports::pattern::Pattern;
use crate::steps;
use crate::time::Time;

/// How long a report is kept as last value of its subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// Not at all; the subject's kept value, if any, is dropped.
    #[default]
    None,
    /// For this time.
    For(Duration),
    /// As long as its service exists.
    Forever,
}

/// A kept value.
#[derive(Clone, Debug)]
pub(crate) struct RetainedValue {
    pub(crate) subject: Str,
    pub(crate) content: Content,
    /// Extension fields of the report.
    pub(crate) extensions: Bytes,
    /// When its lifetime ends; `Time::NEVER`: with its service.
    pub(crate) expires: Time,
}

/// What a look for the next value comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// The next, with its sequence.
    Value(u64, &'a RetainedValue),
    /// None up to that sequence; further ones were not looked at.
    NothingYet(u64),
    Nothing,
}

/// Ordered by sequence, so that a replay is a cursor: a value that is replaced while a replay is
/// under way moves behind the replay's end.
#[derive(Debug)]
pub(crate) struct RetainedValues {
    values: BTreeMap<u64, RetainedValue>,
    by_subject: SeededMap<Str, u64>,
    /// When those expire that do before their service ends, with their sequences.
    expiring: BTreeSet<(Time, u64)>,
    bytes: usize,
}

impl RetainedValues {
    pub(crate) fn new(seed: u64) -> Self {
        let by_subject = SeededMap::with_hasher(SeededState(seed));
        Self { values: BTreeMap::new(), by_subject, expiring: BTreeSet::new(), bytes: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Bytes of content of all values.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn bytes_of(&self, subject: &str) -> Option<usize> {
        let sequence = self.by_subject.get(subject)?;
        self.values.get(sequence).map(|value| value.content.bytes.len())
    }

    pub(crate) fn insert(&mut self, sequence: u64, value: RetainedValue) {
        self.remove(&value.subject);
        self.bytes += value.content.bytes.len();
        self.by_subject.insert(value.subject.clone(), sequence);
        if value.expires != Time::NEVER {
            self.expiring.insert((value.expires, sequence));
        }
        self.values.insert(sequence, value);
    }

    pub(crate) fn remove(&mut self, subject: &str) {
        if let Some(sequence) = self.by_subject.remove(subject)
            && let Some(value) = self.values.remove(&sequence)
        {
            self.bytes -= value.content.bytes.len();
            self.expiring.remove(&(value.expires, sequence));
        }
    }

    /// When the first of them expires.
    pub(crate) fn first_expiry(&self) -> Time {
        self.expiring.first().map_or(Time::NEVER, |(expires, _)| *expires)
    }

    /// Drops what has expired.
    pub(crate) fn sweep(&mut self, now: Time) {
        while let Some((expires, sequence)) = self.expiring.first().copied()
            && expires <= now
        {
            steps::count(1);
            self.expiring.pop_first();
            if let Some(subject) = self.values.get(&sequence).map(|value| value.subject.clone()) {
                self.remove(&subject);
            }
        }
    }

    /// The first unexpired value that matches, with a sequence above `after` and up to `upto`.
    pub(crate) fn next(
        &self,
        now: Time,
        pattern: &Pattern,
        after: u64,
        upto: u64,
    ) -> Option<(u64, &RetainedValue)> {
        match self.find(now, pattern, after, upto, &mut { usize::MAX }) {
            Found::Value(sequence, value) => Some((sequence, value)),
            Found::NothingYet(_) | Found::Nothing => None,
        }
    }

    /// As [`next`](Self::next), within so many `looks` at values; those taken are subtracted.
    pub(crate) fn find(
        &self,
        now: Time,
        pattern: &Pattern,
        after: u64,
        upto: u64,
        looks: &mut usize,
    ) -> Found<'_> {
        if after >= upto {
            return Found::Nothing;
        }
        let mut last = after;
        for (sequence, value) in self.values.range((Bound::Excluded(after), Bound::Included(upto)))
        {
            if *looks == 0 {
                return Found::NothingYet(last);
            }
            *looks -= 1;
            steps::count(pattern.steps(&value.subject));
            last = *sequence;
            if value.expires > now && pattern.matches(&value.subject) {
                return Found::Value(*sequence, value);
            }
        }
        Found::Nothing
    }
}
