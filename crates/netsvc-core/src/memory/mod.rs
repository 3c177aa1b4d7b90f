//! What a process holds for its peers, all of them together: [`Limits::memory`].
//!
//! Counted are
//! - what waits in the outboxes of links and, where something does, what is on its way from there
//!   into the transport; what several links wait for is counted once;
//! - of peers of links that this process has accepted: what they announce and are interested in,
//!   their symbols, and the beginnings of their messages;
//! - changes of services and processes that some peer has yet to be told of, once for all;
//! - requests of this process's application that wait for a provider;
//! - where the reports of which subjects go, as far as that is remembered.
//!
//! Each change is counted when it happens, by a sum and a difference; a link for which nothing
//! waits counts nothing. What is shed when the budget is used up, and in what order, is in
//! `links/relief.rs`.
//!
//! [`Limits::memory`]: crate::Limits::memory

pub(crate) mod budget;
pub(crate) mod shared_bytes;

/// What a service of a peer costs beyond its texts: entries of tables, and of lists of the ways to
/// it.
pub(crate) const SERVICE: usize = 1024;
/// The same for an interest.
pub(crate) const INTEREST: usize = 640;
