//! What was dropped on its way to one peer, to be reported to it.

use std::collections::BTreeMap;

use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::ids::Str;

/// Subjects of one service that are counted by themselves; what is dropped of others is counted
/// for the service as a whole.
const MAX_SUBJECTS: usize = 256;

/// Counts of dropped reports by service and subject, as numbers of this process's own.
#[derive(Debug, Default)]
pub(crate) struct DropCounts {
    services: BTreeMap<u32, LostOfService>,
}

#[derive(Debug)]
struct LostOfService {
    subjects: SeededMap<Str, u64>,
    others: u64,
}

impl DropCounts {
    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    pub(crate) fn has(&self, service: u32) -> bool {
        self.services.contains_key(&service)
    }

    /// Counts `count` reports of a subject, or of several (`None`).
    pub(crate) fn add(&mut self, service: u32, subject: Option<&Str>, count: u64) {
        let lost = self.services.entry(service).or_insert_with(|| LostOfService {
            // A fixed seed does no harm: the table is small, whatever collides.
            subjects: SeededMap::with_hasher(SeededState(0)),
            others: 0,
        });
        match subject {
            Some(subject)
                if lost.subjects.len() < MAX_SUBJECTS || lost.subjects.contains_key(subject) =>
            {
                let lost = lost.subjects.entry(subject.clone()).or_default();
                *lost = lost.saturating_add(count);
            }
            _ => lost.others = lost.others.saturating_add(count),
        }
    }

    /// Takes out what was lost of a service; `None`: of the first there is.
    pub(crate) fn take(&mut self, service: Option<u32>) -> Vec<(u32, Option<Str>, u64)> {
        let service = match service {
            Some(service) => service,
            None => match self.services.keys().next() {
                Some(first) => *first,
                None => return Vec::new(),
            },
        };
        let Some(lost) = self.services.remove(&service) else { return Vec::new() };
        let mut records: Vec<_> = lost
            .subjects
            .into_iter()
            .map(|(subject, count)| (service, Some(subject), count))
            .collect();
        records.sort_unstable();
        if lost.others > 0 {
            records.push((service, None, lost.others));
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_beyond_the_limit_are_counted_by_service() {
        let mut lost = DropCounts::default();
        for number in 0..MAX_SUBJECTS + 10 {
            lost.add(1, Some(&Str::from(format!("subject.{number}"))), 2);
        }
        lost.add(1, Some(&Str::from("subject.0")), 1);
        let records = lost.take(Some(1));
        assert_eq!(records.len(), MAX_SUBJECTS + 1);
        assert_eq!(records.last(), Some(&(1, None, 20)));
        let all: u64 = records.iter().map(|(_, _, count)| count).sum();
        assert_eq!(all, 2 * (MAX_SUBJECTS as u64 + 10) + 1);
        assert!(lost.is_empty() && lost.take(None).is_empty());
    }
}
