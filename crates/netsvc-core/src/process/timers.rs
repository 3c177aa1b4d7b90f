//! What the passing of time brings about.

use std::time::Duration;

use crate::collections::timers::Timer;
use crate::ids::{ConnId, LinkId};
use crate::limits::CONNECT_DEADLINE;
use crate::links::link::{Ending, Phase};
use crate::reason::{Reason, ReasonCode};
use crate::time::Time;
use crate::wire::Message;

use crate::process::Process;

/// Being called this much later than asked for means that this process was stopped or suspended
/// (or is far too busy): what its peers said meanwhile is still in its sockets.
const PAUSE: Duration = Duration::from_secs(1);
/// How long its peers are not judged after a pause, so that the sockets are read first.
const GRACE: Duration = Duration::from_secs(1);

impl Process {
    /// Time has passed. Call it at [`poll_wake`](Self::poll_wake) at the latest.
    pub fn handle_time(&mut self, now: Time) {
        let wake = self.poll_wake();
        // Time(0) is no point in time but "at once".
        if wake != Time::NEVER && wake != Time(0) && now.since(wake) >= PAUSE {
            self.judge_from = now + GRACE;
        }
        loop {
            // In the order of their times.
            if self.deadlines.next() < self.timers.next()
                && let Some(call) = self.deadlines.due(now)
            {
                self.call_deadline(call);
                continue;
            }
            match self.timers.due(now) {
                Some(Timer::Link(link)) => self.link_time(now, link),
                Some(Timer::Call(call)) => self.call_deadline(call),
                Some(Timer::Flush(flush)) => self.flush_deadline(flush),
                Some(Timer::Sweep) => self.sweep(now),
                None => return,
            }
        }
    }

    /// Whether [`handle_time`](Self::handle_time) would end this connection now because nothing
    /// arrived on it. Whoever has not looked into its socket lately should do so before.
    pub fn is_suspect(&self, now: Time, conn: ConnId) -> bool {
        let Some(state) = self.conns.get(&conn).and_then(|link| self.links.get(link)) else {
            return false;
        };
        let Some(exchange) = self.exchanges.get(&state.exchange) else { return false };
        state.connection.as_deref().is_some_and(|connection| match connection.phase {
            Phase::Opening | Phase::Handshake | Phase::Authorising => {
                now.since(connection.began) >= CONNECT_DEADLINE
            }
            Phase::Syncing | Phase::Active(_) => {
                now.since(connection.last_received) >= connection.patience(exchange.heartbeat)
            }
            Phase::Closing { .. } => false,
        })
    }

    fn link_time(&mut self, now: Time, link: LinkId) {
        let Some(state) = self.links.get(&link) else { return };
        let Some(exchange) = self.exchanges.get(&state.exchange) else { return };
        let heartbeat = exchange.heartbeat;
        let attempt_due =
            state.connector.as_ref().is_some_and(|connector| connector.next_attempt <= now);
        let Some(connection) = state.connection.as_deref() else {
            if attempt_due {
                self.attempt(now, link);
            } else {
                self.arm_link(link);
            }
            return;
        };
        let judging = now >= self.judge_from;
        match connection.phase {
            Phase::Opening | Phase::Handshake | Phase::Authorising => {
                if judging && now.since(connection.began) >= CONNECT_DEADLINE {
                    return self.give_up_connecting(now, link);
                }
            }
            Phase::Syncing | Phase::Active(_) => {
                if connection.overflowed {
                    return self.end_slow(now, link, "its outbox is over its limit");
                }
                let silence = now.since(connection.last_received);
                if judging && silence >= connection.patience(heartbeat) {
                    let text = format!("nothing arrived for {:.1} seconds", silence.as_secs_f64());
                    let reason = Reason::new(ReasonCode::HeartbeatLost, text);
                    let farewell = Some(Message::Goodbye(reason.clone()));
                    let ending = Ending { reason, farewell, refused: false };
                    return self.end_connection(now, link, ending);
                }
                if judging && connection.is_stuck(now) {
                    return self.end_slow(now, link, "it took no byte for too long");
                }
                if now.since(connection.last_sent) >= heartbeat.interval {
                    self.beat(now, link);
                }
            }
            Phase::Closing { until } => {
                if now >= until || attempt_due {
                    return self.drop_connection(now, link);
                }
            }
        }
        self.arm_link(link);
        // What is not judged yet would otherwise be due for ever.
        if !judging {
            let judge_from = self.judge_from;
            self.timers.set(Timer::Link(link), judge_from);
        }
    }

    fn beat(&mut self, now: Time, link: LinkId) {
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        // Counts as sent now: if the transport is stuck, more of them would not help.
        connection.last_sent = now;
        if connection.last_progress == Time::NEVER {
            connection.last_progress = now;
        }
        if connection.urgent.is_empty() && connection.unwritten == 0 {
            connection.urgent.push_back(Message::Heartbeat);
        }
        self.mark_dirty(link);
    }

    fn give_up_connecting(&mut self, now: Time, link: LinkId) {
        let seconds = CONNECT_DEADLINE.as_secs();
        let text = format!("no link within {seconds} seconds of resolving, connecting, handshake");
        let reason = Reason::new(ReasonCode::ConnectTimeout, text);
        self.end_connection(now, link, Ending { reason, farewell: None, refused: false });
    }
}
