//! Several netsvc processes in one test, in virtual time, without sockets and threads.
//!
//! A [`World`] owns the processes, the connections between them and the clock. What a process
//! writes travels as real bytes through the real codec, and arrives after the connection's delay.
//! Nothing happens between calls; [`World::settle`] runs until nothing is left to do at the
//! current time, [`World::advance`] lets time pass.

mod host;
mod pipe;
mod world;

pub use host::Host;
pub use world::{Node, World};
