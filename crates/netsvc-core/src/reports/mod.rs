//! Reports: who wants them, what is kept, what waits for the application.

pub(crate) mod drop_counts;
pub(crate) mod interest;
pub(crate) mod pattern;
pub(crate) mod replay_buffer;
pub(crate) mod replay_queue;
pub(crate) mod retained;
pub(crate) mod subscription;
pub(crate) mod subscriptions;
