//! Where the reports of a subject go, found out once per subject while nothing changes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::collections::pointer_cache::PointerCache;
use crate::ids::{ExchangeId, LinkId, Str};

/// Subjects whose destinations a service remembers; beyond that, it forgets all of them.
const MAX_SUBJECTS: usize = 1024;

/// Bytes that all services of a process together may remember, roughly; beyond that, all is
/// forgotten. A publisher chooses how many subjects there are.
pub(crate) const MAX_REMEMBERED: usize = 8 << 20;

/// What an entry takes besides the text of its subject and what was found, roughly.
pub(crate) const ENTRY: usize = 128;

/// Links that a report goes to; true: nobody behind it wants more than the newest.
pub(crate) type Destinations = Arc<[(LinkId, bool)]>;

/// The destinations of one service's reports that come from within one exchange, or from this
/// process.
#[derive(Debug)]
pub(crate) struct DestinationCache {
    within: Option<ExchangeId>,
    /// Epoch of the routes when it was filled.
    epoch: u64,
    /// By the text of the subject, for strings that `known` has not seen.
    links: HashMap<Str, Destinations>,
    known: PointerCache<Destinations>,
}

impl DestinationCache {
    pub(crate) fn new(within: Option<ExchangeId>) -> Self {
        Self { within, epoch: 0, links: HashMap::default(), known: PointerCache::new(MAX_SUBJECTS) }
    }

    /// Whether it is about reports that come from there.
    #[inline]
    pub(crate) fn is_within(&self, exchange: Option<ExchangeId>) -> bool {
        self.within == exchange
    }

    /// Bytes that are remembered, roughly.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.links.keys().map(|text| text.len()).sum::<usize>();
        texts + (self.links.len() + self.known.len()) * ENTRY
    }

    pub(crate) fn clear(&mut self) {
        self.links.clear();
        self.known.clear();
    }

    /// The destinations of a subject that was asked for by the same string before.
    #[inline]
    pub(crate) fn get(&self, subject: &Str, epoch: u64) -> Option<&Destinations> {
        if self.epoch != epoch {
            return None;
        }
        self.known.get(subject)
    }

    /// The destinations of a subject; `find` is asked if they are not known. What is remembered is
    /// added to `bytes`.
    pub(crate) fn get_or_insert_with(
        &mut self,
        subject: &Str,
        epoch: u64,
        bytes: &mut usize,
        find: impl FnOnce() -> Vec<(LinkId, bool)>,
    ) -> Destinations {
        if self.epoch != epoch {
            self.clear();
            self.epoch = epoch;
        }
        let destinations = if let Some(known) = self.links.get(subject) {
            known.clone()
        } else {
            if self.links.len() >= MAX_SUBJECTS {
                self.clear();
            }
            let found: Destinations = find().into();
            self.links.insert(subject.clone(), found.clone());
            *bytes += ENTRY + size_of_val(&*found);
            found
        };
        // The string is this one's own, if its sender likes.
        *bytes += ENTRY + subject.len();
        self.known.insert(subject, destinations.clone());
        destinations
    }
}
