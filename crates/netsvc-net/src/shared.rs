//! What an engine and its tasks share: the lock around the state, the clock, and the signals.

use std::sync::{Mutex, MutexGuard};

use netsvc_core::{Process, Time};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::delegations::Delegations;
use crate::effects::Effects;
use crate::signal::Signal;
use crate::state::State;
use crate::turns::Turns;

/// One registry with its sockets.
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) clock: Clock,
    pub(crate) signal: Signal,
    /// The core's next wake-up came closer, or everything was dropped.
    pub(crate) timer: Notify,
    /// Connections are to be opened, or everything was dropped.
    pub(crate) open: Notify,
    /// `None`: the I/O thread reads all connections of this registry.
    pub(crate) delegations: Option<Delegations>,
    /// Of the connections' tasks.
    pub(crate) turns: Turns,
}

impl Shared {
    pub(crate) fn new(
        process: Process,
        clock: Clock,
        signal: Signal,
        delegations: Option<Delegations>,
    ) -> Self {
        Self {
            state: Mutex::new(State::new(process)),
            clock,
            signal,
            timer: Notify::new(),
            open: Notify::new(),
            delegations,
            turns: Turns::new(),
        }
    }

    /// Whoever changes the core through this settles the state before unlocking. If somebody has
    /// panicked instead, the registry has ended: see [`Process::collapse`].
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.state.lock();
        state.unwrap_or_else(|poisoned| self.end_torn(poisoned.into_inner()))
    }

    #[cold]
    fn end_torn<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.end_torn(self.clock.now());
        self.state.clear_poison();
        // The timer's task settles the state, if nobody does before: it closes what is open, and
        // tells the application.
        self.timer.notify_one();
        state
    }

    /// Calls the core and notes what is to be done about it.
    pub(crate) fn apply<R>(
        &self,
        effects: &mut Effects,
        call: impl FnOnce(&mut Process, Time) -> R,
    ) -> R {
        self.apply_state(effects, |state, now| call(&mut state.process, now))
    }

    /// As [`apply`](Self::apply), for a change of the sockets' side as well.
    pub(crate) fn apply_state<R>(
        &self,
        effects: &mut Effects,
        call: impl FnOnce(&mut State, Time) -> R,
    ) -> R {
        let mut state = self.lock();
        // The clock is read under the mutex, so that the core never sees time going backwards.
        let now = self.clock.now();
        let result = call(&mut state, now);
        state.settle(now, effects);
        result
    }
}
