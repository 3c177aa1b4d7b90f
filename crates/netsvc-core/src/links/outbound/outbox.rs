//! What waits to be written to one link, limited in bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::ids::{CallId, LinkId, ProcessNo, Str};
use crate::links::charges::NOBODY;
use crate::links::outbound::replay_cursor::ReplayCursor;
use crate::links::outbound::report_batch::SealedBatch;
use crate::links::outbound::shares::Shares;
use crate::outcome::Outcome;
use crate::reports::drop_counts::DropCounts;
use crate::reports::replay_queue::Row;
use crate::reports::want::Want;
use crate::steps;
use crate::wire::{Message, Report};

/// Bytes that an entry is charged beyond its content: its own size and the frame around it.
pub(crate) const OVERHEAD: usize = 96;

/// Entries that were dropped and may stay in a queue.
const MAX_HOLES: usize = 1024;

/// One entry. Numbers of processes are this process's own; they are introduced to the peer when
/// the entry is encoded, so that an entry may be dropped without consequences.
#[derive(Debug)]
pub(crate) enum Out {
    /// Ready as it is.
    Message(Message),
    /// Changes of services and processes that the peer is to be told of: those up to a position of
    /// their log before whatever follows, those up to another when there is time.
    Changes {
        needed: u64,
        upto: u64,
    },
    Subscriber {
        added: bool,
        service: u32,
        process: ProcessNo,
        want: Want,
    },
    /// Replays of this process that are to be asked for.
    Replays(Row),
    ReplayRequest {
        service: u32,
        process: ProcessNo,
        replay: u32,
        pattern: Str,
        after: u64,
        upto: u64,
    },
    /// The request is in the in-flight table until it is encoded; withdrawn ones are skipped.
    Request(CallId),
    /// `latest`: nobody behind the link wants more than the newest of each subject.
    /// `shared`: other links may wait for its content, too.
    Report {
        report: Report,
        latest: bool,
        shared: bool,
    },
    /// Reports of which nobody wants only the newest, already encoded.
    Batch(Arc<SealedBatch>),
    /// For one process, as the peer numbers it.
    Targeted(u32, Report),
    /// Reports were dropped before they came to this process.
    Lost {
        service: u32,
        subject: Option<Str>,
        count: u64,
    },
    /// A replay of kept values of a local service begins, up to the sequence at which that was
    /// asked: behind the reports that were sent before. From here on others may overtake it.
    Replay(ReplayCursor),
    /// A dropped entry.
    Nothing,
}

impl Out {
    /// The one report that it carries.
    pub(crate) fn report(&self) -> Option<&Report> {
        match self {
            Self::Report { report, .. }
            | Self::Targeted(_, report)
            | Self::Message(Message::Replayed { report, .. } | Message::Targeted { report, .. }) => {
                Some(report)
            }
            _ => None,
        }
    }

    /// Bytes that it is charged.
    pub(crate) fn size(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Message(message) => message_size(message) - OVERHEAD,
                Self::Report { report, .. } | Self::Targeted(_, report) => report.by_ref().size(),
                Self::Batch(run) => run.size(),
                Self::Subscriber { want, .. } => want.pattern.text().len(),
                Self::ReplayRequest { pattern, .. } => pattern.len(),
                Self::Replay(replay) => replay.pattern.text().len(),
                Self::Lost { subject, .. } => subject.as_ref().map_or(0, |text| text.len()),
                // Requests are charged by `push_request`, which knows the content, and changes by
                // their log.
                Self::Request(_) | Self::Replays(_) | Self::Changes { .. } | Self::Nothing => 0,
            }
    }

    /// Those of them that count once for all links that wait for them.
    fn shared(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.frames.len(),
            Self::Report { report, shared: true, .. } => report.content.bytes.len(),
            _ => 0,
        }
    }

    /// The same entry, ready to wait: see `Content::detached`.
    pub(crate) fn detached(self) -> Self {
        match self {
            Self::Message(Message::Response { call, outcome, extensions }) => {
                let outcome = match outcome {
                    Outcome::Response(content) => Outcome::Response(content.detached()),
                    Outcome::Failure(content) => Outcome::Failure(content.detached()),
                    Outcome::Error(error) => Outcome::Error(error),
                };
                Self::Message(Message::Response { call, outcome, extensions })
            }
            Self::Message(Message::Part { call, content, extensions }) => {
                let content = content.detached();
                Self::Message(Message::Part { call, content, extensions })
            }
            Self::Message(Message::Targeted { process, report }) => {
                Self::Message(Message::Targeted { process, report: report.detached() })
            }
            Self::Message(Message::Replayed { process, replay, remaining, report }) => {
                let report = report.detached();
                Self::Message(Message::Replayed { process, replay, remaining, report })
            }
            // Reports are shared by the outboxes of many links: whoever makes them detaches them.
            other => other,
        }
    }

    /// Its bytes are charged to whoever has caused it, because nothing else bounds it: it is
    /// neither dropped nor refused, and the receiver has not asked for it.
    fn is_charged(&self) -> bool {
        match self {
            Self::Message(message) => !matches!(
                message,
                Message::Response { .. }
                    | Message::Part { .. }
                    | Message::Replayed { .. }
                    | Message::Targeted { .. }
                    | Message::Goodbye(_)
            ),
            Self::Subscriber { .. } | Self::ReplayRequest { .. } => true,
            Self::Changes { .. }
            | Self::Replays(_)
            | Self::Request(_)
            | Self::Report { .. }
            | Self::Batch(_)
            | Self::Targeted(..)
            | Self::Lost { .. }
            | Self::Replay(_)
            | Self::Nothing => false,
        }
    }

    fn is_replayed(&self) -> bool {
        matches!(self, Self::Message(Message::Replayed { .. }))
    }

    /// The service of reports, which may be dropped and are then counted.
    fn droppable(&self) -> Option<u32> {
        match self {
            Self::Batch(batch) => Some(batch.service.0),
            Self::Lost { service, .. } => Some(*service),
            _ => self.report().map(|report| report.service),
        }
    }

    /// Counts what is droppable as lost.
    fn lose(&self, lost: &mut DropCounts) {
        match self {
            Self::Batch(run) => {
                for report in run.reports() {
                    lost.add(report.service, Some(&report.subject), 1);
                }
            }
            Self::Lost { service, subject, count } => lost.add(*service, subject.as_ref(), *count),
            _ => {
                if let Some(report) = self.report() {
                    lost.add(report.service, Some(&report.subject), 1);
                }
            }
        }
    }
}

