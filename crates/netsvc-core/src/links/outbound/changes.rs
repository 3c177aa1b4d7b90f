//! What has happened to services and processes: one log for all links. Each link has a position in
//! it, up to which its peer has been told; what all have been told is forgotten.
//!
//! So a change costs its memory once, however many links there are, and little time when it
//! happens: it is made bytes for each link when that link's transport has room.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::ids::{ExchangeId, LinkId, ProcessNo, ServiceNo, Str};
use crate::links::charges::NOBODY;
use crate::links::exchange::Exchange;
use crate::memory::budget::Budget;
use crate::policy::visibility;
use crate::registry::service::{Service, ServiceRoute};
use crate::wire::{Announcement, Membership};

use super::outbox::OVERHEAD;
use super::shares::Shares;

/// What peers are told.
#[derive(Debug)]
pub(crate) enum Change {
    /// A service as it is in the registry: it has not changed since.
    Appeared(ServiceNo),
    /// A service as it was then.
    Announced(ProcessNo, Box<Announcement>),
    Withdrawn(ProcessNo, ServiceNo, u64),
    Member {
        process: ProcessNo,
        joined: bool,
        change: Box<Membership>,
    },
    ProcessGone(ProcessNo),
}

/// Whom a change concerns: for a given link, the answer never changes.
#[derive(Debug)]
pub(crate) struct Scope {
    /// The link over which this process knows of what has changed, and its exchange: it concerns
    /// the other links of that. `None`: it is this process's own.
    pub(crate) via: Option<(ExchangeId, LinkId)>,
    /// `None`: everybody.
    pub(crate) audience: Option<Str>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) change: Change,
    scope: Scope,
    /// What it is charged, in bytes, and the link that it is charged to.
    size: u32,
    source: LinkId,
    /// Bytes of all entries before it, those that are forgotten included.
    before: u64,
}

#[derive(Debug)]
pub(crate) struct ChangeLog {
    entries: VecDeque<Entry>,
    /// Position of the first entry.
    base: u64,
    /// Bytes of all entries that there ever were.
    total: u64,
    /// Positions that links have come to, and how many.
    positions: BTreeMap<u64, u32>,
    /// Of what waits for the slowest link.
    shares: Shares,
    /// Behind the last change that each link has caused, of those that are not forgotten.
    last: FxHashMap<LinkId, u64>,
    /// Something was added since that was last asked.
    has_news: bool,
    budget: Arc<Budget>,
    /// Bytes that it counts for.
    counted: usize,
}

/// Entries for which an empty log keeps its memory.
const KEPT: usize = 256;

impl Scope {
    /// That of a service with that audience, known by a route; `None`: of this process.
    pub(crate) fn new(route: Option<ServiceRoute>, audience: &Str) -> Self {
        let audience = (**audience != *"*").then(|| audience.clone());
        Self { via: route.map(|route| (route.exchange, route.link)), audience }
    }

    /// The same rule as `Policy::exports`, for one route.
    fn concerns(&self, link: LinkId, exchange: &Exchange) -> bool {
        let audience = self.audience.as_ref();
        audience.is_none_or(|audience| visibility::passes(audience, &exchange.group))
            && self.via.is_none_or(|(of, via)| of == exchange.id && via != link)
    }
}

impl Entry {
    pub(super) fn concerns(&self, link: LinkId, exchange: &Exchange) -> bool {
        self.scope.concerns(link, exchange)
    }
}

impl Change {
    /// Beyond what every entry is charged.
    fn size(&self) -> usize {
        match self {
            Self::Announced(_, announcement) => announcement.body_len(),
            Self::Member { change, .. } => change.group.len(),
            Self::Appeared(_) | Self::Withdrawn(..) | Self::ProcessGone(_) => 0,
        }
    }
}

