//! Numbers that stand for strings in data frames.

pub(super) mod link;
pub(super) mod ring;
pub(super) mod shared;
