//! Who asks policy.

use crate::ids::{LinkId, ProcessNo};

/// A process, and the link over which it announces, subscribes or requests; `None`: the application
/// of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) process: ProcessNo,
    pub(crate) link: Option<LinkId>,
}
