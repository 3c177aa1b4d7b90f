//! Requests in flight: one table for those of this process, those it relays and those it handles.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;

use crate::collections::id_map::IdMap;
use crate::content::Content;
use crate::ids::{CallId, LinkId, ProcessNo, ServiceNo, Str};
use crate::links::outbound::outbox::OVERHEAD;
use crate::policy::party::Party;
use crate::time::Time;

use super::options::Prefer;
use super::route_cache::Goal;

/// A request in flight. Small, as nearly all are sent on or told while they arrive: what is only
/// needed otherwise is in `rest`.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    /// The calling process.
    pub(crate) process: ProcessNo,
    /// Whom it was routed to; `None`: nobody yet, or whoever the hub picks.
    pub(crate) service: Option<ServiceNo>,
    pub(crate) provider: Provider,
    /// The caller's deadline on this process's clock.
    pub(crate) deadline: Time,
    /// As the application of this process gave it; for streams, from part to part.
    pub(crate) timeout: Duration,
    /// Parts of a streamed result that the caller still takes.
    pub(crate) parts: u32,
    /// Those of them that were granted since the handler here was invoked and that it has not been
    /// told of.
    pub(crate) untold: u32,
    /// The caller has ever taken parts: its deadline moves with them.
    pub(crate) stream: bool,
    /// Its deadline is in the line of its timeout, not among the general timers.
    pub(crate) in_line: bool,
    pub(crate) prefer: Prefer,
    /// If its provider is overloaded, it is offered to another.
    pub(crate) again: bool,
    /// `None`: it was sent or told, and will not be placed again.
    pub(crate) rest: Option<Box<Rest>>,
}

/// What a request needs as long as it may still go to somebody else.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    pub(crate) goal: Goal,
    pub(crate) method: Str,
    pub(crate) content: Content,
    pub(crate) extensions: Bytes,
    /// As the peer of the link numbers the service that it is to be sent to; `None`: it is asked
    /// by its name.
    pub(crate) number: Option<u32>,
    /// No provider can have seen it.
    pub(crate) unsent: bool,
    /// The caller waits for a provider: it may be tried again after it was sent.
    pub(crate) waits: bool,
}

/// Who gets the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The application of this process, under its key.
    Local(u64),
    /// The peer of a link, under its id.
    Link(LinkId, u64),
    /// Nobody any more; the handler is still running.
    Gone,
}

/// Who produces the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Nobody yet.
    Nobody,
    /// A handler here.
    Local,
    /// Somebody beyond a link.
    Link(LinkId),
}

impl Caller {
    /// The link over which it asked; `None`: it is of this process.
    #[inline]
    pub(crate) fn link(self) -> Option<LinkId> {
        match self {
            Self::Link(link, _) => Some(link),
            Self::Local(_) | Self::Gone => None,
        }
    }
}

impl Call {
    /// Who asks.
    #[inline]
    pub(crate) fn party(&self) -> Party {
        Party { process: self.process, link: self.caller.link() }
    }

    /// The handler cannot have seen it.
    pub(crate) fn is_unsent(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.unsent)
    }

    /// A handler here knows of it.
    pub(crate) fn is_told(&self) -> bool {
        self.provider == Provider::Local && !self.is_unsent()
    }

    /// The peer of a link knows of it.
    pub(crate) fn is_sent_over(&self, link: LinkId) -> bool {
        self.provider == Provider::Link(link) && !self.is_unsent()
    }

    /// The caller waits for a provider.
    pub(crate) fn waits(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.waits)
    }
}

impl Rest {
    /// Bytes that it is charged: of its arguments, of what is beside them, and for itself.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        OVERHEAD + self.content.bytes.len() + self.extensions.len()
    }
}

