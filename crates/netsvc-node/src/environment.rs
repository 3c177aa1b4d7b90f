//! One JavaScript environment: the main thread's, or a worker's.
#![allow(unsafe_code, reason = "the code that `napi` generates for exported functions")]

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Function, retain_current_module_for_unload_safety};
use napi_derive::napi;

use crate::error::{Code, Error, Result, guard, node_api};
use crate::gate::Gate;
use crate::registry::Registry;

/// Wakes its JavaScript environment for all registries made with it, and ends them when the
/// environment ends.
#[napi]
pub struct Environment {
    shared: Rc<Shared>,
}

#[napi]
impl Environment {
    /// `wake` is called without arguments when any registry of this environment has deliveries;
    /// not again before an earlier call has been made.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Function<'_, (), ()>) -> Result<Self> {
        guard(|| {
            // Threads of ours run code of this image after the last environment has gone.
            retain_current_module_for_unload_safety();
            let gate = Gate::open(&wake)?;
            let registries = RefCell::default();
            let shared = Rc::new(Shared { gate, registries, closed: Cell::new(false) });
            // After the thread-safe function, whose own hook thereby runs after this one.
            env.add_env_cleanup_hook(Rc::clone(&shared), |shared| shared.end())
                .map_err(|error| node_api(&error))?;
            Ok(Self { shared })
        })
    }

    /// Holds the event loop alive until `unref`. A flag, not a count.
    #[napi(js_name = "ref", catch_unwind)]
    pub fn hold(&self, env: Env) -> Result<()> {
        guard(|| {
            self.shared.gate.hold(env, true);
            Ok(())
        })
    }

    /// Lets the event loop end although registries are open; so it is from the start.
    #[napi(js_name = "unref", catch_unwind)]
    pub fn release(&self, env: Env) -> Result<()> {
        guard(|| {
            self.shared.gate.hold(env, false);
            Ok(())
        })
    }

    /// Disposes of all registries; `wake` is not called any more. Happens by itself when the
    /// environment ends.
    #[napi(catch_unwind)]
    pub fn close(&self) -> Result<()> {
        guard(|| {
            self.shared.close();
            Ok(())
        })
    }
}

impl Environment {
    /// Admits a registry made by `make`, which gets the gate to signal through.
    pub(crate) fn admit(
        &self,
        make: impl FnOnce(Arc<Gate>) -> Result<Registry>,
    ) -> Result<Rc<Registry>> {
        if self.shared.closed.get() {
            return Err(Error::new(Code::CLOSED, "this environment is closed"));
        }
        let registry = Rc::new(make(Arc::clone(&self.shared.gate))?);
        let mut registries = self.shared.registries.borrow_mut();
        registries.retain(|known| known.strong_count() > 0);
        registries.push(Rc::downgrade(&registry));
        Ok(registry)
    }
}

/// The part that the clean-up hook needs. Stays on the environment's thread.
struct Shared {
    gate: Arc<Gate>,
    registries: RefCell<Vec<Weak<Registry>>>,
    closed: Cell<bool>,
}

impl Shared {
    fn close(&self) {
        self.closed.set(true);
        // First: what the registries still have to tell has nobody to hear it.
        self.gate.close();
        for registry in self.registries.take() {
            if let Some(registry) = registry.upgrade() {
                registry.dispose();
            }
        }
    }

    /// Closes as the environment ends, where a panic would end the process.
    fn end(&self) {
        let _nobody_left_to_tell = guard(|| {
            self.close();
            Ok(())
        });
    }
}
