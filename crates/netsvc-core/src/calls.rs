//! Requests in flight: one table for those of this process, those it relays and those it handles.

use std::time::Duration;

use bytes::Bytes;

use crate::content::Content;
use crate::ids::{CallId, LinkId, ProcessNo, ServiceId, ServiceNo, Str};
use crate::time::Time;

/// A request in flight.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    /// The calling process.
    pub(crate) process: ProcessNo,
    pub(crate) goal: Goal,
    /// Whom it was routed to; `None`: nobody yet, or whoever the hub picks.
    pub(crate) service: Option<ServiceNo>,
    pub(crate) provider: Provider,
    pub(crate) method: Str,
    /// The caller's deadline on this process's clock.
    pub(crate) deadline: Time,
    /// As the application gave it; for streams, from part to part.
    pub(crate) timeout: Duration,
    /// Parts of a streamed result that the caller still takes.
    pub(crate) parts: u32,
    /// Those of them that the handler here was not told of since it was invoked.
    pub(crate) untold: u32,
    /// The caller has ever taken parts: its deadline moves with them.
    pub(crate) stream: bool,
    /// Its deadline is in the line of its timeout, not among the general timers.
    pub(crate) in_line: bool,
    /// The caller waits for a provider: the arguments, for another try.
    pub(crate) wait: Option<Content>,
    pub(crate) extensions: Bytes,
}

/// Who was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Any service of that name: while the request was not sent, another may take over.
    Name(Str),
    Identity(ServiceId),
    /// As a peer named it, by its number here.
    Service(ServiceNo),
}

/// Who gets the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The application of this process, under its key.
    Local(u64),
    /// The peer of a link, under its id.
    Link(LinkId, u64),
    /// Nobody any more; the handler is still running.
    Gone,
}

/// Who produces the outcome.
#[derive(Debug)]
pub(crate) enum Provider {
    /// Nobody yet; the arguments.
    Nobody(Content),
    /// A handler here; the arguments until it was told.
    Local(Option<Content>),
    /// Somebody beyond a link; what is to be sent until it was encoded.
    Link(LinkId, Option<Unsent>),
}

/// What a request carries besides what `Call` knows.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) target: UnsentTarget,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum UnsentTarget {
    /// As the peer numbers it.
    Service(u32),
    Name(Str),
}

impl Call {
    /// The handler cannot have seen it.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(
            self.provider,
            Provider::Nobody(_) | Provider::Local(Some(_)) | Provider::Link(_, Some(_))
        )
    }

    /// Takes the arguments back from a provider that cannot have seen them.
    pub(crate) fn take_back(&mut self) -> Option<Content> {
        match &mut self.provider {
            Provider::Nobody(content) => Some(content.clone()),
            Provider::Local(content) => content.take(),
            Provider::Link(_, unsent) => unsent.take().map(|unsent| unsent.content),
        }
    }
}

/// Slots are reused with another generation, so that a late outcome finds nobody.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    slots: Vec<Option<(u32, Call)>>,
    free: Vec<u32>,
    len: usize,
    /// Of the next request, in whatever slot.
    generation: u32,
}

/// Slots that stay when nothing is in flight.
const KEPT_SLOTS: usize = 512;

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, call: Call) -> CallId {
        self.len += 1;
        let generation = self.generation;
        self.generation = generation.wrapping_add(1);
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index as usize)
        {
            *slot = Some((generation, call));
            return id(index, generation);
        }
        let index = self.slots.len() as u32;
        self.slots.push(Some((generation, call)));
        id(index, generation)
    }

    pub(crate) fn get(&self, call: CallId) -> Option<&Call> {
        let (known, found) = self.slots.get(index(call))?.as_ref()?;
        (*known == generation(call)).then_some(found)
    }

    pub(crate) fn get_mut(&mut self, call: CallId) -> Option<&mut Call> {
        let (known, found) = self.slots.get_mut(index(call))?.as_mut()?;
        (*known == generation(call)).then_some(found)
    }

    pub(crate) fn remove(&mut self, call: CallId) -> Option<Call> {
        let slot = self.slots.get_mut(index(call))?;
        let (_, removed) = slot.take_if(|(known, _)| *known == generation(call))?;
        self.free.push(index(call) as u32);
        self.len -= 1;
        if self.len == 0 && self.slots.len() > KEPT_SLOTS {
            (self.slots, self.free) = (Vec::new(), Vec::new());
        }
        Some(removed)
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
