//! Calls the core when the time has come that it asked for.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netsvc_core::Time;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout_at};

use crate::connection::{Connection, Turn};
use crate::driver::Driver;
use crate::state::Effects;
use crate::sync::caught;

/// Later than this, the process was probably stopped or suspended.
const LATE: Duration = Duration::from_millis(100);
/// A core that panics must not be called in a busy loop.
const PAUSE_AFTER_PANIC: Duration = Duration::from_millis(100);

/// The timer's task; ends when the engine was shut down.
pub(crate) async fn run(driver: Arc<Driver>) {
    while caught(pin!(keep_time(&driver))).await.is_none() {
        sleep(PAUSE_AFTER_PANIC).await;
    }
}

async fn keep_time(driver: &Driver) {
    while let Some(wake) = tick(driver) {
        match driver.clock.instant(wake) {
            None => driver.timer.notified().await,
            Some(instant) => {
                // An error is the expected end of the wait: the time has come.
                let _ = timeout_at(instant.into(), driver.timer.notified()).await;
                if Instant::now() > instant + LATE {
                    // What arrived while this process stood still is read before links are
                    // judged: the readers are queued by now, this task again behind them.
                    yield_now().await;
                }
            }
        }
    }
}

/// Reads lent connections whose peers the core is about to judge dead: their borrower may be busy,
/// or this process may have stood still.
fn read_before_judging(driver: &Driver) {
    let Some(loans) = &driver.loans else { return };
    let connections = loans.connections();
    if connections.is_empty() {
        return;
    }
    let suspects: Vec<_> = {
        let registry = driver.lock();
        let now = driver.clock.now();
        let is_suspect = |one: &Arc<Connection>| registry.process.is_suspect(now, one.id);
        connections.into_iter().filter(is_suspect).collect()
    };
    for connection in suspects {
        if connection.read(driver) == Turn::Ended {
            connection.end(driver);
        }
    }
}

/// Lets the core act if it is time; says when it wants to be called next. `None`: shut down.
fn tick(driver: &Driver) -> Option<Time> {
    read_before_judging(driver);
    driver.perform_with(|effects: &mut Effects| {
        let mut registry = driver.lock();
        if registry.shut {
            return None;
        }
        let now = driver.clock.now();
        if registry.process.poll_wake() <= now {
            registry.process.handle_time(now);
        }
        // This task looks by itself now, it need not be notified.
        registry.armed = Time::default();
        registry.settle(driver, effects);
        registry.armed = registry.process.poll_wake();
        Some(registry.armed)
    })
}
