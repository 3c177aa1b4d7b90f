//! What the passing of time brings about.

use std::time::Duration;

use crate::delivery::event::FlushError;
use crate::ids::LinkId;
use crate::links::liveness::Due;
use crate::links::timer::LinkTimer;
use crate::process::Process;
use crate::time::Time;

/// Being called this much later than asked for means that this process was stopped or suspended
/// (or is far too busy): what its peers said meanwhile is still in its sockets.
const PAUSE: Duration = Duration::from_secs(1);

impl Process {
    /// Time has passed. Call it at [`poll_wake`](Self::poll_wake) at the latest.
    pub fn handle_time(&mut self, now: Time) {
        let wake = self.poll_wake();
        // Time(0) is no point in time but "at once".
        if wake != Time::NEVER && wake != Time(0) && now.since(wake) >= PAUSE {
            self.links.begin_grace(now);
        }
        self.relieve();
        // In the order of their times.
        loop {
            let (link, call) = (self.links.next_timer(), self.requests.next_deadline());
            let sweep = self.reports.next_sweep();
            let expiry = self.requests.next_expiry();
            let first = link.min(call).min(sweep).min(expiry);
            if first > now {
                return;
            }
            if first == call {
                if let Some(call) = self.requests.due(now) {
                    self.router().call_deadline(call);
                }
            } else if first == expiry {
                self.router().expire(now);
            } else if first == link {
                match self.links.due_timer(now) {
                    Some(LinkTimer::Link(link)) => self.link_time(now, link),
                    Some(LinkTimer::Flush(flush)) => {
                        let (links, deliveries) = (&mut self.links, &mut self.deliveries);
                        links.end_flush(flush, Err(FlushError::Deadline), deliveries);
                    }
                    Some(LinkTimer::Room) => self.links.arm_room(now),
                    // What it is for was done before.
                    Some(LinkTimer::Relief) | None => {}
                }
            } else {
                self.distributor().sweep(now);
            }
        }
    }

    /// Sheds what exceeds `limits.memory`, if anything does.
    fn relieve(&mut self) {
        self.links.relieve();
        if self.links.take_forgets() {
            self.registry.forget_destinations();
        }
    }

    fn link_time(&mut self, now: Time, link: LinkId) {
        match self.links.handle_timer(now, link) {
            None => {}
            Some(Due::End(ending)) => self.end_connection(now, link, ending),
            Some(Due::Drop) => self.links.drop_connection(now, link, &mut self.deliveries),
            Some(Due::Attempt) => self.links.attempt(now, link),
        }
    }
}
