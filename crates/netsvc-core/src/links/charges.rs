//! Who pays for control messages that wait for a link: the link over which came what caused them.

use std::sync::Arc;

use crate::ids::LinkId;
use crate::memory::budget::Budget;

/// No link has this number.
pub(crate) const NOBODY: LinkId = LinkId(0);

/// What is being applied, and what came of it.
#[derive(Debug)]
pub(crate) struct Charges {
    /// Of all links together.
    pub(super) budget: Arc<Budget>,
    /// The link whose message is being applied.
    pub(super) cause: LinkId,
    /// Links whose share of some outbox has become too large since this was last looked at.
    pub(super) over: Vec<LinkId>,
}

impl Charges {
    /// `memory`: bytes that may be held.
    pub(super) fn new(memory: usize) -> Self {
        Self { budget: Arc::new(Budget::new(memory)), cause: NOBODY, over: Vec::new() }
    }
}