/// What a request held elsewhere that is now forgotten.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) caller: Caller,
    pub(crate) process: ProcessNo,
    /// Its timeout, if its deadline is among those of that.
    pub(crate) line: Option<Duration>,
    pub(crate) service: Option<ServiceNo>,
    pub(crate) provider: Provider,
    /// Bytes of its arguments, if they waited for the provider.
    pub(crate) waiting: Option<NonZeroUsize>,
}

/// What arguments that are kept are charged.
#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    /// Only while there is much, and somebody has asked.
    by_caller: Option<Box<IdMap<ProcessNo, usize>>>,
}

/// Bytes of arguments of which it is not known any more who has sent them.
const FEW: usize = 1 << 20;

impl Kept {
    #[inline]
    fn add(&mut self, caller: ProcessNo, size: usize) {
        self.bytes += size;
        if let Some(by_caller) = &mut self.by_caller {
            add(by_caller, caller, size);
        }
    }

    #[inline]
    fn remove(&mut self, caller: ProcessNo, size: usize) {
        self.bytes -= size;
        if self.by_caller.is_some() {
            self.remove_of(caller, size);
        }
    }

    #[cold]
    fn remove_of(&mut self, caller: ProcessNo, size: usize) {
        let Some(by_caller) = &mut self.by_caller else { return };
        if self.bytes < FEW {
            self.by_caller = None;
        } else if let Some(kept) = by_caller.get_mut(caller) {
            *kept -= size;
            if *kept == 0 {
                by_caller.remove(caller);
            }
        }
    }
}

#[cold]
fn add(by_caller: &mut IdMap<ProcessNo, usize>, caller: ProcessNo, size: usize) {
    match by_caller.get_mut(caller) {
        Some(kept) => *kept += size,
        None => {
            by_caller.insert_new(caller, size);
        }
    }
}

/// Slots are reused with another generation, so that a late outcome finds nobody.
#[derive(Debug, Default)]
pub(crate) struct CallTable {
    slots: Vec<Option<(u32, Call)>>,
    free: Vec<u32>,
    len: usize,
    /// Of arguments, as long as they wait.
    kept: Kept,
    /// Of the next request, in whatever slot. It may begin again: no two requests in flight have
    /// the same slot, and what a peer says so late, 2³² requests after, is judged by the link, as
    /// is all that it says.
    generation: u32,
}

/// Slots that are kept when nothing is in flight.
const KEPT_SLOTS: usize = 512;

impl CallTable {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What arguments that are kept here are charged.
    #[inline]
    pub(crate) fn kept(&self) -> usize {
        self.kept.bytes
    }

    /// As [`kept`](Self::kept), of one caller.
    #[cold]
    pub(crate) fn kept_of(&mut self, caller: ProcessNo) -> usize {
        let Self { kept, slots, .. } = self;
        let by_caller = kept.by_caller.get_or_insert_with(|| {
            let calls = slots.iter().flatten().map(|(_, call)| call);
            let kept = calls.filter_map(|call| Some((call.process, call.rest.as_ref()?.size())));
            let mut by_caller = Box::default();
            kept.for_each(|(caller, size)| add(&mut by_caller, caller, size));
            by_caller
        });
        by_caller.get(caller).copied().unwrap_or(0)
    }

    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn insert(&mut self, call: Call) -> CallId {
        self.len += 1;
        let generation = self.generation;
        self.generation = generation.wrapping_add(1);
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        // A free slot has nothing to drop.
        std::mem::forget(self.slots[index as usize].replace((generation, call)));
        id(index, generation)
    }

    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn get(&self, call: CallId) -> Option<&Call> {
        let (known, found) = self.slots.get(index(call))?.as_ref()?;
        (*known == generation(call)).then_some(found)
    }

    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn get_mut(&mut self, call: CallId) -> Option<&mut Call> {
        in_slot(&mut self.slots, call)
    }

    /// The id of the next request, if it gets this slot.
    pub(crate) fn next_of_slot(&self, slot: u32) -> CallId {
        id(slot, self.generation)
    }