/// Bytes that a message is charged.
pub(super) fn message_size(message: &Message) -> usize {
    let varies = match message {
        Message::Response { outcome, extensions, .. } => outcome.size() + extensions.len(),
        Message::Part { content, extensions, .. } => content.bytes.len() + extensions.len(),
        Message::Replayed { report, .. } | Message::Targeted { report, .. } => {
            report.by_ref().size()
        }
        Message::Interest { pattern, .. } => pattern.len(),
        _ => 0,
    };
    OVERHEAD + varies
}

/// An entry, the bytes that it is charged, and the link that they are charged to.
#[derive(Debug)]
struct Entry {
    out: Out,
    size: u32,
    source: LinkId,
}

/// A queue in order; reports can be dropped from its middle, and are then counted.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    /// Absolute position of the first entry.
    base: u64,
    /// Absolute positions of what may be dropped, oldest first; those before `base` are gone.
    droppable: VecDeque<u64>,
    /// As `droppable`, for replayed values. They go last: a page of them is small, and a kept value
    /// need not be published ever again.
    replayed: VecDeque<u64>,
    /// Where the newest report of a subject is that a newer one may replace.
    replaceable: FxHashMap<(u32, Str), u64>,
    bytes: usize,
    /// Of those, of replayed values.
    replayed_bytes: usize,
    /// Those of them that other links may wait for as well.
    shared: usize,
    /// Those of them that nobody who could be held up has caused.
    unowned: usize,
    /// Something has left since this was last asked.
    popped: bool,
    /// Dropped, and not told to the peer yet.
    lost: DropCounts,
    /// Entries that are `Nothing`.
    holes: usize,
    /// Of `bytes`: what requests are charged, as long as they wait.
    arguments: usize,
    /// Requests that were taken back and may still be in it.
    stale: usize,
    /// What others have caused, most of the time nothing.
    shares: Option<Box<Shares>>,
}

impl Outbox {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Entries, those that were dropped included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn replayed_bytes(&self) -> usize {
        self.replayed_bytes
    }

    /// Whether something has left since those were taken who were held up by that.
    #[inline]
    pub(crate) fn has_popped(&self) -> bool {
        self.popped
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.lost.is_empty()
    }

    pub(crate) fn push(&mut self, out: Out) {
        if let Out::Lost { service, subject, count } = &out
            && let Some(Out::Lost { service: last, subject: of, count: so_far }) = self.last_mut()
            && last == service
            && of == subject
        {
            // Peers count too, as high as they like.
            *so_far = so_far.saturating_add(*count);
            return;
        }
        if let Out::Replays(row) = &out
            && let Some(Out::Replays(last)) = self.last_mut()
            && last.extend(*row)
        {
            return;
        }
        if let Out::Changes { needed, upto } = out
            && let Some(Out::Changes { needed: before, upto: last }) = self.last_mut()
        {
            (*before, *last) = (needed.max(*before), upto.max(*last));
            return;
        }
        let size = out.size();
        steps::count(1);
        self.push_sized(out, size, NOBODY);
    }

