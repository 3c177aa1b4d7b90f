//! What a registry has for JavaScript besides the events of its engine, and the packing of both.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netsvc_core::{ContentType, DeliveredRef, Event, InvocationRef, Sink, SubscriptionId};
use netsvc_net::Taker;

use crate::deliveries::buffer::Buffer;
use crate::deliveries::delivery::Delivery;
use crate::deliveries::encode::{Batch, Packer};

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

    /// Whoever panicked with it: one entry is put in, counted up or taken out, each by itself.
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

/// How a batch was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Deliveries are waiting, or may be, besides `large`.
    pub(crate) more: bool,
    /// The batch is empty, because what comes next does not fit: bytes for which
    /// [`Inbox::fill_alone`] needs memory.
    pub(crate) large: Option<usize>,
}

impl Inbox {
    /// Fills one batch: what was left over, the notices, then what `engine` hands out (it says
    /// whether it has more). `None` when `words` is too short.
    pub(crate) fn fill(
        &mut self,
        words: &mut [u32],
        buffer: Buffer<'_>,
        engine: impl FnOnce(&mut dyn Taker) -> bool,
    ) -> Option<Filled> {
        let Self { notices, packer, pending } = self;
        let mut batch = packer.begin(words, buffer)?;
        let mut next = pending.take().or_else(|| notices.pop());
        while let Some(delivery) = next {
            if !batch.push(&delivery) {
                *pending = Some(delivery);
                break;
            }
            next = notices.pop();
        }
        // An engine that is not asked may have more, and has signalled that already: JavaScript may
        // have heard it before the last batch.
        let mut more = true;
        if pending.is_none() {
            let mut filling = Filling { batch, pending, requests: 0 };
            more = engine(&mut filling);
            batch = filling.batch;
        }
        more |= !notices.is_empty();
        let large = pending.as_ref().filter(|_| batch.is_empty()).map(Delivery::size);
        batch.finish(more || pending.is_some());
        // With something left over the engine was not asked to the end, or not at all.
        Some(Filled { more: more || pending.is_some(), large })
    }

    /// Fills a batch with only the delivery that did not fit. `more` as the call of `fill` before
    /// said.
    pub(crate) fn fill_alone(&mut self, words: &mut [u32], memory: &mut [u8], more: bool) {
        let Some(mut batch) = self.packer.begin(words, Buffer::new(memory, 0)) else { return };
        if let Some(delivery) = self.pending.take()
            && !batch.push(&delivery)
        {
            self.pending = Some(delivery);
        }
        batch.finish(more);
    }
}

/// Requests of one batch, at most: their handlers all run before the core is asked who is next and
/// whether there is room for what they return.
const MOST_REQUESTS: u32 = 64;

/// A batch while the engine fills it.
struct Filling<'a, 'b> {
    batch: Batch<'a>,
    pending: &'b mut Option<Delivery>,
    requests: u32,
}

impl Filling<'_, '_> {
    fn has_most_requests(&self) -> bool {
        self.requests >= MOST_REQUESTS
    }
}

impl Taker for Filling<'_, '_> {
    fn take(&mut self, event: Event) -> bool {
        let is_request = matches!(event, Event::Invoke(_));
        let fits = !(is_request && self.has_most_requests()) && self.batch.push_event(&event);
        self.requests += u32::from(is_request);
        if !fits {
            *self.pending = Some(Delivery::Event(event));
        }
        fits
    }

    fn is_full(&self) -> bool {
        self.pending.is_some()
    }

    fn room(&self) -> usize {
        self.batch.room()
    }
}

impl Sink for Filling<'_, '_> {
    fn has_room(&mut self, reports: usize, report: &DeliveredRef<'_>) -> bool {
        self.batch.has_room_for(reports, report)
    }

    fn report(&mut self, subscription: SubscriptionId, report: &DeliveredRef<'_>) {
        self.batch.told_report(subscription, report, false);
    }

    fn has_room_for(&mut self, content: usize, beside: usize) -> bool {
        self.batch.has_room_beside(content, beside)
    }

    fn has_room_for_request(&mut self, content: usize, beside: usize) -> bool {
        !self.has_most_requests() && self.has_room_for(content, beside)
    }

    fn result(&mut self, key: u64, kind: ContentType, content: &[u8], extensions: &[u8]) {
        self.batch.result(key, kind, content, extensions);
    }

