//! Services, and who is told of them.

pub(super) mod announcements;
pub(super) mod local_services;
mod watch;
