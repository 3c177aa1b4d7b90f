//! Wakes one JavaScript environment, from any thread, until it is closed.
//!
//! Signalling and closing happen under one lock. Without it a thread may call the thread-safe
//! function while its environment destroys it, which ends the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};

use crate::error::{Result, node_api};

/// Carries no data, hence loses none when it is refused; weak, so that it does not hold the
/// process alive until told to.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true, 0>;

/// Whether and how an environment can be woken.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` once closed.
    wake: Option<Wake>,
    /// A call is queued and has not reached JavaScript; another would be of no use.
    queued: bool,
}

impl Gate {
    /// A gate through which `wake` is called.
    pub(crate) fn open(wake: &Function<'_, (), ()>) -> Result<Arc<Self>> {
        let gate = Arc::new(Self::default());
        // Weak, because Node-API keeps this closure as long as it keeps the function.
        let dispatched: Weak<Self> = Arc::downgrade(&gate);
        let wake = wake
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build_callback(move |_| {
                // Before JavaScript drains: what arrives during that signals again.
                if let Some(gate) = dispatched.upgrade() {
                    gate.lock().queued = false;
                }
                Ok(())
            })
            .map_err(|error| node_api(&error))?;
        gate.lock().wake = Some(wake);
        Ok(gate)
    }

    /// Has JavaScript called soon, once however often this is called before.
    pub(crate) fn signal(&self) {
        let mut state = self.lock();
        if state.queued {
            return;
        }
        if let Some(wake) = &state.wake {
            let status = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
            state.queued = status == Status::Ok;
        }
    }

    /// Makes the function hold the event loop alive, or not. To be called on the environment's
    /// thread; without effect once closed.
    pub(crate) fn hold(&self, env: Env, alive: bool) {
        let state = self.lock();
        let Some(wake) = &state.wake else { return };
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

    /// Ends all signalling and lets the function go; JavaScript is not called any more. To be
    /// called on the environment's thread.
    pub(crate) fn close(&self) {
        let Some(wake) = self.lock().wake.take() else { return };
        // A released function may still call what is queued; an aborted one does not.
        #[allow(deprecated, reason = "dropping it, as napi advises, releases without aborting")]
        let _refused_when_the_environment_is_gone = wake.abort();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
