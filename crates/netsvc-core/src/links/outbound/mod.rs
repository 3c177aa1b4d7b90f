//! What is sent on one link.
//!
//! `outlet` decides how a message leaves, `reports` how a report does; `outbox` holds what has to
//! wait, `report_batch` what is encoded once for several links, and `encode` turns the rest into
//! bytes when the transport has room. `changes` is what all links are told of services and
//! processes, and `telling` how far each of them has come with it. `answers` are replays that the
//! peer has asked for, made bytes by `answering` in between. Nothing outside this folder sees the
//! encoder, the bytes that are ready, the outbox or a batch.

mod answering;
mod answers;
pub(crate) mod bounds;
pub(crate) mod changes;
pub(crate) mod encode;
pub(crate) mod outbox;
pub(crate) mod outlet;
pub(crate) mod overflow;
pub(crate) mod replay_cursor;
pub(crate) mod report_batch;
pub(crate) mod reports;
mod shares;
mod telling;
mod told;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::ids::{CallId, ConnId, LinkId, ProcessNo, ServiceNo};
use crate::limits::{SLOWEST_READER, STUCK_WRITER};
use crate::memory::budget::Budget;
use crate::registry::process_table::{OWN, ProcessTable};
use crate::reports::replay_queue::ReplayQueue;
use crate::time::Time;
use crate::wire::{Encoder, Message, ProcessInfo, SendBuffer};

use super::phase::Phase;
use answers::Answers;
use changes::ChangeLog;
use outbox::Outbox;
use overflow::Overflow;
use told::Told;

/// Bytes of a link that may be on their way into its transport: most of them have been encoded at
/// once.
const ON_ITS_WAY: usize = 128 << 10;

/// The outbound side of a connection.
#[derive(Debug)]
pub(crate) struct Outbound {
    encoder: Encoder,
    /// Goes before everything else: the handshake and heartbeats. Most of the time none, never
    /// empty.
    #[allow(clippy::box_collection, reason = "every link has room for it")]
    urgent: Option<Box<VecDeque<Message>>>,
    snapshot: Snapshot,
    outbox: Outbox,
    told: Told,
    /// Encoded at once, because nothing waited and the transport kept up; goes before the outbox.
    ready: SendBuffer,
    /// Replays to be asked for, most of the time none.
    replays: Option<Box<ReplayQueue>>,
    /// Replays that the peer has asked for, most of the time none.
    answers: Option<Box<Answers>>,
    /// What looking for the values of those counted for in one call, in bytes.
    looked: usize,
    /// Processes introduced to the peer, which itself is not among them.
    introduced: FxHashSet<ProcessNo>,
    /// The peer's process; before the handshake is done: this one.
    peer: ProcessNo,
    /// One of them, the last that was needed; this process, which needs no introduction: none.
    last_introduced: ProcessNo,
    /// It is in the list of connections that have something to write.
    dirty: bool,
    /// When last asked for what is to be written, it had more than was wanted.
    has_more: bool,
    /// Bytes encoded but not yet taken by the transport.
    unwritten: usize,
    /// Those of them that nobody else holds, when they were encoded.
    unwritten_alone: usize,
    /// Others have waited for this link to take what they have caused.
    patience: Option<Box<Patience>>,
    budget: Arc<Budget>,
    /// Bytes that it counts for alone.
    counted: usize,
    /// It takes too much memory, and its link is to end.
    overflow: Option<Overflow>,
    last_sent: Time,
    /// Since when the transport has taken no byte although something waits for it; `NEVER` while
    /// nothing does.
    last_progress: Time,
}

/// How long others wait for a link to take what is queued.
#[derive(Debug)]
struct Patience {
    until: Time,
    /// The position in the outbox up to which it has to have taken everything by then, and that in
    /// the log of changes.
    position: u64,
    changes: u64,
}

/// How far this process's snapshot has been sent: a cursor over what exists, not a queue of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Snapshot {
    /// The handshake is not finished.
    Waiting,
    /// Services up to this one were sent.
    Services(ServiceNo),
    /// Interests up to this one were sent.
    Interests(u32),
    /// Everything, and the mark.
    Done,
}

