//! The Node-API addon. It converts between JavaScript and `netsvc_net` and decides nothing.
//!
//! One `Environment` per JavaScript environment (the main thread, each worker)
//! wakes JavaScript, through a handle of Node's event loop or a weak thread-safe function; any
//! number of `NativeRegistry` share it. Commands and deliveries cross packed: see `commands.rs`
//! and `records.rs`.
//!
//! No JavaScript is called under a lock, nor after its environment's clean-up hook has run; no
//! panic leaves an exported function.

mod apply;
mod chunk;
mod commands;
#[cfg(unix)]
mod desk;
mod environment;
mod error;
#[cfg(unix)]
mod event_loop;
mod gate;
#[cfg(unix)]
mod handle;
mod hub;
mod inbox;
mod info;
#[cfg(unix)]
mod js_callback;
mod native_registry;
mod options;
#[cfg(unix)]
mod poll;
mod ready;
mod records;
mod registry;
mod symbols;
mod texts;
#[cfg(unix)]
mod uv;
