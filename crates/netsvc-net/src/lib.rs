//! Sockets, name resolution, buffers and time around [`netsvc_core::Process`].
//!
//! No policy lives here: what is sent, to whom, when to retry and when a link is dead is decided
//! by the core. An [`Engine`] is one registry with its sockets; a [`Runtime`] is the I/O thread
//! that all engines of an operating system process share.
//!
//! # Locks
//!
//! Each registry has one mutex, each connection two. They are taken in this order only:
//!
//! 1. reader (buffer and codec of a connection): whoever holds it reads; it is held across
//!    reading, decoding and applying, so that messages are applied in the order received;
//! 2. writer (bytes on their way into a stream; a combiner lock): only tried; who finds it taken
//!    leaves the work to its holder. At the end of an engine alone it is waited for, for a bounded
//!    time and under no other lock: the process may end before its holder gets on;
//! 3. registry: held for at most 64 KiB of frames, never across a system call on a connection.
//!
//! Listeners have a small mutex of their own, taken after any of these. The application's
//! callbacks run under none of them, except [`Engine::with`]'s command and [`Engine::drain`]'s
//! `take`, which run under the registry's.
//!
//! # Finding one's way
//!
//! | question | file |
//! | --- | --- |
//! | how does a command become bytes on a socket? | `pump.rs`, `connection/writer.rs` |
//! | why does no frame strand when two threads write? | `connection/combiner.rs` |
//! | how do bytes become messages? | `pump.rs`, `connection/reader.rs` |
//! | what does a call into the core bring about? | `state.rs` (`settle`), `effects.rs`, `pump.rs` |
//! | what does the task of a connection do? | `tasks/connection.rs` |
//! | what is still written when a process ends? | `engine.rs` (`shutdown_now`), `closing.rs` |
//! | who reads a connection? | `read_delegate.rs`, `delegations.rs`, `tasks/read_watchdog.rs` |
//! | what may a transport do, and how is one added? | `transport/mod.rs`, `transport/stream.rs` |
//! | how is a host name turned into a connection? | `transport/connect.rs`, `resolver.rs` there |
//! | how do programs of one machine get around TCP? | `transport/loopback.rs` |
//! | how are ports and socket files bound and released? | `transport/bind.rs`, `listener.rs` |
//! | who calls the core when time has passed? | `tasks/timer.rs` |
//! | who has a long turn, and who waits for one? | `turns.rs` |
//! | when does free memory go back to the system? | `bursts.rs` |
//!
//! Files are in layers: transports, connections, the state, what is shared, turns of reading and
//! writing (`pump.rs`), tasks, the engine. Each knows only those before it. In particular the
//! state starts no task: what is to be opened lies there until `tasks/attempt.rs` comes for it.

mod bursts;
mod clock;
mod closing;
mod connection;
mod delegations;
mod drain;
mod effects;
mod engine;
mod listener;
mod patience;
mod pump;
mod read_delegate;
mod runtime;
mod scratch;
mod shared;
mod signal;
mod state;
mod sync;
mod tasks;
mod transport;
mod turns;

pub use closing::Closing;
pub use connection::read_owner::DelegationId;
pub use delegations::Turns;
pub use drain::Taker;
pub use engine::{Engine, EngineOptions, ListenDone};
pub use patience::Patience;
pub use pump::Serviced;
pub use read_delegate::{DelegatedReads, ReadDelegate, Reading};
pub use runtime::Runtime;
pub use transport::address::{ListenTarget, Target};
pub use transport::listen_address::ListenAddress;
pub use transport::listen_error::ListenError;
pub use transport::resolver::{Resolved, Resolver, SystemResolver};
pub use transport::scheme::Scheme;
