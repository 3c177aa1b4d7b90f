//! Bodies of frames: for each kind one reader and one writer.

pub(super) mod announcement;
pub(super) mod control;
pub(super) mod payload;
pub(super) mod report;
pub(super) mod request;
pub(super) mod response;
