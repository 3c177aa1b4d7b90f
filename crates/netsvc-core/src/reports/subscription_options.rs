//! What a subscription is for, and its bounds.

use crate::ids::{ServiceId, Str};

/// Whose reports a subscription is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionTarget {
    /// All services of that name, present and future.
    Name(Str),
    /// One service.
    Identity(ServiceId),
    /// The members of that service group, present and future.
    Group(Str),
}

/// Bounds of one subscription's queue. When it is full, the oldest report is dropped and counted;
/// replayed ones only when no live one waits, since a kept value need not be published ever again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionLimits {
    /// Reports.
    pub reports: usize,
    /// Bytes of content.
    pub bytes: usize,
    /// Only the newest report of each subject waits: it takes the place of the one before it, which
    /// is counted, so that no subject starves behind another.
    pub latest: bool,
}