    fn invoke(&mut self, request: &InvocationRef<'_>) {
        self.requests += 1;
        self.batch.invoke_now(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliveries::encode::MIN_WORDS;
    use netsvc_core::ExchangeId;

    fn failed(code: &'static str) -> Delivery {
        Delivery::CommandFailed { op: 4, count: 1, code, message: "why".into() }
    }

    /// An engine with `count` events; hands them out from `next` on.
    fn events(next: &mut u32, count: u32) -> impl FnOnce(&mut dyn Taker) -> bool {
        move |taker| {
            while *next < count {
                *next += 1;
                if !taker.take(Event::ExchangeClosed(ExchangeId(*next))) {
                    return *next < count;
                }
            }
            false
        }
    }

    /// Fills a batch as the addon does; returns words, bytes and whether more is waiting.
    fn fill(
        inbox: &mut Inbox,
        room: usize,
        engine: impl FnOnce(&mut dyn Taker) -> bool,
    ) -> (Vec<u32>, Vec<u8>, bool) {
        let (mut words, mut memory) = (vec![0; MIN_WORDS], vec![0; room]);
        let filled = inbox.fill(&mut words, Buffer::new(&mut memory, 0), engine).unwrap();
        if let Some(size) = filled.large {
            memory = vec![0; size];
            inbox.fill_alone(&mut words, &mut memory, filled.more);
        }
        let [used, more, end] = [words[0], words[1], words[2]];
        assert_eq!(more == 1, filled.more);
        words.truncate(used as usize);
        memory.truncate(end as usize);
        (words, memory, filled.more)
    }

    #[test]
    fn nothing_is_lost_or_doubled_when_batches_fill_up() {
        for room in [0, 500, 1 << 15] {
            let mut inbox = Inbox::default();
            let (mut next, mut seen) = (0, Vec::new());
            loop {
                let (words, _, more) = fill(&mut inbox, room, events(&mut next, 100));
                seen.extend(words[3..].chunks(2).map(|words| (words[0], words[1])));
                if !more {
                    break;
                }
            }
            assert_eq!(seen, (1..=100).map(|no| (8, no)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_larger_than_the_memory_comes_alone_and_the_rest_after_it() {
        let mut inbox = Inbox::default();
        for message in ["small", &"x".repeat(1000), "last"] {
            let code = if message == "small" { "a" } else { "b" };
            let message = message.to_owned();
            inbox.notices.push(Delivery::Listening { token: 1, result: Err((code, message)) });
        }
        let none = |_: &mut dyn Taker| false;
        let batches: Vec<_> = (0..3).map(|_| fill(&mut inbox, 300, none)).collect();
        let ends: Vec<_> =
            batches.iter().map(|(words, bytes, more)| (words.len(), bytes.len(), *more)).collect();
        assert_eq!(ends, [(8, 10, true), (8, 1005, true), (8, 9, false)]);
        assert_eq!(fill(&mut inbox, 300, none).0, [3, 0, 0]);
    }

    #[test]
    fn what_waits_in_the_engine_is_more_although_something_large_comes_first() {
        let mut inbox = Inbox::default();
        let large = Delivery::Listening { token: 1, result: Err(("io", "x".repeat(1000))) };
        inbox.pending = Some(large);
        let mut next = 0;
        let (words, bytes, more) = fill(&mut inbox, 300, events(&mut next, 1));
        assert_eq!((words[3], bytes.len(), more), (12, 1006, true));
        let (words, _, more) = fill(&mut inbox, 300, events(&mut next, 1));
        assert_eq!((&words[3..], more), (&[8, 1][..], false));
    }

    #[test]
    fn like_failures_are_counted_in_one_delivery() {
        let mut inbox = Inbox::default();
        for code in ["closed", "too-large", "closed", "closed"] {
            inbox.notices.push(failed(code));
        }
        let (words, bytes, more) = fill(&mut inbox, 1000, |_| false);
        assert!(!more);
        assert_eq!(words[..6], [13, 0, 29, 13, 4, 3]);
        assert_eq!(words[8..11], [13, 4, 1]);
        assert_eq!(bytes, b"\x06\0closed\x03\0why\x09\0too-large\x03\0why");
    }

    #[test]
    fn too_short_an_array_takes_nothing() {
        let mut inbox = Inbox::default();
        inbox.notices.push(failed("closed"));
        let buffer = Buffer::new(&mut [], 0);
        assert_eq!(inbox.fill(&mut [0; MIN_WORDS - 1], buffer, |_| false), None);
        assert!(!inbox.notices.is_empty());
    }
}
