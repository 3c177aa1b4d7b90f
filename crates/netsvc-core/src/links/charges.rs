//! Who pays for control messages that wait for a link: the link over which came what caused them.

use crate::ids::LinkId;

/// No link has this number.
pub(crate) const NOBODY: LinkId = LinkId(0);

/// What is being applied, and what came of it.
#[derive(Debug)]
pub(crate) struct Charges {
    /// The link whose message is being applied.
    pub(super) cause: LinkId,
    /// Links whose share of some outbox has become too large since this was last looked at.
    pub(super) over: Vec<LinkId>,
}

impl Default for Charges {
    fn default() -> Self {
        Self { cause: NOBODY, over: Vec::new() }
    }
}