impl Outbound {
    pub(super) fn new(seed: u64, budget: Arc<Budget>, now: Time) -> Self {
        Self {
            encoder: Encoder::new(seed),
            urgent: None,
            snapshot: Snapshot::Waiting,
            outbox: Outbox::default(),
            told: Told::default(),
            ready: SendBuffer::new(),
            replays: None,
            answers: None,
            looked: 0,
            introduced: FxHashSet::default(),
            peer: OWN,
            last_introduced: OWN,
            dirty: false,
            has_more: false,
            unwritten: 0,
            unwritten_alone: 0,
            patience: None,
            budget,
            counted: 0,
            overflow: None,
            last_sent: now,
            last_progress: now,
        }
    }

    /// The transport is open: `greeting` goes first.
    pub(super) fn open(&mut self, greeting: Message, now: Time) {
        self.last_sent = now;
        self.last_progress = now;
        self.push_urgent(greeting);
    }

    fn push_urgent(&mut self, message: Message) {
        self.urgent.get_or_insert_default().push_back(message);
    }

    /// Takes out the first of what goes before everything else.
    fn pop_urgent(&mut self) -> Option<Message> {
        let urgent = self.urgent.as_mut()?;
        let message = urgent.pop_front();
        if urgent.is_empty() {
            self.urgent = None;
        }
        message
    }

    /// The handshake is done: the snapshot follows, after `answer`.
    pub(super) fn begin_snapshot(&mut self, peer: ProcessNo, answer: Option<Message>, now: Time) {
        self.snapshot = Snapshot::Services(ServiceNo(0));
        self.peer = peer;
        self.last_progress = now;
        if let Some(answer) = answer {
            self.push_urgent(answer);
        }
    }

    /// The last message: behind what is queued, or at once during the handshake.
    pub(super) fn say_farewell(&mut self, farewell: Message, before_link: bool) {
        if before_link {
            self.push_urgent(farewell);
        } else {
            self.outbox.push(outbox::Out::Message(farewell));
        }
    }

    /// A heartbeat is due; counts as sent now: if the transport is stuck, more of them would not
    /// help.
    pub(super) fn beat(&mut self, now: Time) {
        self.last_sent = now;
        if self.last_progress == Time::NEVER {
            self.last_progress = now;
        }
        if self.urgent.is_none() && self.unwritten == 0 {
            self.push_urgent(Message::Heartbeat);
        }
    }

    pub(super) fn has_told_service(&self, no: ServiceNo) -> bool {
        match self.snapshot {
            Snapshot::Waiting => false,
            Snapshot::Services(cursor) => no <= cursor,
            Snapshot::Interests(_) | Snapshot::Done => true,
        }
    }

    pub(super) fn has_told_interest(&self, id: u32) -> bool {
        match self.snapshot {
            Snapshot::Waiting | Snapshot::Services(_) => false,
            Snapshot::Interests(cursor) => id <= cursor,
            Snapshot::Done => true,
        }
    }

    /// Entries of the outbox.
    pub(super) fn entries(&self) -> usize {
        self.outbox.len()
    }

    /// Replays that are to be asked for, or were and are not answered.
    pub(super) fn replays(&self) -> usize {
        self.replays.as_ref().map_or(0, |replays| replays.len())
    }

    /// Bytes of kept values that wait, passed on from others.
    pub(super) fn replayed(&self) -> usize {
        self.outbox.replayed_bytes()
    }

    /// Replays that the peer has asked for and that are not answered.
    pub(super) fn answers(&self) -> usize {
        self.answers.as_ref().map_or(0, |answers| answers.len())
    }

    /// Whether a replay was asked for over this connection and is not answered.
    pub(super) fn has_asked(&self, replay: u32) -> bool {
        self.replays.as_ref().is_some_and(|replays| replays.has_asked(replay))
    }

    /// A replay that was asked for is answered.
    pub(super) fn end_replay(&mut self, replay: u32) {
        if let Some(replays) = &mut self.replays {
            replays.end(replay);
            if replays.is_idle() {
                self.replays = None;
            }
        }
    }