    /// As [`push`](Self::push), of what a message over the link `source` has caused, in an outbox
    /// that is to hold `limit` bytes. True: from now on that link has caused too much of it.
    pub(crate) fn push_from(&mut self, source: LinkId, out: Out, limit: usize) -> bool {
        if source == NOBODY || !out.is_charged() {
            self.push(out);
            return false;
        }
        let size = out.size();
        steps::count(1);
        self.push_sized(out, size, source);
        self.shares.get_or_insert_default().add(source, size, limit)
    }

    /// Links that are not held up any more.
    pub(crate) fn take_released(&mut self) -> Vec<LinkId> {
        self.popped = false;
        let Some(shares) = &mut self.shares else { return Vec::new() };
        let released = shares.take_released();
        if shares.bytes() == 0 {
            self.shares = None;
        }
        released
    }

    /// As [`take_released`](Self::take_released), when nothing of this will be written any more.
    pub(crate) fn take_held(&mut self) -> Vec<LinkId> {
        self.shares.take().map_or_else(Vec::new, |mut shares| shares.take_held())
    }

    /// Others are held up until some of it has left.
    pub(crate) fn holds_up(&self) -> bool {
        self.shares.as_ref().is_some_and(|shares| shares.holds_up())
    }

    /// Absolute positions of the first entry, and behind the last. Changes at the end are left out:
    /// as long as others follow in a row, these never end.
    pub(crate) fn positions(&self) -> (u64, u64) {
        let last = self.entries.back().map(|entry| &entry.out);
        let row = u64::from(matches!(last, Some(Out::Changes { .. })));
        (self.base, self.base + self.entries.len() as u64 - row)
    }

    /// The first entry is changes: up to where they are needed, up to where they may be told, and
    /// whether nothing else waits.
    #[inline]
    pub(crate) fn changes_first(&self) -> Option<(u64, u64, bool)> {
        match self.entries.front()?.out {
            Out::Changes { needed, upto } => Some((needed, upto, self.entries.len() == 1)),
            _ => None,
        }
    }

    /// Something that was dropped of that service, or of any, and not told to the peer yet. It is
    /// about to hear of the end of that.
    pub(crate) fn lost_of(&mut self, service: Option<u32>) -> Option<Out> {
        if self.lost.is_empty() || service.is_some_and(|service| !self.lost.has(service)) {
            return None;
        }
        let mut records = self.lost.take(service).into_iter();
        let (service, subject, count) = records.next()?;
        for (service, subject, count) in records {
            self.lost.add(service, subject.as_ref(), count);
        }
        Some(Out::Lost { service, subject, count })
    }

    /// A request that is charged so many bytes, mostly of arguments.
    pub(crate) fn push_request(&mut self, call: CallId, arguments: usize) {
        self.push_sized(Out::Request(call), 0, NOBODY);
        self.arguments += arguments;
        self.bytes += arguments;
    }

    /// What the requests in it are charged.
    pub(crate) fn arguments(&self) -> usize {
        self.arguments
    }

    /// The arguments of a request are encoded, or do not wait any more.
    pub(crate) fn request_left(&mut self, arguments: usize) {
        self.arguments = self.arguments.saturating_sub(arguments);
        self.bytes = self.bytes.saturating_sub(arguments);
    }

    /// A request was taken back. Those for which `is_wanted` does not hold are removed, so that a
    /// peer that does not read is not kept from those of others; but only now and then.
    pub(crate) fn take_back_request(
        &mut self,
        arguments: usize,
        is_wanted: impl Fn(CallId) -> bool,
    ) {
        self.request_left(arguments);
        self.stale += 1;
        if self.stale < MAX_HOLES.max(self.entries.len() / 2) {
            return;
        }
        self.stale = 0;
        for Entry { out, .. } in &mut self.entries {
            if matches!(out, Out::Request(call) if !is_wanted(*call)) {
                *out = Out::Nothing;
                self.holes += 1;
            }
        }
        self.close_holes();
    }

    /// Makes room: a report that only the newest of matters first replaces its predecessor; then
    /// the oldest reports are dropped. False if more than `limit` bytes are left all the same.
    pub(crate) fn drop_reports(&mut self, limit: usize) -> bool {
        while self.bytes > limit {
            if !self.drop_oldest() {
                return false;
            }
        }
        true
    }

