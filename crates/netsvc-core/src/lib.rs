//! netsvc without I/O: the protocol, and the state machine of one process.
//!
//! This crate has no sockets, no clock, no threads and no randomness of its own. Whoever embeds it
//! passes in what happened (`handle_*`), and carries out what comes of it (`poll_*`); time and
//! random numbers are arguments. [`Process`] documents the order of calls. The state machine is the
//! same in both roles of an exchange.

#![forbid(unsafe_code)]

mod asks;
mod by_address;
mod calls;
mod calls_by_id;
mod content;
mod deadlines;
mod deliveries;
mod error;
mod event;
mod exchange;
mod feeds;
mod hash;
mod held;
mod ids;
mod interest;
mod kept;
pub mod limits;
mod link;
mod lost;
mod outbox;
mod outcome;
mod pattern;
mod process;
mod random;
mod reason;
mod registry;
mod request_way;
mod retry;
mod run;
mod subscription;
mod subscriptions;
mod time;
mod timers;
pub mod visibility;
mod watch;

pub mod wire;

pub use content::{Content, ContentRef, ContentType};
pub use error::CommandError;
pub use event::{
    AbortReason, Asked, Change, Delivered as DeliveredReport, Event, FlushError, Invocation,
    LinkEvent, Peer, ServiceInfo, Status, Told,
};
pub use ids::{
    CallId, ConnId, ExchangeId, FlushId, LinkId, LinkToken, ProcessId, ProcessNo, ServiceId,
    ServiceNo, Str, SubscriptionId, WatchId,
};
pub use kept::Lifetime;
pub use limits::Limits;
pub use link::Heartbeat;
pub use outcome::{Delivered, Outcome, RequestCode, RequestError};
pub use pattern::Pattern;
pub use process::{
    Action, Config, HandlerResult, NewService, Process, Progress, RequestOptions, Target,
    TargetRef, Teller,
};
pub use reason::{Reason, ReasonCode};
pub use registry::Filter;
pub use retry::{MAX_DELAY, MIN_DELAY, Retry};
pub use subscription::{SubscriptionLimits, SubscriptionTarget};
pub use time::Time;
pub use wire::Role;