impl ChangeLog {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            entries: VecDeque::new(),
            base: 0,
            total: 0,
            positions: BTreeMap::new(),
            shares: Shares::default(),
            last: FxHashMap::default(),
            has_news: false,
            budget,
            counted: 0,
        }
    }

    /// Where the next change will be.
    #[inline]
    pub(crate) fn end(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    /// A link follows the log from its end on.
    pub(crate) fn join(&mut self) -> u64 {
        let end = self.end();
        *self.positions.entry(end).or_default() += 1;
        end
    }

    /// A link that has come to a position does not follow the log any more.
    pub(crate) fn leave(&mut self, position: u64) {
        self.step_off(position);
        self.trim();
    }

    /// A link has come further.
    pub(super) fn advance(&mut self, from: u64, to: u64) {
        if from != to {
            *self.positions.entry(to).or_default() += 1;
            self.step_off(from);
            self.trim();
        }
    }

    /// Adds what a message over the link `source` has caused, of that many bytes beyond the
    /// change's own, in a log that is to hold `limit` bytes. Returns its position, and whether from
    /// now on that link has caused too much.
    pub(super) fn push(
        &mut self,
        change: Change,
        scope: Scope,
        bytes: usize,
        source: LinkId,
        limit: usize,
    ) -> (u64, bool) {
        let position = self.end();
        if self.positions.is_empty() {
            return (position, false);
        }
        let size = OVERHEAD + bytes + change.size();
        // No message exceeds 64 KiB by much.
        let charged = u32::try_from(size).unwrap_or(u32::MAX);
        let before = self.total;
        self.total += u64::from(charged);
        // Who has ended a process need not know of that, and nobody waits for it.
        if !matches!(change, Change::ProcessGone(_)) {
            self.last.insert(source, position + 1);
        }
        let entry = Entry { change, scope, size: charged, source, before };
        self.entries.push_back(entry);
        self.has_news = true;
        self.recount();
        (position, source != NOBODY && self.shares.add(source, charged as usize, limit))
    }

    /// A service is about to change or to go: whoever has yet to be told of it is told of it as it
    /// was.
    pub(crate) fn preserve(&mut self, service: &Service) {
        let index = service.announced_at.checked_sub(self.base);
        let index = index.and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| self.entries.get_mut(index))
            && matches!(entry.change, Change::Appeared(no) if no == service.no)
        {
            entry.change =
                Change::Announced(service.process, Box::new(service.announcement().keep()));
        }
    }

    pub(super) fn get(&self, position: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(position.checked_sub(self.base)?).ok()?)
    }

    /// Behind the last change that a link has caused, or nobody.
    pub(super) fn last_of(&self, link: LinkId) -> u64 {
        let last = |link| self.last.get(&link).copied().unwrap_or(0);
        last(link).max(last(NOBODY))
    }

    /// Bytes from a position on.
    pub(crate) fn bytes_from(&self, position: u64) -> usize {
        let before = self.get(position).map_or(self.total, |entry| entry.before);
        usize::try_from(self.total - before).unwrap_or(usize::MAX)
    }

    /// Those who have caused what is in it, each with its bytes.
    pub(crate) fn charges(&self) -> impl Iterator<Item = (LinkId, usize)> {
        self.shares.each()
    }

    /// Whether something was added since this was last asked.
    #[inline]
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Some link is held up until others have been told more.
    pub(crate) fn holds_up(&self) -> bool {
        self.shares.holds_up()
    }

    /// Links that are not held up any more.
    #[inline]
    pub(crate) fn take_released(&mut self) -> Vec<LinkId> {
        self.shares.take_released()
    }

    /// Everybody has been told of everything.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Changes that somebody has yet to be told of.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn step_off(&mut self, position: u64) {
        if let Some(count) = self.positions.get_mut(&position) {
            *count -= 1;
            if *count == 0 {
                self.positions.remove(&position);
            }
        }
    }

    fn recount(&mut self) {
        let bytes = self.bytes_from(self.base);
        self.budget.recount(&mut self.counted, bytes);
    }

    fn trim(&mut self) {
        let first_before = self.base;
        let first = self.positions.keys().next().copied().unwrap_or(u64::MAX);
        while self.base < first
            && let Some(entry) = self.entries.pop_front()
        {
            self.base += 1;
            if self.last.get(&entry.source) == Some(&self.base) {
                self.last.remove(&entry.source);
            }
            if entry.source != NOBODY {
                self.shares.remove(entry.source, entry.size as usize);
            }
        }
        if self.entries.is_empty() && self.entries.capacity() > KEPT {
            self.entries = VecDeque::new();
        }
        if self.base != first_before {
            self.recount();
        }
    }
}
