//! Timers of links: heartbeats, silence, deadlines of the handshake, and the next attempt.

use std::time::Duration;

use crate::ids::{ConnId, LinkId};
use crate::limits::{CONNECT_DEADLINE, STUCK_WRITER};
use crate::links::Links;
use crate::reason::{Reason, ReasonCode};
use crate::time::Time;

use super::connection::Ending;
use super::phase::Phase;
use super::timer::LinkTimer;

/// How long peers are not judged after this process was stopped, so that its sockets are read
/// first.
const GRACE: Duration = Duration::from_secs(1);

/// What is due when a link's timer fires.
#[derive(Debug)]
pub(crate) enum Due {
    /// Its connection ends.
    End(Ending),
    /// Its connection, which was closing, is given up.
    Drop,
    /// The next attempt is made.
    Attempt,
}

impl Links {
    /// When the next timer fires.
    pub(crate) fn next_timer(&self) -> Time {
        self.timers.next()
    }

    /// Takes out a timer that is due.
    pub(crate) fn due_timer(&mut self, now: Time) -> Option<LinkTimer> {
        self.timers.due(now)
    }

    /// This process was stopped, or is far too busy: what its peers said meanwhile is still in its
    /// sockets.
    pub(crate) fn begin_grace(&mut self, now: Time) {
        self.judge_from = now + GRACE;
    }

    /// Sets the timer of a link to the next thing that may have to be done about it.
    pub(crate) fn arm(&mut self, link: LinkId) {
        let Some(state) = self.table.get(link) else { return };
        let Some(exchange) = self.exchanges.get(&state.exchange) else { return };
        let attempt = state.connector.as_ref().map_or(Time::NEVER, |c| c.next_attempt);
        let wake = match state.connection.as_deref() {
            // One that is closing already has its time to be given up.
            Some(connection) if connection.out.overflow().is_some() && connection.is_linked() => {
                Time(0)
            }
            Some(connection) => connection.next_wake(exchange.heartbeat).min(attempt),
            None => attempt,
        };
        self.timers.set(LinkTimer::Link(link), wake);
    }

    /// Something was encoded: from now on the transport must make progress.
    pub(super) fn arm_writing(&mut self, link: LinkId, now: Time) {
        self.timers.set_earlier(LinkTimer::Link(link), now + STUCK_WRITER);
    }

    /// Fires when another connection may be displaced, so that whoever accepts looks again.
    pub(crate) fn arm_room(&mut self, now: Time) {
        let next = self.strangers.next_change(now);
        let next = if now < self.judge_from { next.max(self.judge_from) } else { next };
        self.timers.set(LinkTimer::Room, next);
    }

    /// A link's timer fired; `None`: nothing to be done but what was done here.
    pub(crate) fn handle_timer(&mut self, now: Time, link: LinkId) -> Option<Due> {
        let state = self.table.get(link)?;
        let heartbeat = self.exchanges.get(&state.exchange)?.heartbeat;
        let attempt_due =
            state.connector.as_ref().is_some_and(|connector| connector.next_attempt <= now);
        let judging = now >= self.judge_from;
        match state.connection.as_deref() {
            None if attempt_due => return Some(Due::Attempt),
            None => {}
            Some(connection) => match connection.phase {
                Phase::Opening | Phase::Handshake | Phase::Authorising => {
                    if judging && now >= connection.deadline {
                        let allowed = connection.deadline.since(connection.began);
                        return Some(Due::End(Ending::silent(connect_timeout(allowed))));
                    }
                }
                Phase::Syncing | Phase::Active(_) => {
                    if let Some(overflow) = connection.out.overflow() {
                        // A farewell would only wait behind what cannot be written.
                        let reason = overflow.reason(self.limits.memory, self.limits.outbox);
                        return Some(Due::End(Ending::silent(reason)));
                    }
                    let silence = now.since(connection.last_received);
                    // One that is not read cannot be heard.
                    let heard = connection.hold.is_none();
                    if judging && heard && silence >= connection.patience(heartbeat) {
                        let text =
                            format!("nothing arrived for {:.1} seconds", silence.as_secs_f64());
                        let reason = Reason::new(ReasonCode::HeartbeatLost, text);
                        return Some(Due::End(Ending::told(reason)));
                    }
                    let long = connection.stuck_after();
                    if judging && connection.out.is_stuck(&connection.phase, long, now) {
                        return Some(slow("it took no byte for too long"));
                    }
                    if judging && self.tries_patience(now, link) {
                        return Some(slow("others waited too long for it to read"));
                    }
                    self.read_once(now, link);
                    if self.linked(link).is_some_and(|c| c.out.is_silent(heartbeat.interval, now)) {
                        self.beat(now, link);
                    }
                }
                Phase::Closing { until } => {
                    if now >= until || attempt_due {
                        return Some(Due::Drop);
                    }
                }
            },
        }
        self.arm(link);
        // What is not judged yet would otherwise be due for ever.
        if !judging && self.connection_mut(link).is_some() {
            self.timers.set(LinkTimer::Link(link), self.judge_from);
        }
        None
    }

