//! What the application is told.

pub(crate) mod event;
pub(crate) mod held;
pub(crate) mod queue;
pub(crate) mod sink;
