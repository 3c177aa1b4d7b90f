//! What the application says, straight from the buffer that it staged it in. Each function does all
//! of it or nothing: if it returns false, the general way is to be taken, which also tells what is
//! wrong, if something is.

use crate::calls::{Call, Caller, Provider};
use crate::content::ContentRef;
use crate::ids::{CallId, Str};
use crate::limits::MAX_NAME;
use crate::outbox::OVERHEAD;
use crate::registry::{Named, OWN};
use crate::time::Time;
use crate::timers::Timer;
use crate::wire::{RequestView, ResultView};

use super::Process;
use super::requests::{RequestOptions, TargetRef};

/// Larger contents are worth a reference instead of a copy.
const MAX_COPIED: usize = 4 << 10;

impl Process {
    /// As [`request`](Self::request), if that comes down to encoding it for a link on which nothing
    /// waits; what is borrowed is not needed afterwards. False: nothing was done, and it has to be
    /// `request`. So it is for services of this process, for arguments over 4 KiB, for streams and
    /// for requests that may wait for a provider.
    pub fn request_now(
        &mut self,
        now: Time,
        key: u64,
        target: TargetRef<'_>,
        method: &Str,
        content: ContentRef<'_>,
        options: RequestOptions,
    ) -> bool {
        let RequestOptions { timeout, wait, parts } = options;
        let size = content.bytes.len();
        let plain = !wait && parts == 0 && method.len() <= MAX_NAME;
        if !plain || self.closed || size > MAX_COPIED.min(self.limits.payload) {
            return false;
        }
        let service = match target {
            TargetRef::Name(name) => match self.registry.count_named(name) {
                Named::One(no) => no,
                Named::Nobody | Named::Several => return false,
            },
            TargetRef::Identity(id) => match self.registry.service_no(id) {
                Some(no) => no,
                None => return false,
            },
        };
        let (pending, ahead) = (self.limits.pending_requests, self.limits.ahead());
        let Some(known) = self.registry.service_mut(service) else { return false };
        let Some((link, peer_no)) = known.route() else { return false };
        let connection = self.links.get_mut(&link).and_then(|state| state.linked_mut());
        let Some(connection) = connection else { return false };
        // As `way_to` has it: the hub picks, and says whether the method exists.
        let picks = match target {
            TargetRef::Name(name) if connection.peer_is_server() => Some(name),
            _ => None,
        };
        if known.ending
            || (picks.is_none() && !known.has_method(method))
            || connection.outbound >= pending
            || !connection.accepts(size)
            || !connection.flows(OVERHEAD + size, ahead)
        {
            return false;
        }
        if picks.is_none() {
            known.running += 1;
        }
        connection.outbound += 1;
        let (id, call) = self.calls.insert_mut(Call {
            caller: Caller::Local(key),
            process: OWN,
            service: picks.is_none().then_some(service),
            provider: Provider::Link(link),
            deadline: now + timeout,
            timeout,
            parts,
            untold: 0,
            stream: false,
            in_line: true,
            rest: None,
        });
        if !self.deadlines.add(now, timeout, id) {
            call.in_line = false;
            self.timers.set(Timer::Call(id), call.deadline);
        }
        self.keys.insert(key, id);
        let view = RequestView {
            call: id.0,
            caller: Self::wire_no(OWN),
            target: picks.map_or(Ok(peer_no), Err),
            method,
            remaining: timeout,
            parts,
            kind: content.kind,
            content: content.bytes,
        };
        connection.encoder.request_view(&view, &mut connection.ready);
        connection.mark_dirty(&mut self.dirty);
        true
    }

    /// As [`respond`](Self::respond) with a result, if that comes down to encoding it for a link on
    /// which nothing waits; `content` is not needed afterwards. False: nothing was done, and it has
    /// to be `respond`. So it is for callers in this process, and for results over 4 KiB.
    pub fn respond_now(&mut self, call: CallId, content: ContentRef<'_>) -> bool {
        let Some(known) = self.calls.get(call) else { return false };
        let Caller::Link(link, wire) = known.caller else { return false };
        let size = content.bytes.len();
        if !known.is_told() || size > MAX_COPIED.min(self.limits.payload) {
            return false;
        }
        let ahead = self.limits.ahead();
        let connection = self.links.get_mut(&link).and_then(|state| state.linked_mut());
        let Some(connection) = connection else { return false };
        if !connection.accepts(size) || !connection.flows(OVERHEAD + size, ahead) {
            return false;
        }
        connection.inbound.remove(wire);
        let view = ResultView { call: wire, kind: content.kind, content: content.bytes };
        connection.encoder.result_view(&view, &mut connection.ready);
        connection.mark_dirty(&mut self.dirty);
        self.release(call);
        true
    }
}
