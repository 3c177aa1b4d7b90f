//! netsvc without I/O: the protocol, and the state machine of one process.
//!
//! This crate has no sockets, no clock, no threads and no randomness of its own. Whoever embeds it
//! passes in what happened (`handle_*`), and carries out what comes of it (`poll_*`); time and
//! random numbers are arguments. [`Process`] documents the order of calls. The state machine is the
//! same in both roles of an exchange.

#![forbid(unsafe_code)]

mod collections;
mod content;
mod delivery;
mod error;
mod ids;
mod lazy_copy;
pub mod limits;
mod links;
mod memory;
mod outcome;
mod policy;
mod process;
mod process_secret;
mod random;
mod reason;
mod registry;
mod reports;
mod requests;
#[cfg(not(feature = "steps"))]
mod steps;
#[cfg(feature = "steps")]
#[doc(hidden)]
pub mod steps;
mod time;

pub mod wire;

pub use content::{Content, ContentRef, ContentType};
pub use delivery::event::{
    AbortReason, Change, Delivered as DeliveredReport, Event, FlushError, Invocation, LinkEvent,
    Peer, ServiceInfo, Status,
};
pub use delivery::sink::{DeliveredRef, InvocationRef, Sink};
pub use error::CommandError;
pub use ids::{
    CallId, ConnId, ExchangeId, FlushId, LinkId, LinkToken, ProcessId, ProcessNo, ServiceId,
    ServiceNo, Str, SubscriptionId, WatchId,
};
pub use lazy_copy::LazyCopy;
pub use limits::Limits;
pub use links::Action;
pub use links::backoff::{MAX_DELAY, MIN_DELAY, Retry};
pub use links::exchange::Heartbeat;
pub use links::newcomer::{Newcomer, SourceKey};
pub use links::outbound::encode::Progress;
pub use links::outbound::reports::Direct;
pub use outcome::{DEADLINE_PASSED, Delivered, Outcome, RequestCode, RequestError};
pub use policy::visibility;
pub use process::{Config, Process};
pub use process_secret::ProcessSecret;
pub use reason::{Reason, ReasonCode};
pub use registry::checks::NewService;
pub use registry::filter::Filter;
pub use reports::options::PublishOptions;
pub use reports::pattern::Pattern;
pub use reports::retained::Lifetime;
pub use reports::subscription_options::{SubscriptionLimits, SubscriptionTarget};
pub use requests::options::{HandlerResult, HandlerResultRef, Prefer, RequestOptions, TargetRef};
pub use time::Time;
pub use wire::Role;