    /// Puts the connection into `list` if it has something to write and is not there.
    #[inline]
    pub(super) fn mark_dirty(&mut self, id: ConnId, phase: &Phase, list: &mut VecDeque<ConnId>) {
        if !self.dirty && self.has_something_to_write(phase) {
            self.dirty = true;
            list.push_back(id);
        }
    }

    /// The snapshot has begun and is not complete.
    pub(super) fn is_telling_all(&self) -> bool {
        matches!(self.snapshot, Snapshot::Services(_) | Snapshot::Interests(_))
    }

    /// All that is to be written is what has happened to services.
    pub(super) fn has_only_changes(&self) -> bool {
        self.snapshot == Snapshot::Done
            && self.outbox.changes_first().is_some_and(|(.., alone)| alone)
            && self.urgent.is_none()
            && self.ready.is_empty()
            && !self.replays.as_ref().is_some_and(|replays| replays.may_ask())
            && !self.has_answers()
    }

    fn has_something_to_write(&self, phase: &Phase) -> bool {
        match phase {
            Phase::Opening => false,
            Phase::Handshake | Phase::Authorising => self.urgent.is_some(),
            Phase::Syncing | Phase::Active(_) => {
                self.urgent.is_some()
                    || !self.ready.is_empty()
                    || self.snapshot != Snapshot::Done
                    || !self.outbox.is_empty()
                    || self.replays.as_ref().is_some_and(|replays| replays.may_ask())
                    || self.has_answers()
            }
            Phase::Closing { .. } => {
                self.urgent.is_some()
                    || !self.ready.is_empty()
                    || !self.outbox.is_empty()
                    || self.has_answers()
            }
        }
    }

    /// Something waits for the transport.
    fn is_writing(&self, phase: &Phase) -> bool {
        self.unwritten > 0 || self.has_something_to_write(phase)
    }

    /// The transport took bytes; `unwritten` are left.
    pub(super) fn written(&mut self, unwritten: usize, phase: &Phase, now: Time) {
        if unwritten < self.unwritten || unwritten == 0 {
            self.last_progress = now;
        }
        self.unwritten = unwritten;
        if !self.is_writing(phase) {
            self.last_progress = Time::NEVER;
        }
    }

    /// Something waits, and the transport has taken no byte for so `long`.
    pub(super) fn is_stuck(&self, phase: &Phase, long: Duration, now: Time) -> bool {
        self.is_writing(phase) && now.since(self.last_progress) >= long
    }

    /// Nothing was sent for an interval.
    pub(super) fn is_silent(&self, interval: Duration, now: Time) -> bool {
        now.since(self.last_sent) >= interval
    }

    /// A request that waited was taken back.
    pub(super) fn take_back_request(
        &mut self,
        arguments: usize,
        is_wanted: impl Fn(CallId) -> bool,
    ) {
        self.outbox.take_back_request(arguments, is_wanted);
        self.recount();
    }

    /// Links that are held up by this one, when nothing more will be written.
    pub(super) fn take_held(&mut self) -> Vec<LinkId> {
        self.outbox.take_held()
    }

    /// Others wait for it, and it takes too little. Everything that was queued when they began to
    /// wait, or when this was last seen to be so, has to be taken in time. `for_changes`: they wait
    /// until it is told of these.
    pub(super) fn tries_patience(&mut self, now: Time, for_changes: Option<&ChangeLog>) -> bool {
        let for_changes = for_changes.filter(|changes| !self.knows_all(changes.end()));
        if !self.outbox.holds_up() && for_changes.is_none() {
            self.patience = None;
            return false;
        }
        let (taken, position) = self.outbox.positions();
        match &self.patience {
            Some(patience) if taken < patience.position || !self.has_come_to(patience.changes) => {
                now >= patience.until
            }
            _ => {
                let told = for_changes.map_or(0, |changes| self.bytes_of(changes));
                let size = u32::try_from(self.queued() + told).unwrap_or(u32::MAX);
                let slowly = Duration::from_secs(1).mul_f64(f64::from(size) / SLOWEST_READER);
                let until = now + STUCK_WRITER + slowly;
                let changes = for_changes.map_or(0, ChangeLog::end);
                self.patience = Some(Box::new(Patience { until, position, changes }));
                false
            }
        }
    }

