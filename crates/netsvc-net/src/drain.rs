//! How events reach the application, and how whoever takes them reads in passing.

use netsvc_core::{Event, Sink};

use crate::pump;
use crate::shared::Shared;

/// Bytes that one call reads at most.
const SHARE: usize = 256 << 10;
/// Of which so many of one connection before the others get their turn.
const CHUNK: usize = 64 << 10;
/// With less room than that it does not read: memory for a batch has more.
const LEAST: usize = 4 << 10;

/// Who drains events, and reports while they are read.
pub trait Taker: Sink {
    /// Takes an event; false: that was the last for now.
    fn take(&mut self, event: Event) -> bool;

    /// Whether it took its last event.
    fn is_full(&self) -> bool;

    /// Bytes of content that it has room for; more than that is not read for it at once.
    fn room(&self) -> usize;
}

/// See [`Engine::drain`](crate::Engine::drain).
pub(crate) fn drain(shared: &Shared, take: &mut dyn FnMut(Event) -> bool) -> bool {
    pump::perform_with(shared, |effects| {
        shared.apply_state(effects, |state, now| {
            shared.signal.rearm();
            while let Some(event) = state.next_event(now) {
                if !take(event) {
                    break;
                }
            }
            state.process.has_events()
        })
    })
}

/// See [`Engine::drain_into`](crate::Engine::drain_into).
pub(crate) fn drain_into(shared: &Shared, taker: &mut dyn Taker) -> bool {
    // Whoever tells of events from here on finds that it was told already.
    shared.signal.hold();
    let delegations = shared.delegations.as_ref();
    if let Some(delegations) = delegations {
        delegations.take_over();
    }
    let mut left = SHARE;
    loop {
        let waits = pump::perform_with(shared, |effects| {
            shared.apply_state(effects, |state, now| {
                while let Some(event) = state.next_event(now) {
                    if !taker.take(event) {
                        break;
                    }
                }
                let waits = state.process.has_events() || taker.is_full();
                if !waits {
                    shared.signal.rearm();
                }
                waits
            })
        });
        let Some(delegations) = delegations else { return waits };
        // What was read but found no room would have to be queued, message by message.
        if waits || left == 0 || taker.room() < LEAST {
            return waits || delegations.has_readable();
        }
        let Some(connection) = delegations.next_readable() else { return false };
        shared.signal.hold();
        let share = left.min(taker.room()).min(CHUNK);
        left -= share;
        let (_, more) = pump::service_into(shared, &connection, share, Some(taker));
        if more {
            delegations.note_readable(connection);
        }
    }
}
