//! Wakes one JavaScript environment, from any thread, until it is closed.
//!
//! Signalling and closing happen under one lock. Without it a thread may wake through a
//! thread-safe function, or a handle of libuv, while its environment destroys it, which ends the
//! process.

mod ready_set;
#[cfg(unix)]
pub(crate) mod uv_waker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use netsvc_net::Turns;

use crate::error::{Result, node_api};
use crate::wakeup::ready_set::ReadySet;
#[cfg(unix)]
use crate::wakeup::uv_waker::UvWaker;

/// Carries no data, so a refused call loses none. Weak: does not keep the process alive until it is
/// referenced.
type WakeFunction = ThreadsafeFunction<(), (), (), Status, false, true, 0>;

/// Whether and how an environment can be woken.
#[derive(Default)]
pub(crate) struct Wakeup {
    state: Mutex<State>,
    /// Of the environment's thread.
    pub(crate) turns: Turns,
}

/// How an environment is woken.
enum Wake {
    /// By Node-API, anywhere.
    Function(WakeFunction),
    /// By libuv, under Node itself: some 30 µs sooner when the event loop is asleep.
    #[cfg(unix)]
    Loop(UvWaker),
}

#[derive(Default)]
struct State {
    /// `None` before it is opened and once closed.
    wake: Option<Wake>,
    /// The environment has been woken and has not noticed yet: no need to wake it again.
    woken: bool,
    /// There are deliveries, for which JavaScript has to be called.
    deliveries: bool,
    /// The registries that have some.
    ready: ReadySet,
    /// The environment's thread runs code of ours, and looks for deliveries when that ends.
    attending: bool,
}

impl Wakeup {
    /// From now on the environment is woken by a thread-safe function that calls `wake`.
    pub(crate) fn open_by_function(self: &Arc<Self>, wake: &Function<'_, (), ()>) -> Result<()> {
        // Weak, because Node-API keeps this closure as long as it keeps the function.
        let dispatched: Weak<Self> = Arc::downgrade(self);
        let wake = wake
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build_callback(move |_| {
                // Before JavaScript drains: what arrives during that signals again.
                if let Some(wakeup) = dispatched.upgrade() {
                    wakeup.woken();
                }
                Ok(())
            })
            .map_err(|error| node_api(&error))?;
        self.lock().wake = Some(Wake::Function(wake));
        Ok(())
    }

    /// A registry has deliveries: JavaScript will be called, once for any number of signals before
    /// that.
    pub(crate) fn signal(&self, registry: u32) {
        let mut state = self.lock();
        state.deliveries = true;
        state.ready.note(registry);
        if !state.attending {
            state.wake();
        }
    }

    /// The environment's thread has been woken. Returns whether JavaScript has to be called.
    pub(crate) fn woken(&self) -> bool {
        let mut state = self.lock();
        state.woken = false;
        std::mem::take(&mut state.deliveries)
    }

    /// Takes the numbers of registries that have deliveries, each once, as many as fit into
    /// `numbers`. The caller has to drain each of these registries, sooner or later. Returns how
    /// many there are.
    pub(crate) fn take_ready(&self, numbers: &mut [u32]) -> usize {
        self.lock().ready.take(numbers)
    }

    /// A registry has ended: nobody takes its deliveries any more.
    pub(crate) fn forget(&self, registry: u32) {
        self.lock().ready.forget(registry);
    }

    /// Makes a thread-safe function keep the event loop alive, or not. Call it on the
    /// environment's thread. Without effect once closed.
    pub(crate) fn hold(&self, env: Env, alive: bool) {
        let state = self.lock();
        let Some(Wake::Function(wake)) = &state.wake else { return };
        let call = if alive {
            napi::sys::napi_ref_threadsafe_function
        } else {
            napi::sys::napi_unref_threadsafe_function
        };
        #[allow(unsafe_code, reason = "napi's own methods for it are deprecated")]
        // SAFETY: `env` is the environment of the calling thread, which made the function; the
        // function is not released, as that happens only after it was taken out under this lock.
        unsafe {
            call(env.raw(), wake.raw());
        }
    }

    /// Ends all signalling and releases a thread-safe function, which does not call JavaScript any
    /// more. Call it on the environment's thread, before the handle of libuv is closed.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.deliveries = false;
        let Some(Wake::Function(wake)) = state.wake.take() else { return };
        drop(state);
        // A released function may still call what is queued; an aborted one does not.
        #[allow(deprecated, reason = "dropping it, as napi advises, releases without aborting")]
        let _refused_when_the_environment_is_gone = wake.abort();
    }

    /// Whoever panicked with it: each field is right by itself, and `woken` is set after the call
    /// that wakes, so the environment is woken once too often rather than never again.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Used on the event loop only.
#[cfg(unix)]
impl Wakeup {
    /// From now on the environment is woken by `waker`.
    pub(crate) fn open_by_handle(&self, waker: UvWaker) {
        self.lock().wake = Some(Wake::Loop(waker));
    }

    /// Wakes the environment's thread for something other than deliveries.
    pub(crate) fn nudge(&self) {
        self.lock().wake();
    }

    /// The environment's thread begins to run code of ours; its deliveries need not wake that
    /// thread.
    pub(crate) fn attend(&self) {
        self.lock().attending = true;
    }

    /// JavaScript is about to be called for all deliveries so far.
    pub(crate) fn calling(&self) {
        self.lock().deliveries = false;
    }

    /// The environment's thread has finished. Wakes it for deliveries that have come since
    /// `calling`.
    pub(crate) fn attended(&self) {
        let mut state = self.lock();
        state.attending = false;
        if state.deliveries {
            state.wake();
        }
    }
}

impl State {
    fn wake(&mut self) {
        if self.woken {
            return;
        }
        self.woken = match &self.wake {
            Some(Wake::Function(wake)) => {
                wake.call((), ThreadsafeFunctionCallMode::NonBlocking) == Status::Ok
            }
            #[cfg(unix)]
            Some(Wake::Loop(waker)) => waker.wake(),
            None => false,
        };
    }
}