    /// Drops the oldest report; false: there is none.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        loop {
            let next = self.droppable.pop_front().or_else(|| self.replayed.pop_front());
            let Some(position) = next else { return false };
            let Some(index) = position.checked_sub(self.base) else { continue };
            if self.drop_entry(index) {
                return true;
            }
        }
    }

    /// If a report of the same subject waits that nobody behind the link needs once there is a
    /// newer one, it is dropped. For a link over its limit.
    pub(crate) fn replace(&mut self, service: u32, subject: &Str) -> bool {
        let Some(position) = self.replaceable.get(&(service, subject.clone())).copied() else {
            return false;
        };
        position.checked_sub(self.base).is_some_and(|index| self.drop_entry(index))
    }

    pub(crate) fn pop(&mut self) -> Option<Out> {
        if let Some(lost) = self.lost_first() {
            self.popped = true;
            return Some(lost);
        }
        let Entry { out, size, source } = self.entries.pop_front()?;
        self.popped = true;
        self.shared -= out.shared();
        if source == NOBODY && out.is_charged() {
            self.unowned -= size as usize;
        }
        if source != NOBODY
            && let Some(shares) = &mut self.shares
        {
            shares.remove(source, size as usize);
        }
        if matches!(out, Out::Nothing) {
            self.holes -= 1;
        }
        if let Out::Report { report, latest: true, .. } = &out {
            let key = (report.service, report.subject.clone());
            if self.replaceable.get(&key) == Some(&self.base) {
                self.replaceable.remove(&key);
            }
        }
        self.base += 1;
        while self.droppable.front().is_some_and(|position| *position < self.base) {
            self.droppable.pop_front();
        }
        while self.replayed.front().is_some_and(|position| *position < self.base) {
            self.replayed.pop_front();
        }
        self.bytes -= size as usize;
        if out.is_replayed() {
            self.replayed_bytes -= size as usize;
        }
        if self.entries.is_empty() {
            // An idle link owns no memory for its outbox.
            self.entries = VecDeque::new();
            self.droppable = VecDeque::new();
            self.replayed = VecDeque::new();
            self.replaceable = FxHashMap::default();
            self.stale = 0;
        }
        Some(out)
    }

    /// What was dropped is told just before the next report of its service, before the service's
    /// end, or when nothing else is left.
    fn lost_first(&mut self) -> Option<Out> {
        if self.lost.is_empty() {
            return None;
        }
        let service = match self.entries.front().map(|entry| &entry.out) {
            Some(Out::Message(Message::Goodbye(_))) | None => None,
            Some(out) => Some(out.droppable()?),
        };
        self.lost_of(service)
    }

    fn push_sized(&mut self, out: Out, size: usize, source: LinkId) {
        self.note(self.base + self.entries.len() as u64, &out);
        // No message exceeds 64 MiB by much.
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.bytes += size as usize;
        if out.is_replayed() {
            self.replayed_bytes += size as usize;
        }
        self.shared += out.shared();
        if source == NOBODY && out.is_charged() {
            self.unowned += size as usize;
        }
        self.entries.push_back(Entry { out, size, source });
    }

    fn last_mut(&mut self) -> Option<&mut Out> {
        self.entries.back_mut().map(|entry| &mut entry.out)
    }

    /// Notes what may become of an entry at an absolute position.
    fn note(&mut self, position: u64, out: &Out) {
        if out.is_replayed() {
            self.replayed.push_back(position);
        } else if out.droppable().is_some() {
            self.droppable.push_back(position);
        }
        if let Out::Report { report, latest: true, .. } = out {
            self.replaceable.insert((report.service, report.subject.clone()), position);
        }
    }

    /// Throws out entries that were dropped, once they are many and most: the queue of a peer that
    /// does not read must not grow by what it has lost.
    fn close_holes(&mut self) {
        if self.holes < MAX_HOLES || self.holes * 2 < self.entries.len() {
            return;
        }
        self.holes = 0;
        steps::count(2 * self.entries.len());
        self.entries.retain(|entry| !matches!(entry.out, Out::Nothing));
        self.entries.shrink_to(2 * self.entries.len());
        self.droppable.clear();
        self.replayed.clear();
        self.replaceable.clear();
        let entries = std::mem::take(&mut self.entries);
        for (index, entry) in entries.iter().enumerate() {
            self.note(self.base + index as u64, &entry.out);
        }
        self.entries = entries;
    }

    fn drop_entry(&mut self, index: u64) -> bool {
        let entry = usize::try_from(index).ok().and_then(|index| self.entries.get_mut(index));
        let Some(Entry { out, size, .. }) = entry else { return false };
        if out.droppable().is_none() {
            return false;
        }
        out.lose(&mut self.lost);
        self.bytes -= *size as usize;
        if out.is_replayed() {
            self.replayed_bytes -= *size as usize;
        }
        self.shared -= out.shared();
        (*out, *size) = (Out::Nothing, 0);
        self.holes += 1;
        self.close_holes();
        true
    }
}

mod memory;
#[cfg(test)]
mod tests;
