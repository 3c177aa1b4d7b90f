//! Requests in flight: one table for those of this process, those it relays and those it handles.

use std::time::Duration;

use bytes::Bytes;

use crate::content::Content;
use crate::ids::{CallId, LinkId, ProcessNo, ServiceNo, Str};
use crate::policy::party::Party;
use crate::time::Time;

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
    /// `None`: it was sent or told, and will not be placed again.
    pub(crate) rest: Option<Box<Rest>>,
}

/// What a request needs as long as it may still go to somebody else.
#[derive(Debug)]
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

    /// The provider was handed the arguments: drops what nobody needs any more.
    pub(crate) fn mark_sent(&mut self) {
        match &mut self.rest {
            Some(rest) if rest.waits => rest.unsent = false,
            rest => *rest = None,
        }
    }
}

/// What a request held elsewhere that is now forgotten.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) caller: Caller,
    /// Its timeout, if its deadline is among those of that.
    pub(crate) line: Option<Duration>,
    pub(crate) service: Option<ServiceNo>,
    pub(crate) provider: Provider,
    pub(crate) unsent: bool,
}

/// Slots are reused with another generation, so that a late outcome finds nobody.
#[derive(Debug, Default)]
pub(crate) struct CallTable {
    slots: Vec<Option<(u32, Call)>>,
    free: Vec<u32>,
    len: usize,
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
        self.slots[index as usize] = Some((generation, call));
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
        let (known, found) = self.slots.get_mut(index(call))?.as_mut()?;
        (*known == generation(call)).then_some(found)
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
        let Call { caller, service, provider, .. } = *found;
        let line = found.in_line.then_some(found.timeout);
        let removed = Removed { caller, line, service, provider, unsent: found.is_unsent() };
        // Nothing else of it has to be dropped, which is not seen by itself.
        drop(found.rest.take());
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

    /// Those for which `wanted` holds, in no particular order.
    pub(crate) fn find(&self, wanted: impl Fn(&Call) -> bool) -> Vec<CallId> {
        let mut found = Vec::new();
        for (at, slot) in self.slots.iter().enumerate() {
            if let Some((generation, call)) = slot
                && wanted(call)
            {
                found.push(id(at as u32, *generation));
            }
        }
        found
    }
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
