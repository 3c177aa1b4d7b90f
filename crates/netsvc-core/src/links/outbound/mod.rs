//! What is sent on one link.

pub(crate) mod outbox;
pub(crate) mod report_batch;
