//! Who wants the reports of one service.

use crate::ids::{ExchangeId, LinkId, ProcessNo, Str};
use crate::steps;

use super::destinations::{DestinationCache, Destinations};
use super::pattern::Pattern;
use super::pattern_map::PatternMap;
use super::want::Want;

/// Processes that want reports of one service, each with what it wants.
#[derive(Debug)]
pub(crate) struct Subscribers {
    wants: PatternMap<Vec<Holding>>,
    /// Sorted.
    holders: Vec<Holder>,
    /// Of a local service: by which link its reports go to processes that are behind several.
    /// Sorted by process, at most one for each.
    ways: Vec<Way>,
    /// One for each exchange that reports come from, for nearly all services just one.
    caches: Vec<DestinationCache>,
}

/// Who wants something: a process, and the link over which it said so; `None`: this process.
type Who = (ProcessNo, Option<LinkId>);

/// Who wants a pattern. Lists of them are sorted by `latest`, then by who.
#[derive(Debug)]
struct Holding {
    latest: bool,
    who: Who,
    /// How many interests of that process stand behind it.
    count: u32,
    /// Of a local service: the sequence after which it has been sent all reports of the pattern.
    complete_after: u64,
}

#[derive(Debug)]
struct Holder {
    who: Who,
    /// How many of its wants are told apart.
    wants: u32,
    /// Interests in more than there is room for: while there are any, it gets all reports.
    beyond: u32,
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
    /// `seed` keeps its hashes safe.
    pub(crate) fn new(seed: u64) -> Self {
        let (holders, ways, caches) = (Vec::new(), Vec::new(), Vec::new());
        Self { wants: PatternMap::new(seed), holders, ways, caches }
    }

    /// A process wants something; what it wants over several links is told apart. Without `room`
    /// what is new gets it all reports instead, as long as it lasts: it takes from them what it
    /// wants. From the report after `since` on, unless what it wants was sent by that link before.
    /// Returns what it is a subscriber of now.
    pub(crate) fn add(
        &mut self,
        process: ProcessNo,
        link: Option<LinkId>,
        want: &Want,
        room: bool,
        since: u64,
    ) -> (Want, Changed) {
        self.forget_destinations();
        let who = (process, link);
        if room || want.is_everything() || self.has(process, link, want) {
            return (want.clone(), self.enter(who, want, since));
        }
        let holder = self.holder(who);
        holder.beyond += 1;
        let first = holder.beyond == 1;
        let everything = Want::everything();
        let changed = if first { self.enter(who, &everything, since) } else { Changed::Nothing };
        (everything, changed)
    }

    /// A process no longer wants something. Returns what it is no subscriber of any more.
    pub(crate) fn remove(
        &mut self,
        process: ProcessNo,
        link: Option<LinkId>,
        want: &Want,
    ) -> (Want, Changed) {
        self.forget_destinations();
        let who = (process, link);
        if self.has(process, link, want) {
            return (want.clone(), self.leave(who, want));
        }
        let at = self.holders.binary_search_by_key(&who, |holder| holder.who);
        let holder = at.ok().and_then(|at| self.holders.get_mut(at));
        let Some(holder) = holder.filter(|holder| holder.beyond > 0) else {
            return (want.clone(), Changed::Nothing);
        };
        holder.beyond -= 1;
        let last = holder.beyond == 0;
        let everything = Want::everything();
        let changed = if last { self.leave(who, &everything) } else { Changed::Nothing };
        (everything, changed)
    }

    fn enter(&mut self, who: Who, want: &Want, since: u64) -> Changed {
        let complete_after = since.min(self.complete_after(who, &want.pattern).unwrap_or(since));
        let holdings = self.wants.get_or_insert_with(&want.pattern, Vec::new);
        match place(holdings, want.latest, who) {
            Ok(at) => {
                holdings[at].count += 1;
                Changed::Nothing
            }
            Err(at) => {
                let changed = whether_elsewhere(holdings, want.latest, who.0);
                steps::count_bytes(size_of_val(&holdings[at..]));
                let latest = want.latest;
                holdings.insert(at, Holding { latest, who, count: 1, complete_after });
                self.holder(who).wants += 1;
                changed
            }
        }
    }