    /// See [`Process::is_suspect`](crate::Process::is_suspect).
    pub(crate) fn is_suspect(&self, now: Time, conn: ConnId) -> bool {
        let Some(state) = self.conns.get(&conn).and_then(|link| self.table.get(*link)) else {
            return false;
        };
        let Some(exchange) = self.exchanges.get(&state.exchange) else { return false };
        state.connection.as_deref().is_some_and(|connection| match connection.phase {
            Phase::Opening | Phase::Handshake | Phase::Authorising => now >= connection.deadline,
            Phase::Syncing | Phase::Active(_) => {
                let silence = now.since(connection.last_received);
                connection.hold.is_none() && silence >= connection.patience(exchange.heartbeat)
            }
            Phase::Closing { .. } => false,
        })
    }

    /// Bytes arrived on a connection, whether or not they make a message yet: the peer is alive.
    #[inline]
    pub(crate) fn handle_received(&mut self, now: Time, conn: ConnId) -> Option<LinkId> {
        let link = self.link_of(conn)?;
        let connection = self.connection_mut(link)?;
        connection.last_received = now;
        if connection.hold.is_some() {
            self.pause_again(now, link);
        }
        Some(link)
    }

    /// The preamble came: what is left of the handshake has the time that all of it has.
    #[cold]
    pub(crate) fn note_preamble(&mut self, conn: ConnId) {
        if let Some(link) = self.link_of(conn)
            && let Some(connection) = self.connection_mut(link)
        {
            connection.deadline = connection.began + CONNECT_DEADLINE;
        }
    }

    /// The transport took bytes; `unwritten` are left in the connection's send buffer.
    pub(crate) fn handle_written(&mut self, now: Time, conn: ConnId, unwritten: usize) {
        let Some(link) = self.link_of(conn) else { return };
        if let Some(connection) = self.connection_mut(link) {
            connection.out.written(unwritten, &connection.phase, now);
        }
    }

    fn tries_patience(&mut self, now: Time, link: LinkId) -> bool {
        let Self { table, changes, .. } = self;
        let for_changes = Some(&*changes).filter(|changes| changes.holds_up());
        let connection = table.get_mut(link).and_then(|link| link.linked_mut());
        connection.is_some_and(|connection| connection.out.tries_patience(now, for_changes))
    }

    fn beat(&mut self, now: Time, link: LinkId) {
        if let Some(connection) = self.linked_mut(link) {
            connection.out.beat(now);
            self.mark_dirty(link);
        }
    }
}

/// `allowed`: how long it had.
fn connect_timeout(allowed: Duration) -> Reason {
    let seconds = CONNECT_DEADLINE.as_secs();
    let text = if allowed < CONNECT_DEADLINE {
        format!("not even the protocol's name came within {:.1} seconds", allowed.as_secs_f64())
    } else {
        format!("no link within {seconds} seconds of resolving, connecting, handshake")
    };
    Reason::new(ReasonCode::ConnectTimeout, text)
}

/// The peer reads too slowly. A farewell would only wait behind what cannot be written.
fn slow(text: &str) -> Due {
    Due::End(Ending::silent(Reason::new(ReasonCode::SlowConsumer, text)))
}