    pub(super) fn overflow(&self) -> Option<Overflow> {
        self.overflow
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What waits here has changed.
    fn recount(&mut self) {
        let bytes = match self.overflow {
            Some(_) => 0,
            None if self.outbox.is_empty() => 0,
            None => {
                let written = self.unwritten.min(self.unwritten_alone);
                self.outbox.memory_alone() + self.ready.alone() + written
            }
        };
        self.budget.recount(&mut self.counted, bytes);
    }

    /// Makes room for a request that has to wait; false: there is too little.
    #[inline(never)] // Kept out of the way of those that do not.
    fn make_room(&mut self, room: usize) -> bool {
        if self.budget.refuses_requests(self.consumption()) {
            return false;
        }
        let has_room = self.outbox.drop_reports(room);
        self.recount();
        has_room
    }

    /// Queues a request with so much content.
    #[inline(never)] // The same.
    fn queue_request(&mut self, call: CallId, size: usize) {
        self.outbox.push_request(call, size);
        self.recount();
    }

    /// Nothing of this counts any more.
    pub(super) fn uncount(&mut self, overflow: Overflow) {
        self.overflow = Some(overflow);
        self.recount();
    }

    /// Bytes of memory that it takes by what its peer has asked for.
    pub(super) fn consumption(&self) -> usize {
        // Whose that is that is on its way is not known any more.
        let on_its_way = (self.ready.len() + self.unwritten).saturating_sub(ON_ITS_WAY);
        self.outbox.memory_asked_for() + on_its_way
    }

    /// Those who have caused something that waits here, each with its part.
    pub(super) fn charges(&self) -> impl Iterator<Item = (LinkId, usize)> {
        self.outbox.charges()
    }

    /// Drops the oldest report that waits; false: there is none.
    pub(super) fn drop_report(&mut self) -> bool {
        let dropped = self.outbox.drop_oldest();
        self.recount();
        dropped
    }

    /// When a heartbeat is due, or the transport counts as stuck.
    pub(super) fn next_wake(&self, phase: &Phase, interval: Duration, stuck: Duration) -> Time {
        let waits = self.patience.as_ref().map_or(Time::NEVER, |patience| patience.until);
        let beat = (self.last_sent + interval).min(waits);
        let stuck = self.last_progress + stuck;
        if self.is_writing(phase) { beat.min(stuck) } else { beat }
    }

    /// Nothing waits, and the transport has taken everything so far: what is sent now need not be
    /// queued as something that may still be dropped, replaced or taken back. `size` of what is to
    /// be sent, and how much may be encoded `ahead` of the transport, in bytes.
    #[inline]
    fn flows(&self, size: usize, ahead: usize) -> bool {
        self.unwritten == 0
            && self.outbox.is_empty()
            && self.ready.len() + size <= ahead
            && self.snapshot == Snapshot::Done
    }

    /// Bytes that wait for the transport.
    pub(super) fn queued(&self) -> usize {
        self.outbox.bytes() + self.ready.len() + self.unwritten
    }

    /// Makes a process known to the peer before its number is used, behind what is ready; false:
    /// it is gone.
    #[inline]
    fn introduce(&mut self, processes: &ProcessTable, process: ProcessNo) -> bool {
        if process == OWN || process == self.last_introduced {
            return true;
        }
        let mut ready = std::mem::take(&mut self.ready);
        let known = self.introduce_in(processes, process, &mut ready);
        self.ready = ready;
        known
    }

    /// As [`introduce`](Self::introduce), behind what is in `out`.
    fn introduce_in(
        &mut self,
        processes: &ProcessTable,
        process: ProcessNo,
        out: &mut SendBuffer,
    ) -> bool {
        if process == OWN {
            return true;
        }
        let Some(entry) = processes.get(process) else { return false };
        if process != self.peer && self.introduced.insert(process) {
            let (id, label) = (entry.id, entry.label.clone());
            let info = ProcessInfo { process: process.0, id, label };
            self.encoder.encode(&Message::Process(info), out);
        }
        self.last_introduced = process;
        true
    }
}
