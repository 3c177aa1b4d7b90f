//! What waits to be written to one link, limited in bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::ids::{CallId, ProcessNo, ServiceNo, Str};
use crate::pattern::Pattern;
use crate::wire::{Announcement, Message, Report};

/// Bytes that an entry is charged beyond its content: its own size and the frame around it.
pub(crate) const OVERHEAD: usize = 96;

/// One entry. Numbers of processes are this process's own; they are introduced to the peer when
/// the entry is encoded, so that an entry may be dropped without consequences.
#[derive(Debug)]
pub(crate) enum Out {
    /// Ready as it is.
    Message(Message),
    Announce(Arc<Announcement>, ProcessNo),
    ProcessGone(ProcessNo),
    Subscriber {
        added: bool,
        service: u32,
        process: ProcessNo,
        pattern: Str,
    },
    ReplayRequest {
        service: u32,
        process: ProcessNo,
        replay: u32,
        pattern: Str,
        after: u64,
    },
    /// The request is in the in-flight table until it is encoded; withdrawn ones are skipped.
    Request(CallId),
    Report(Arc<Report>),
    /// A cursor over the kept values of a local service, up to the sequence at which it began.
    Replay(ReplayCursor),
    /// Was dropped.
    Nothing,
}

#[derive(Debug)]
pub(crate) struct ReplayCursor {
    pub(crate) service: ServiceNo,
    /// Who asked, as the peer numbers it.
    pub(crate) process: u32,
    pub(crate) replay: u32,
    pub(crate) pattern: Pattern,
    pub(crate) after: u64,
    pub(crate) upto: u64,
}

impl Out {
    fn size(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Message(message) => message_size(message),
                Self::Announce(announcement, _) => {
                    let strings = announcement.groups.iter().chain(&announcement.methods);
                    announcement.name.len() + strings.map(|text| text.len()).sum::<usize>()
                }
                Self::Report(report) => report.content.bytes.len() + report.subject.len(),
                Self::Subscriber { pattern, .. } | Self::ReplayRequest { pattern, .. } => {
                    pattern.len()
                }
                Self::Replay(replay) => replay.pattern.text().len(),
                // Charged by `push_request`, which knows the content.
                Self::Request(_) | Self::ProcessGone(_) | Self::Nothing => 0,
            }
    }
}

fn message_size(message: &Message) -> usize {
    match message {
        Message::Response { outcome, .. } => match outcome {
            crate::outcome::Outcome::Response(content)
            | crate::outcome::Outcome::Failure(content) => content.bytes.len(),
            crate::outcome::Outcome::Error(error) => error.message.len(),
        },
        Message::Replayed { report, .. } => report.content.bytes.len() + report.subject.len(),
        Message::Interest { pattern, .. } => pattern.len(),
        _ => 0,
    }
}

/// A queue in order; reports can be dropped from its middle.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: VecDeque<(Out, usize)>,
    /// Absolute position of the first entry.
    base: u64,
    /// Absolute positions of reports, oldest first; those before `base` are gone.
    reports: VecDeque<u64>,
    bytes: usize,
    /// Reports dropped for want of room.
    pub(crate) dropped: u64,
}

impl Outbox {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn push(&mut self, out: Out) {
        let size = out.size();
        self.push_sized(out, size);
    }

    /// A request with this much content.
    pub(crate) fn push_request(&mut self, call: CallId, content: usize) {
        self.push_sized(Out::Request(call), OVERHEAD + content);
    }

    fn push_sized(&mut self, out: Out, size: usize) {
        if matches!(out, Out::Report(_) | Out::Message(Message::Replayed { .. })) {
            self.reports.push_back(self.base + self.entries.len() as u64);
        }
        self.bytes += size;
        self.entries.push_back((out, size));
    }

    /// Drops the oldest reports until at most `limit` bytes are left; false if that was not enough.
    pub(crate) fn drop_reports(&mut self, limit: usize) -> bool {
        while self.bytes > limit {
            let Some(position) = self.reports.pop_front() else { return false };
            let Some(index) = position.checked_sub(self.base) else { continue };
            let Some(entry) = usize::try_from(index).ok().and_then(|i| self.entries.get_mut(i))
            else {
                continue;
            };
            self.bytes -= entry.1;
            *entry = (Out::Nothing, 0);
            self.dropped += 1;
        }
        true
    }

    pub(crate) fn pop(&mut self) -> Option<Out> {
        let (out, size) = self.entries.pop_front()?;
        self.base += 1;
        while self.reports.front().is_some_and(|position| *position < self.base) {
            self.reports.pop_front();
        }
        self.bytes -= size;
        if self.entries.is_empty() {
            // An idle link owns no memory for its outbox.
            self.entries = VecDeque::new();
            self.reports = VecDeque::new();
        }
        Some(out)
    }

    /// Puts an entry back that was only partly encoded.
    pub(crate) fn unpop(&mut self, out: Out) {
        let size = out.size();
        self.base -= 1; // it was just popped
        self.bytes += size;
        self.entries.push_front((out, size));
    }
}
