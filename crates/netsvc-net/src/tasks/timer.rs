//! Calls the core when the time has come that it asked for.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netsvc_core::Time;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout_at};

use crate::connection::Connection;
use crate::pump::{self, Turn};
use crate::shared::Shared;
use crate::sync::caught;

/// Later than this, the process was probably stopped or suspended.
const LATE: Duration = Duration::from_millis(100);
/// A core that panics must not be called in a busy loop.
const PAUSE_AFTER_PANIC: Duration = Duration::from_millis(100);

/// The timer's task; ends when the engine was shut down.
pub(crate) async fn run(shared: Arc<Shared>) {
    while caught(pin!(keep_time(&shared))).await.is_none() {
        sleep(PAUSE_AFTER_PANIC).await;
    }
}

async fn keep_time(shared: &Shared) {
    while let Some(wake) = tick(shared) {
        match shared.clock.instant(wake) {
            None => shared.timer.notified().await,
            Some(instant) => {
                // An error is the expected end of the wait: the time has come.
                let _ = timeout_at(instant.into(), shared.timer.notified()).await;
                if Instant::now() > instant + LATE {
                    // What arrived while this process stood still is read before links are
                    // judged: the readers are queued by now, this task again behind them.
                    yield_now().await;
                }
            }
        }
    }
}

/// Reads connections whose peers the core is about to judge dead: their delegates may be busy, or
/// this process may have stood still.
fn read_before_judging(shared: &Shared) {
    let Some(delegations) = &shared.delegations else { return };
    let connections = delegations.connections();
    if connections.is_empty() {
        return;
    }
    let suspects: Vec<_> = {
        let state = shared.lock();
        let now = shared.clock.now();
        let is_suspect = |one: &Arc<Connection>| state.process.is_suspect(now, one.id);
        connections.into_iter().filter(is_suspect).collect()
    };
    for connection in suspects {
        if pump::read(shared, &connection) == Turn::Ended {
            pump::end(shared, &connection);
        }
    }
}

/// Lets the core act if it is time; says when it wants to be called next. `None`: shut down.
fn tick(shared: &Shared) -> Option<Time> {
    read_before_judging(shared);
    pump::perform_with(shared, |effects| {
        let mut state = shared.lock();
        if state.shut {
            return None;
        }
        let now = shared.clock.now();
        if state.process.poll_wake() <= now {
            state.process.handle_time(now);
        }
        // This task looks by itself now, it need not be notified.
        state.armed = Time::default();
        state.settle(now, effects);
        state.armed = state.process.poll_wake();
        Some(state.armed)
    })
}
