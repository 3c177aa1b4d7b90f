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
//! 2. writer (bytes on their way into a socket): only ever tried, never waited for; who finds it
//!    taken leaves the work to its holder;
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
//! | how does a command become bytes on a socket? | `driver.rs`, `registry.rs`, then `writer.rs` |
//! | why does no frame strand when two threads write? | `baton.rs` |
//! | how do bytes become messages? | `reader.rs` |
//! | what does the task of a connection do? | `task.rs` |
//! | who reads a connection? | `loan.rs`, `guard.rs`, `readiness.rs` |
//! | how is a host name turned into a connection? | `connector.rs`, `resolver.rs` |
//! | how do programs of one machine get around TCP? | `shortcut.rs` |
//! | how are ports and socket files bound and released? | `bind.rs`, `socket_file.rs`, `listener.rs` |
//! | who calls the core when time has passed? | `timer.rs` |

mod clock;
mod connection;
mod driver;
mod engine;
mod read_delegate;
mod runtime;
mod scratch;
mod signal;
mod state;
mod sync;
mod tasks;
mod transport;

pub use engine::{Engine, EngineOptions, ListenDone, Taker};
pub use read_delegate::{Borrower, Loan, LoanId, Reading, Serviced, Turns};
pub use runtime::Runtime;
pub use transport::address::{ListenAddress, ListenTarget, Target};
pub use transport::listen_error::ListenError;
pub use transport::resolver::{Resolved, Resolver, SystemResolver};
