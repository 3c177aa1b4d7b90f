//! The Node-API addon. It converts between JavaScript and `netsvc_net` and decides nothing.
//!
//! One `Environment` per JavaScript environment (the main thread, each worker)
//! wakes JavaScript, through a handle of Node's event loop or a weak thread-safe function; any
//! number of `NativeRegistry` share it. Commands and deliveries cross packed: see `commands` and
//! `deliveries`.
//!
//! No JavaScript is called under a lock, nor after its environment's clean-up hook has run; no
//! panic leaves an exported function.

mod commands;
mod deliveries;
mod environment;
mod error;
#[cfg(unix)]
mod event_loop;
mod hub;
mod native_registry;
mod numbers;
mod options;
mod registry_handle;
mod stderr;
#[cfg(unix)]
mod uv;
mod wakeup;
