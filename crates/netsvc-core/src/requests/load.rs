//! The requests under way at one provider, and what each caller may have of them.
//!
//! A caller may have as many as it leaves free to others: half of the limit if it is alone, then
//! half of the rest. So one of them, whatever it does, never keeps another out. Who asks is counted
//! only while half of the limit is taken, since before that nobody can have more than its share.

use crate::collections::id_map::IdMap;
use crate::ids::ProcessNo;
use crate::registry::process_table::OWN;

/// Smaller limits are not shared out: half of a few would be too few for a lone caller.
const MIN_SHARED: usize = 16;

/// Of one service, or of whatever is behind a link.
#[derive(Debug, Default)]
pub(crate) struct Load {
    running: usize,
    /// From so many on it has to be asked who asks.
    crowded: usize,
    crowd: Option<Box<Crowd>>,
}

/// The requests of a [`Load`] by caller.
#[derive(Debug)]
struct Crowd {
    of: IdMap<ProcessNo, usize>,
    limit: usize,
}

impl Load {
    /// How many there are.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.running
    }

    /// The next has to be [admitted](Self::admit).
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.running >= self.crowded
    }

    /// Whether a caller may have another request; if so, it [begins](Self::begin). `callers`: those
    /// of all that there are. An error: what is in the way.
    #[cold]
    pub(crate) fn admit(
        &mut self,
        caller: ProcessNo,
        limit: usize,
        callers: impl Iterator<Item = ProcessNo>,
    ) -> Result<(), Full> {
        if self.running >= limit {
            return Err(Full::Limit(limit));
        }
        if limit < MIN_SHARED {
            self.crowded = limit;
            return Ok(());
        }
        if self.running < limit / 2 && self.crowd.is_none() {
            self.crowded = limit / 2;
            return Ok(());
        }
        // The application of this process is held to the limit alone.
        if caller == OWN {
            return Ok(());
        }
        self.crowded = 0;
        let crowd = self.crowd.get_or_insert_with(|| Box::new(Crowd::of(callers, limit)));
        let own = crowd.of.get(caller).copied().unwrap_or(0);
        if own + self.running >= limit {
            return Err(Full::Share { own, limit });
        }
        crowd.add(caller);
        Ok(())
    }

    #[inline]
    pub(crate) fn begin(&mut self) {
        self.running += 1;
    }

    #[inline]
    pub(crate) fn end(&mut self, caller: ProcessNo) {
        debug_assert!(self.running > 0, "a request ends twice");
        self.running = self.running.wrapping_sub(1);
        if self.crowd.is_some() {
            self.leave_crowd(caller);
        }
    }

    #[cold]
    fn leave_crowd(&mut self, caller: ProcessNo) {
        let Some(crowd) = &mut self.crowd else { return };
        if self.running <= crowd.limit / 4 {
            self.crowded = crowd.limit / 2;
            self.crowd = None;
        } else if let Some(own) = crowd.of.get_mut(caller) {
            *own -= 1;
            if *own == 0 {
                crowd.of.remove(caller);
            }
        }
    }
}

impl Crowd {
    fn of(callers: impl Iterator<Item = ProcessNo>, limit: usize) -> Self {
        let mut crowd = Self { of: IdMap::default(), limit };
        callers.for_each(|caller| crowd.add(caller));
        crowd
    }

    fn add(&mut self, caller: ProcessNo) {
        match self.of.get_mut(caller) {
            Some(own) => *own += 1,
            None => {
                self.of.insert_new(caller, 1);
            }
        }
    }
}

/// Why a caller is not [admitted](Load::admit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// So many are under way.
    Limit(usize),
    /// The caller has so many of them, and the rest is for others.
    Share { own: usize, limit: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many requests as a caller gets.
    fn take(load: &mut Load, all: &mut Vec<ProcessNo>, caller: u32, limit: usize) -> usize {
        let caller = ProcessNo(caller);
        for count in 0.. {
            if load.is_crowded() && load.admit(caller, limit, all.iter().copied()).is_err() {
                return count;
            }
            load.begin();
            all.push(caller);
        }
        0
    }

    #[test]
    fn each_caller_leaves_as_many_as_it_has() {
        let (mut load, mut all) = (Load::default(), Vec::new());
        let taken = (1..=11).map(|caller| take(&mut load, &mut all, caller, 1024));
        assert_eq!(taken.collect::<Vec<_>>(), [512, 256, 128, 64, 32, 16, 8, 4, 2, 1, 1]);
        assert_eq!(take(&mut load, &mut all, 12, 1024), 0);
    }

    #[test]
    fn the_application_itself_and_those_of_a_small_limit_have_it_all() {
        let (mut load, mut all) = (Load::default(), Vec::new());
        assert_eq!(take(&mut load, &mut all, OWN.0, 100), 100);
        let (mut load, mut all) = (Load::default(), Vec::new());
        assert_eq!(take(&mut load, &mut all, 1, MIN_SHARED - 1), MIN_SHARED - 1);
    }

    #[test]
    fn who_asks_is_forgotten_when_few_are_left_and_found_again() {
        let (mut load, mut all) = (Load::default(), Vec::new());
        for _ in 0..3 {
            assert_eq!(take(&mut load, &mut all, 1, 100), 50);
            assert_eq!(take(&mut load, &mut all, 2, 100), 25);
            while load.crowd.is_some() {
                load.end(all.remove(0));
            }
            assert_eq!((load.count(), all.len()), (25, 25));
            all.drain(..).for_each(|caller| load.end(caller));
        }
        assert_eq!(load.count(), 0);
    }
}
