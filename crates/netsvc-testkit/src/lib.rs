//! Several netsvc processes in one test, in virtual time, without sockets and threads.
//!
//! A [`World`] owns the processes, the connections between them and the clock. What a process
//! writes travels as real bytes through the real codec, and arrives after the connection's delay.
//! Nothing happens between calls; [`World::settle`] runs until nothing is left to do at the
//! current time, [`World::advance`] lets time pass.

mod app;
mod application;
mod connection;
mod connections;
pub mod differential;
mod end;
pub mod fuzz;
mod host;
mod links;
mod node;
mod pipe;
mod random;
mod raw_peer;
mod target;
mod verbs;
mod ways;
mod wire;
mod world;

pub use app::{ROOMY, Told, assert_nothing_pending, service, verdict};
pub use host::Host;
pub use links::{describe, hello, link_event, link_story, story};
pub use node::Node;
pub use random::Random;
pub use raw_peer::{RawPeer, announcement};
pub use target::Target;
pub use verbs::Verbs;
pub use ways::Ways;
pub use wire::Wire;
pub use world::World;
