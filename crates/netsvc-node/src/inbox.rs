//! What a registry has for JavaScript besides the events of its engine, and the packing of both.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netsvc_core::Event;

use crate::records::{Delivery, Packer};

/// Deliveries that the addon itself has. Shared with the runtime thread, where `listen` ends.
///
/// Bounded by what JavaScript has under way: one entry per `listen`, one per request refused here,
/// one per way in which commands fail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices(Arc<Mutex<VecDeque<Delivery>>>);

impl Notices {
    /// Queues a delivery. The caller signals.
    pub(crate) fn push(&self, delivery: Delivery) {
        let mut queue = self.lock();
        if let Delivery::CommandFailed { op, code, .. } = &delivery {
            let same = queue.iter_mut().find_map(|queued| match queued {
                Delivery::CommandFailed { op: o, code: c, count, .. } if o == op && c == code => {
                    Some(count)
                }
                _ => None,
            });
            if let Some(count) = same {
                *count = count.saturating_add(1);
                return;
            }
        }
        queue.push_back(delivery);
    }

    fn pop(&self) -> Option<Delivery> {
        self.lock().pop_front()
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Delivery>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way of a registry's deliveries to JavaScript.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) notices: Notices,
    packer: Packer,
    /// Taken out of the engine or the notices, but did not fit into the last batch.
    pending: Option<Delivery>,
}

impl Inbox {
    /// Fills one batch: what was left over, the notices, then events as `engine` hands them out
    /// (it stops when told `false`, and says whether it has more). Returns whether more is
    /// waiting; `None` when `words` is too short.
    pub(crate) fn fill(
        &mut self,
        words: &mut [u32],
        engine: impl FnOnce(&mut dyn FnMut(Event) -> bool) -> bool,
    ) -> Option<bool> {
        let Self { notices, packer, pending } = self;
        let mut batch = packer.begin(words)?;
        let mut next = pending.take().or_else(|| notices.pop());
        while let Some(delivery) = next {
            *pending = batch.push(delivery);
            next = if pending.is_some() { None } else { notices.pop() };
        }
        let mut more = false;
        if pending.is_none() {
            more = engine(&mut |event| {
                *pending = batch.push(Delivery::Event(event));
                pending.is_none()
            });
        }
        more |= pending.is_some() || !notices.is_empty();
        batch.finish(more);
        Some(more)
    }

    /// The bytes of the batch last filled.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.packer.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::MIN_WORDS;
    use netsvc_core::ExchangeId;

    fn failed(code: &'static str) -> Delivery {
        Delivery::CommandFailed { op: 4, count: 1, code, message: "why".into() }
    }

    /// An engine with `count` events; hands them out from `next` on.
    fn events(next: &mut u32, count: u32) -> impl FnOnce(&mut dyn FnMut(Event) -> bool) -> bool {
        move |take| {
            while *next < count {
                *next += 1;
                if !take(Event::ExchangeClosed(ExchangeId(*next))) {
                    return *next < count;
                }
            }
            false
        }
    }

    #[test]
    fn nothing_is_lost_or_doubled_when_batches_fill_up() {
        let mut inbox = Inbox::default();
        let mut words = [0; MIN_WORDS];
        let (mut next, mut seen) = (0, Vec::new());
        loop {
            let more = inbox.fill(&mut words, events(&mut next, 100)).unwrap();
            let used = words[0] as usize;
            seen.extend(words[2..used].chunks(2).map(|record| (record[0], record[1])));
            if !more {
                break;
            }
        }
        assert_eq!(seen, (1..=100).map(|no| (8, no)).collect::<Vec<_>>());
    }

    #[test]
    fn like_failures_are_counted_in_one_record() {
        let mut inbox = Inbox::default();
        for code in ["closed", "too-large", "closed", "closed"] {
            inbox.notices.push(failed(code));
        }
        let mut words = [0; MIN_WORDS];
        assert_eq!(inbox.fill(&mut words, |_| false), Some(false));
        assert_eq!(words[..2], [12, 0]);
        assert_eq!(words[2..5], [13, 4, 3]);
        assert_eq!(words[7..10], [13, 4, 1]);
        assert_eq!(inbox.bytes(), b"\x06\0closed\x03\0why\x09\0too-large\x03\0why");
    }

    #[test]
    fn too_short_an_array_takes_nothing() {
        let mut inbox = Inbox::default();
        inbox.notices.push(failed("closed"));
        assert_eq!(inbox.fill(&mut [0; MIN_WORDS - 1], |_| false), None);
        assert!(!inbox.notices.is_empty());
    }
}