    fn leave(&mut self, who: Who, want: &Want) -> Changed {
        let Some(holdings) = self.wants.get_mut(&want.pattern) else { return Changed::Nothing };
        let Ok(at) = place(holdings, want.latest, who) else { return Changed::Nothing };
        holdings[at].count -= 1;
        if holdings[at].count > 0 {
            return Changed::Nothing;
        }
        steps::count_bytes(size_of_val(&holdings[at..]));
        holdings.remove(at);
        let changed = whether_elsewhere(holdings, want.latest, who.0);
        if holdings.is_empty() {
            self.wants.remove(&want.pattern);
        }
        let holder = self.holder(who);
        holder.wants -= 1;
        if holder.wants == 0 {
            self.forget_holder(who);
        }
        changed
    }

    /// A process asked over a link; true: its reports went by another until now.
    pub(crate) fn ask(&mut self, process: ProcessNo, link: LinkId, replay: u32) -> bool {
        if !self.is_held_by(process) {
            return false;
        }
        let way = Way { process, link, replay };
        match self.ways.binary_search_by_key(&process, |known| known.process) {
            Ok(at) => {
                let known = &mut self.ways[at];
                // An earlier question may come later, by a way that the process has given up.
                if replay.wrapping_sub(known.replay).cast_signed() <= 0 {
                    return false;
                }
                let changed = known.link != link;
                *known = way;
                if !changed {
                    return false;
                }
            }
            Err(at) => self.ways.insert(at, way),
        }
        self.forget_destinations();
        true
    }

    /// The link over which reports go to a process, if there is a choice and it has made it.
    pub(crate) fn way_to(&self, process: ProcessNo) -> Option<LinkId> {
        way_to(&self.ways, process)
    }

    /// Whether it is known that a process wants something.
    pub(crate) fn has(&self, process: ProcessNo, link: Option<LinkId>, want: &Want) -> bool {
        let holdings = self.wants.get(&want.pattern);
        holdings.is_some_and(|holdings| place(holdings, want.latest, (process, link)).is_ok())
    }

    /// The sequence after which all reports of a pattern have been sent to a process, as far as is
    /// known: what it wants itself, or what is sent by the same link for another. `None`: none.
    pub(crate) fn complete_after(
        &self,
        (process, link): (ProcessNo, Option<LinkId>),
        pattern: &Pattern,
    ) -> Option<u64> {
        let everything = Want::everything().pattern;
        let covering = [pattern, &everything].into_iter().filter_map(|it| self.wants.get(it));
        let of_one = |holdings: &Vec<Holding>| {
            let own = [false, true].map(|latest| {
                let at = place(holdings, latest, (process, link)).ok()?;
                holdings.get(at)
            });
            // Those of a client that has one hub are all behind the same link.
            let other = holdings.first().filter(|first| first.who.1 == link);
            let known = own.into_iter().flatten().chain(other);
            known.map(|holding| holding.complete_after).min()
        };
        covering.filter_map(of_one).min()
    }

    /// Takes out what was wanted over one link, or by this process; returns it with what the change
    /// amounts to.
    pub(crate) fn take_over(&mut self, link: Option<LinkId>) -> Vec<(ProcessNo, Want, Changed)> {
        let over = |holder: &&Holder| holder.who.1 == link;
        steps::count(self.holders.len());
        let gone: Vec<Who> = self.holders.iter().filter(over).map(|holder| holder.who).collect();
        let mut taken = Vec::new();
        if gone.is_empty() {
            return taken;
        }
        self.forget_destinations();
        self.wants.retain(|pattern, holdings| {
            let first = taken.len();
            steps::count(holdings.len());
            holdings.retain(|Holding { latest, who, .. }| {
                if who.1 == link {
                    let want = Want { pattern: pattern.clone(), latest: *latest };
                    taken.push((who.0, want, Changed::Nothing));
                }
                who.1 != link
            });
            for (process, want, changed) in &mut taken[first..] {
                *changed = whether_elsewhere(holdings, want.latest, *process);
            }
            !holdings.is_empty()
        });
        for who in gone {
            self.forget_holder(who);
        }
        taken
    }

    /// How many patterns are wanted.
    pub(crate) fn patterns(&self) -> usize {
        self.wants.len()
    }