    /// For tests: as if `left` more requests were left before generations begin again.
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.generation = u32::MAX - left;
    }

    /// Forgets a request; tells what it held elsewhere.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn remove(&mut self, call: CallId) -> Option<Removed> {
        let slot = self.slots.get_mut(index(call))?;
        let (known, found) = slot.as_mut()?;
        if *known != generation(call) {
            return None;
        }
        let Call { caller, process, service, provider, .. } = *found;
        let line = found.in_line.then_some(found.timeout);
        let waiting = match &mut found.rest {
            None => None,
            rest => forget(&mut self.kept, process, rest),
        };
        let removed = Removed { caller, process, line, service, provider, waiting };
        // Nothing in it has to be dropped any more.
        std::mem::forget(slot.take());
        self.free.push(index(call) as u32);
        self.len -= 1;
        if self.len == 0 && self.slots.len() > KEPT_SLOTS {
            (self.slots, self.free) = (Vec::new(), Vec::new());
        }
        Some(removed)
    }

    /// Entries that [`find`](Self::find) looks at.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Keeps what a request needs as long as it may still go to somebody else.
    #[allow(clippy::inline_always, reason = "the path of many requests")]
    #[inline(always)]
    pub(crate) fn keep(&mut self, call: CallId, rest: Box<Rest>) {
        let Some(known) = in_slot(&mut self.slots, call) else { return };
        self.kept.add(known.process, rest.size());
        known.rest = Some(rest);
    }

    /// Takes out what is kept of a request.
    pub(crate) fn take_rest(&mut self, call: CallId) -> Option<Box<Rest>> {
        let known = in_slot(&mut self.slots, call)?;
        let rest = known.rest.take()?;
        self.kept.remove(known.process, rest.size());
        Some(rest)
    }

    /// A provider is handed the arguments that have waited for it; `None`: none do any more. What
    /// nobody needs from now on is not kept.
    #[inline]
    pub(crate) fn send(&mut self, call: CallId, to: Provider) -> Option<(&Call, Box<Rest>)> {
        let known = in_slot(&mut self.slots, call)?;
        let rest = known.rest.as_mut().filter(|rest| known.provider == to && rest.unsent)?;
        if rest.waits || known.again {
            rest.unsent = false;
            let rest = rest.clone();
            return Some((known, rest));
        }
        self.kept.remove(known.process, rest.size());
        let rest = known.rest.take()?;
        Some((known, rest))
    }

    /// All of them, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CallId, &Call)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(at, slot)| {
            slot.as_ref().map(|(generation, call)| (id(at as u32, *generation), call))
        })
    }

    /// Those for which `wanted` holds, in no particular order.
    pub(crate) fn find(&self, wanted: impl Fn(&Call) -> bool) -> Vec<CallId> {
        self.iter().filter(|(_, call)| wanted(call)).map(|(id, _)| id).collect()
    }
}

/// What was kept of a request of a caller is not needed any more. Returns how many bytes waited for
/// the provider.
#[cold]
#[inline(never)]
fn forget(
    kept: &mut Kept,
    caller: ProcessNo,
    rest: &mut Option<Box<Rest>>,
) -> Option<NonZeroUsize> {
    let rest = rest.take()?;
    kept.remove(caller, rest.size());
    NonZeroUsize::new(rest.size()).filter(|_| rest.unsent)
}

#[allow(clippy::inline_always, reason = "the path of every request")]
#[inline(always)]
fn in_slot(slots: &mut [Option<(u32, Call)>], call: CallId) -> Option<&mut Call> {
    let (known, found) = slots.get_mut(index(call))?.as_mut()?;
    (*known == generation(call)).then_some(found)
}

fn id(index: u32, generation: u32) -> CallId {
    CallId(u64::from(generation) << 32 | u64::from(index))
}

fn index(call: CallId) -> usize {
    (call.0 & 0xffff_ffff) as usize
}

fn generation(call: CallId) -> u32 {
    (call.0 >> 32) as u32
}
