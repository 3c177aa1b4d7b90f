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

/// Carries no data, hence loses none when it is refused; weak, so that it does not hold the
/// process alive until told to.
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
    /// The environment has been woken and has not noticed yet; waking it again would be of no use.
    woken: bool,
    /// There are deliveries: JavaScript is to be called.
    deliveries: bool,
    /// The registries that have some.
    ready: ReadySet,
    /// The environment's thread is at work for us and asks for deliveries afterwards.
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

    /// A registry has deliveries: has JavaScript called soon, once however often this is called
    /// before.
    pub(crate) fn signal(&self, registry: u32) {
        let mut state = self.lock();
        state.deliveries = true;
        state.ready.note(registry);
        if !state.attending {
            state.wake();
        }
    }

    /// The environment's thread has been woken. Returns whether JavaScript is to be called.
    pub(crate) fn woken(&self) -> bool {
        let mut state = self.lock();
        state.woken = false;
        std::mem::take(&mut state.deliveries)
    }

    /// Numbers of registries that have deliveries, each once, as many as fit into `numbers`;
    /// whoever takes one looks for its deliveries, be it later. Returns how many they are.
    pub(crate) fn take_ready(&self, numbers: &mut [u32]) -> usize {
        self.lock().ready.take(numbers)
    }

    /// A registry has ended; what it had to deliver has nobody to hear it.
    pub(crate) fn forget(&self, registry: u32) {
        self.lock().ready.forget(registry);
    }

    /// Makes a thread-safe function hold the event loop alive, or not. To be called on the
    /// environment's thread; without effect once closed.
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

    /// Ends all signalling and lets a thread-safe function go; JavaScript is not called by it any
    /// more. To be called on the environment's thread, before a handle is closed.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.deliveries = false;
        let Some(Wake::Function(wake)) = state.wake.take() else { return };
        drop(state);
        // A released function may still call what is queued; an aborted one does not.
        #[allow(deprecated, reason = "dropping it, as napi advises, releases without aborting")]
        let _refused_when_the_environment_is_gone = wake.abort();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For work on the event loop.
#[cfg(unix)]
impl Wakeup {
    /// From now on the environment is woken by `waker`.
    pub(crate) fn open_by_handle(&self, waker: UvWaker) {
        self.lock().wake = Some(Wake::Loop(waker));
    }

    /// There is something else to do for the environment's thread.
    pub(crate) fn nudge(&self) {
        self.lock().wake();
    }

    /// The environment's thread begins to work for us; deliveries that come of it need not wake it.
    pub(crate) fn attend(&self) {
        self.lock().attending = true;
    }

    /// JavaScript is about to be called for the deliveries that there are.
    pub(crate) fn calling(&self) {
        self.lock().deliveries = false;
    }

    /// The environment's thread has done so. Wakes it for deliveries that have come since.
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