    /// Everything that anybody wants.
    pub(crate) fn for_each(&self, mut each: impl FnMut(ProcessNo, Option<LinkId>, &Str, bool)) {
        for (pattern, holdings) in self.wants.iter() {
            steps::count(holdings.len());
            for Holding { latest, who, .. } in holdings {
                each(who.0, who.1, pattern.text(), *latest);
            }
        }
    }

    /// Nobody wants anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    /// How many want something.
    pub(crate) fn len(&self) -> usize {
        self.holders.len()
    }

    /// The links over which somebody wants something, each once, in order.
    pub(crate) fn links(&self) -> Vec<LinkId> {
        let mut links: Vec<LinkId> =
            self.holders.iter().filter_map(|holder| holder.who.1).collect();
        links.sort_unstable();
        links.dedup();
        links
    }

    /// Where reports go has changed without a change here.
    pub(crate) fn forget_destinations(&mut self) {
        self.caches.iter_mut().for_each(DestinationCache::clear);
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.caches.iter().map(DestinationCache::bytes).sum()
    }

    /// As [`forget_destinations`](Self::forget_destinations), and gives their memory back.
    pub(crate) fn free_destinations(&mut self) {
        self.caches = Vec::new();
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
    /// the lowest `rank`; `None`: never. What is remembered of it is added to `bytes`. With it come
    /// the steps that were taken to find it.
    pub(crate) fn destinations(
        &mut self,
        subject: &Str,
        within: Option<ExchangeId>,
        epoch: u64,
        bytes: &mut usize,
        unasked: &[LinkId],
        rank: impl Fn(ProcessNo, LinkId) -> Option<usize>,
    ) -> (Destinations, usize) {
        let Self { wants, ways: asked, caches, .. } = self;
        let at = caches.iter().position(|cache| cache.is_within(within)).unwrap_or_else(|| {
            caches.push(DestinationCache::new(within));
            caches.len() - 1
        });
        let mut steps = 0;
        let found = caches[at].get_or_insert_with(subject, epoch, bytes, || {
            let mut ways: Vec<(ProcessNo, bool, usize, LinkId, bool)> = Vec::new();
            steps = wants.matching(subject, |holdings| {
                ways.extend(holdings.iter().filter_map(|holding| {
                    let (process, link) = (holding.who.0, holding.who.1?);
                    let other = way_to(asked, process) != Some(link);
                    Some((process, other, rank(process, link)?, link, holding.latest))
                }));
            });
            steps += ways.len();
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
        });
        (found, steps)
    }

    fn holder(&mut self, who: Who) -> &mut Holder {
        let at = match self.holders.binary_search_by_key(&who, |holder| holder.who) {
            Ok(at) => at,
            Err(at) => {
                steps::count_bytes(size_of_val(&self.holders[at..]));
                self.holders.insert(at, Holder { who, wants: 0, beyond: 0 });
                at
            }
        };
        &mut self.holders[at]
    }

    /// Who wants nothing any more has no way.
    fn forget_holder(&mut self, who: Who) {
        if let Ok(at) = self.holders.binary_search_by_key(&who, |holder| holder.who) {
            steps::count_bytes(size_of_val(&self.holders[at..]));
            self.holders.remove(at);
        }
        if !self.is_held_by(who.0)
            && let Ok(at) = self.ways.binary_search_by_key(&who.0, |known| known.process)
        {
            self.ways.remove(at);
        }
    }

    fn is_held_by(&self, process: ProcessNo) -> bool {
        let at = self.holders.partition_point(|holder| holder.who < (process, None));
        self.holders.get(at).is_some_and(|holder| holder.who.0 == process)
    }
}

fn place(holdings: &[Holding], latest: bool, who: Who) -> Result<usize, usize> {
    holdings.binary_search_by_key(&(latest, who), |holding| (holding.latest, holding.who))
}

fn whether_elsewhere(holdings: &[Holding], latest: bool, process: ProcessNo) -> Changed {
    let (Ok(at) | Err(at)) = place(holdings, latest, (process, None));
    let next = holdings.get(at);
    let elsewhere = next.is_some_and(|next| (next.latest, next.who.0) == (latest, process));
    if elsewhere { Changed::Link } else { Changed::Process }
}

fn way_to(ways: &[Way], process: ProcessNo) -> Option<LinkId> {
    let at = ways.binary_search_by_key(&process, |known| known.process).ok()?;
    ways.get(at).map(|known| known.link)
}
