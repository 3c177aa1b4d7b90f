//! One JavaScript environment: the main thread's, or a worker's.
#![allow(unsafe_code, reason = "the code that `napi` generates for exported functions")]

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Function, Uint32ArraySlice, retain_current_module_for_unload_safety};
use napi_derive::napi;
use netsvc_net::{Patience, Reading};

use crate::error::{Code, Error, Result, guard, node_api};
#[cfg(unix)]
use crate::event_loop::EventLoop;
use crate::registry_handle::RegistryHandle;
use crate::wakeup::Wakeup;

/// Wakes its JavaScript environment for all registries made with it, and ends them when the
/// environment ends.
#[napi]
pub struct Environment {
    shared: Rc<Shared>,
}

#[napi]
impl Environment {
    /// `wake` is called without arguments when any registry of this environment has deliveries,
    /// which `ready` names; not again before an earlier call has been made. `on_loop`: use
    /// libuv if it is available; only for Node itself, because other runtimes have something else
    /// under its name.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Function<'_, (), ()>, on_loop: bool) -> Result<Self> {
        guard(|| {
            // Threads of ours run code of this image after the last environment has gone.
            retain_current_module_for_unload_safety();
            let shared = Rc::new(Shared::open(env, &wake, on_loop)?);
            // After the thread-safe function and the hook that waits for handles: their own hooks
            // thereby run after this one.
            let added = env.add_env_cleanup_hook(Rc::clone(&shared), |shared| shared.end());
            if let Err(error) = added {
                shared.close();
                return Err(node_api(&error));
            }
            Ok(Self { shared })
        })
    }

    /// Who waits for sockets and how JavaScript is woken: `loop`, the event loop where that is
    /// possible; `thread`, the I/O thread.
    #[napi(getter, catch_unwind)]
    pub fn io(&self) -> &'static str {
        if self.shared.on_loop { "loop" } else { "thread" }
    }

    /// Holds the event loop alive until `unref`. A flag, not a count.
    #[napi(js_name = "ref", catch_unwind)]
    pub fn hold(&self, env: Env) -> Result<()> {
        guard(|| {
            self.shared.hold(env, true);
            Ok(())
        })
    }

    /// Lets the event loop end although registries are open, as it may from the start.
    #[napi(js_name = "unref", catch_unwind)]
    pub fn release(&self, env: Env) -> Result<()> {
        guard(|| {
            self.shared.hold(env, false);
            Ok(())
        })
    }

    /// Fills `numbers` with those of registries that have deliveries, each once until it has new
    /// ones: whoever takes a number drains that registry, now or later. Returns how many they are;
    /// if they fill the array there may be more.
    #[napi(catch_unwind)]
    pub fn ready(&self, mut numbers: Uint32ArraySlice<'_>) -> Result<u32> {
        guard(|| {
            // SAFETY: no other slice of this array exists, and no JavaScript runs before it is
            // written.
            let numbers = unsafe { numbers.as_mut() };
            Ok(self.shared.wakeup.take_ready(numbers) as u32)
        })
    }

    /// Disposes of all registries; `wake` is not called any more. Happens by itself when the
    /// environment ends. Waits until peers have read what is said last, which takes them hardly
    /// any time: for 250 ms, or for 1 s if the I/O thread does not get to run.
    #[napi(catch_unwind)]
    pub fn close(&self) -> Result<()> {
        guard(|| {
            self.shared.close();
            Ok(())
        })
    }
}

impl Environment {
    /// Admits a registry made by `make`, which gets its number, the wake-up to signal through, and
    /// who reads its clients' connections.
    pub(crate) fn admit(
        &self,
        make: impl FnOnce(u32, Arc<Wakeup>, Reading) -> Result<RegistryHandle>,
    ) -> Result<Rc<RegistryHandle>> {
        if self.shared.closed.get() {
            return Err(Error::new(Code::CLOSED, "this environment is closed"));
        }
        let no = self.shared.last.get().wrapping_add(1);
        self.shared.last.set(no);
        let wakeup = Arc::clone(&self.shared.wakeup);
        let registry = Rc::new(make(no, wakeup, self.shared.reading())?);
        let mut registries = self.shared.registries.borrow_mut();
        registries.retain(|known| known.strong_count() > 0);
        registries.push(Rc::downgrade(&registry));
        Ok(registry)
    }
}

/// The part that the clean-up hook needs. Stays on the environment's thread.
struct Shared {
    wakeup: Arc<Wakeup>,
    on_loop: bool,
    /// `None`: woken by a thread-safe function, or closed.
    #[cfg(unix)]
    event_loop: RefCell<Option<Rc<EventLoop>>>,
    registries: RefCell<Vec<Weak<RegistryHandle>>>,
    /// Number of the registry made last.
    last: Cell<u32>,
    closed: Cell<bool>,
}

impl Shared {
    #[cfg_attr(not(unix), allow(unused_variables, reason = "there is no event loop to open"))]
    fn open(env: Env, wake: &Function<'_, (), ()>, on_loop: bool) -> Result<Self> {
        let wakeup = Arc::<Wakeup>::default();
        #[cfg(unix)]
        let event_loop = if on_loop { EventLoop::open(env, &wakeup, wake)? } else { None };
        #[cfg(unix)]
        let on_loop = event_loop.is_some();
        #[cfg(not(unix))]
        let on_loop = false;
        if !on_loop {
            wakeup.open_by_function(wake)?;
        }
        Ok(Self {
            wakeup,
            on_loop,
            #[cfg(unix)]
            event_loop: RefCell::new(event_loop),
            registries: RefCell::default(),
            last: Cell::default(),
            closed: Cell::new(false),
        })
    }

    /// Who reads: JavaScript's thread in any case, where that is possible.
    fn reading(&self) -> Reading {
        #[cfg(unix)]
        if let Some(event_loop) = &*self.event_loop.borrow() {
            return Reading::Delegate(event_loop.delegations(), self.wakeup.turns.clone());
        }
        Reading::Drainer(self.wakeup.turns.clone())
    }

    fn hold(&self, env: Env, alive: bool) {
        #[cfg(unix)]
        if let Some(event_loop) = &*self.event_loop.borrow() {
            return event_loop.hold(alive);
        }
        self.wakeup.hold(env, alive);
    }

    fn close(&self) {
        self.closed.set(true);
        // First: what the registries still have to tell has nobody to hear it.
        self.wakeup.close();
        #[cfg(unix)]
        if let Some(event_loop) = self.event_loop.take() {
            event_loop.close();
        }
        // The process may end next: what it says last is written, and read by its peers.
        let patience = Patience::at_exit();
        let registries = self.registries.take().into_iter().filter_map(|known| known.upgrade());
        let closing: Vec<_> = registries.map(|registry| registry.dispose(patience)).collect();
        for connections in closing {
            connections.wait(patience);
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
