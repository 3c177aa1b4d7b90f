//! Who wants the reports of one service.

use crate::ids::{ExchangeId, LinkId, ProcessNo, Str};

use super::destinations::{DestinationCache, Destinations};
use super::want::Want;

/// Processes that want reports of one service, each with what it wants.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    entries: Vec<Entry>,
    /// Of a local service: by which link its reports go to processes that are behind several.
    ways: Vec<Way>,
    /// One for each exchange that reports come from, for nearly all services just one.
    caches: Vec<DestinationCache>,
}

#[derive(Debug)]
struct Entry {
    process: ProcessNo,
    /// The link over which the process said so; `None`: this process.
    link: Option<LinkId>,
    want: Want,
    /// How many interests of that process stand behind it.
    count: u32,
}

/// A process asked for kept values, and gets its reports over the same link from that point of the
/// stream on.
#[derive(Debug)]
struct Way {
    process: ProcessNo,
    link: LinkId,
    /// The number that the process gave its question; later ones are higher.
    replay: u32,
}

/// What a change of subscribers amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Nothing new.
    Nothing,
    /// It came or went over one link, and is there over another.
    Link,
    /// The process came or went with this want.
    Process,
}

impl Subscribers {
    /// A process wants something; what it wants over several links is told apart.
    pub(crate) fn add(&mut self, process: ProcessNo, link: Option<LinkId>, want: &Want) -> Changed {
        self.forget_destinations();
        if let Some(at) = self.position(process, link, want) {
            self.entries[at].count += 1;
            return Changed::Nothing;
        }
        let changed = self.whether_elsewhere(process, want);
        self.entries.push(Entry { process, link, want: want.clone(), count: 1 });
        changed
    }

    /// A process no longer wants something.
    pub(crate) fn remove(
        &mut self,
        process: ProcessNo,
        link: Option<LinkId>,
        want: &Want,
    ) -> Changed {
        self.forget_destinations();
        let Some(at) = self.position(process, link, want) else { return Changed::Nothing };
        self.entries[at].count -= 1;
        if self.entries[at].count > 0 {
            return Changed::Nothing;
        }
        self.entries.remove(at);
        self.forget_ways();
        self.whether_elsewhere(process, want)
    }

    /// A process asked over a link; true: its reports went by another until now.
    pub(crate) fn ask(&mut self, process: ProcessNo, link: LinkId, replay: u32) -> bool {
        if !self.entries.iter().any(|entry| entry.process == process) {
            return false;
        }
        let way = Way { process, link, replay };
        match self.ways.iter_mut().find(|known| known.process == process) {
            // An earlier question may come later, by a way that the process has given up.
            Some(known) if replay.wrapping_sub(known.replay).cast_signed() <= 0 => return false,
            Some(known) => {
                let changed = known.link != link;
                *known = way;
                if !changed {
                    return false;
                }
            }
            None => self.ways.push(way),
        }
        self.forget_destinations();
        true
    }

    /// The link over which reports go to a process, if there is a choice and it has made it.
    pub(crate) fn way_to(&self, process: ProcessNo) -> Option<LinkId> {
        self.ways.iter().find(|known| known.process == process).map(|known| known.link)
    }

    /// Whether it is known that a process wants something.
    pub(crate) fn has(&self, process: ProcessNo, link: Option<LinkId>, want: &Want) -> bool {
        self.position(process, link, want).is_some()
    }

    /// Takes out what was wanted over one link, or by this process; returns it with what the change
    /// amounts to.
    pub(crate) fn take_over(&mut self, link: Option<LinkId>) -> Vec<(ProcessNo, Want, Changed)> {
        let mut taken = Vec::new();
        self.entries.retain(|entry| {
            let over = entry.link == link;
            if over {
                taken.push((entry.process, entry.want.clone(), Changed::Nothing));
            }
            !over
        });
        if !taken.is_empty() {
            self.forget_destinations();
            self.forget_ways();
        }
        for (process, want, changed) in &mut taken {
            *changed = self.whether_elsewhere(*process, want);
        }
        taken
    }

    /// Nobody wants anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The links over which somebody wants something, each once.
    pub(crate) fn links(&self) -> Vec<LinkId> {
        let mut links: Vec<LinkId> = self.entries.iter().filter_map(|entry| entry.link).collect();
        links.sort_unstable();
        links.dedup();
        links
    }

    /// Where reports go has changed without a change here.
    pub(crate) fn forget_destinations(&mut self) {
        self.caches.iter_mut().for_each(DestinationCache::clear);
    }

    /// What [`destinations`](Self::destinations) found last, if nothing has changed since.
    #[inline]
    pub(crate) fn known_destinations(
        &self,
        subject: &Str,
        within: Option<ExchangeId>,
        epoch: u64,
    ) -> Option<&Destinations> {
        self.caches.iter().find(|cache| cache.is_within(within))?.get(subject, epoch)
    }

    /// The links that a report of this subject goes to, each once. `within`: the exchange from
    /// which it came; `None`: it is of this process. To those `unasked` it goes in any case. Of
    /// several links to one process, the one over which that asked is taken, or else the one with
    /// the lowest `rank`; `None`: never.
    pub(crate) fn destinations(
        &mut self,
        subject: &Str,
        within: Option<ExchangeId>,
        epoch: u64,
        unasked: &[LinkId],
        rank: impl Fn(ProcessNo, LinkId) -> Option<usize>,
    ) -> Destinations {
        let Self { entries, ways: asked, caches } = self;
        let at = caches.iter().position(|cache| cache.is_within(within)).unwrap_or_else(|| {
            caches.push(DestinationCache::new(within));
            caches.len() - 1
        });
        caches[at].get_or_insert_with(subject, epoch, || {
            let wanted = entries.iter().filter(|entry| entry.want.pattern.matches(subject));
            let mut ways: Vec<(ProcessNo, bool, usize, LinkId, bool)> = wanted
                .filter_map(|entry| {
                    let (process, link) = (entry.process, entry.link?);
                    let other = !asked.iter().any(|way| (way.process, way.link) == (process, link));
                    Some((process, other, rank(process, link)?, link, entry.want.latest))
                })
                .collect();
            // Of each process the preferred link comes first, and decides.
            ways.sort_unstable();
            let mut chosen = None;
            let mut links: Vec<(LinkId, bool)> = Vec::new();
            for (process, _, _, link, latest) in ways {
                if chosen.is_none_or(|(of, _)| of != process) {
                    chosen = Some((process, link));
                }
                if chosen == Some((process, link)) {
                    links.push((link, latest));
                }
            }
            links.extend(unasked.iter().map(|link| (*link, false)));
            // Of one link, those who want every report come first and decide.
            links.sort_unstable();
            links.dedup_by_key(|(link, _)| *link);
            links
        })
    }

    /// Who wants nothing any more has no way.
    fn forget_ways(&mut self) {
        let Self { entries, ways, .. } = self;
        ways.retain(|way| entries.iter().any(|entry| entry.process == way.process));
    }

    fn position(&self, process: ProcessNo, link: Option<LinkId>, want: &Want) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.process == process && entry.link == link && entry.want.is(want))
    }

    fn whether_elsewhere(&self, process: ProcessNo, want: &Want) -> Changed {
        let elsewhere =
            self.entries.iter().any(|entry| entry.process == process && entry.want.is(want));
        if elsewhere { Changed::Link } else { Changed::Process }
    }
}
