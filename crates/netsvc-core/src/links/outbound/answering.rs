//! Kept values made bytes, for whoever has asked for them.

use crate::ids::ServiceNo;
use crate::reports::retained::{Found, RetainedValue};
use crate::time::Time;
use crate::wire::{Message, ReportRef, SendBuffer};

use super::Outbound;
use super::encode::Sources;
use super::replay_cursor::ReplayCursor;

/// Values that are looked at in one turn, and what looking at one counts for, in bytes: about as
/// long as it takes to encode them.
const LOOKS_AT_ONCE: usize = 256;
const LOOK: usize = 64;

impl Outbound {
    /// A process asks; false: it waits for too many answers already.
    pub(in crate::links) fn begin_answer(&mut self, process: u32) -> bool {
        self.answers.get_or_insert_default().begin(process)
    }

    /// A process is gone, and what it has asked for with it.
    pub(in crate::links) fn forget_asker(&mut self, process: u32) {
        if let Some(answers) = &mut self.answers {
            answers.forget(process);
            self.forget_answers();
        }
    }

    /// What was sent before the question has been encoded: the answer begins.
    pub(super) fn start_answer(&mut self, cursor: ReplayCursor) {
        if let Some(answers) = &mut self.answers {
            answers.put(cursor, false);
        }
    }

    pub(super) fn has_answers(&self) -> bool {
        self.answers.as_ref().is_some_and(|answers| answers.has_turns())
    }

    /// An answer's turn has come. `last`: the connection ends with what is queued.
    #[inline]
    pub(super) fn is_answer_due(&self, last: bool) -> bool {
        let alone = last || self.outbox.is_empty();
        self.answers.as_ref().is_some_and(|answers| answers.is_due(alone))
    }

    /// Others have sent so many bytes.
    #[inline]
    pub(super) fn pay_answers(&mut self, bytes: usize) {
        if let Some(answers) = &mut self.answers {
            answers.pay(bytes);
        }
    }

    /// One kept value, or the mark when there is none left. A value that was replaced since the
    /// replay began is left out: its successor follows as a live report. One that the peer does not
    /// take is lost.
    pub(super) fn encode_answer(
        &mut self,
        now: Time,
        out: &mut SendBuffer,
        sources: &Sources<'_>,
        max_payload: usize,
    ) {
        let Some(answers) = &mut self.answers else { return };
        let Some(mut cursor) = answers.take() else { return };
        let before = out.len();
        let ReplayCursor { service, process, replay, after, upto, .. } = cursor;
        let known = sources.registry.services.get(service);
        let publisher = known.and_then(|known| known.publisher.as_ref());
        let mut looks = cursor.looks_left.min(LOOKS_AT_ONCE);
        let most = looks;
        let found = match publisher {
            Some(publisher) => publisher.kept.find(now, &cursor.pattern, after, upto, &mut looks),
            None => Found::Nothing,
        };
        cursor.looks_left -= most - looks;
        self.looked += (most - looks) * LOOK;
        let full = cursor.values_left == 0 || cursor.bytes_left == 0;
        // How far the page goes, if there may be more.
        let end = match found {
            Found::Nothing => Some(0),
            Found::Value(..) if full => Some(after),
            Found::NothingYet(last) if cursor.looks_left == 0 => Some(last),
            Found::NothingYet(last) => {
                cursor.after = last;
                None
            }
            Found::Value(sequence, value) => {
                let RetainedValue { subject, content, extensions, expires } = value;
                let size = content.bytes.len();
                let ServiceNo(service) = service;
                if size > max_payload {
                    let subject = Some(subject.clone());
                    self.encoder.encode(&Message::Lost { service, subject, count: 1 }, out);
                } else {
                    let remaining = (*expires != Time::NEVER).then(|| expires.since(now));
                    let content = content.by_ref();
                    let report = ReportRef { service, subject, sequence, content, extensions };
                    self.encoder.replayed(process, replay, remaining, &report, out);
                }
                cursor.after = sequence;
                cursor.values_left -= 1;
                cursor.bytes_left = cursor.bytes_left.saturating_sub(size);
                None
            }
        };
        if let Some(more_after) = end {
            let complete_after = cursor.complete_after;
            let end =
                Message::ReplayEnd { process, replay, sequence: upto, more_after, complete_after };
            self.encoder.encode(&end, out);
            answers.end(process);
        } else {
            answers.put(cursor, true);
        }
        answers.owe(out.len() - before + (most - looks) * LOOK);
        self.forget_answers();
    }

    /// A link over which nobody asks owns no memory for it.
    fn forget_answers(&mut self) {
        if self.answers.as_ref().is_some_and(|answers| answers.is_empty()) {
            self.answers = None;
        }
    }
}
