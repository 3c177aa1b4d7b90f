//! Who pays for control messages that wait for a link: the link over which came what caused them.
//! And how much work a link has caused in its turn, for which its size does not pay.

use std::sync::Arc;

use rustc_hash::FxHashSet;

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
    /// Links for which many answers wait, and some for which they no longer do.
    pub(super) backlogged: FxHashSet<LinkId>,
    /// Steps that what is being applied has caused in this turn.
    pub(super) work: usize,
    /// Of a turn that has taken all its steps: it ended before everything was applied.
    pub(super) stopped: bool,
    /// Bytes that were left then.
    pub(super) left: usize,
}

impl Charges {
    /// So many steps are taken because of what is being applied.
    #[inline]
    pub(in crate::links) fn add_work(&mut self, steps: usize) {
        self.work += steps;
    }

    /// `memory`: bytes that may be held.
    pub(super) fn new(memory: usize) -> Self {
        let budget = Arc::new(Budget::new(memory));
        let (over, backlogged) = (Vec::new(), FxHashSet::default());
        Self { budget, cause: NOBODY, over, backlogged, work: 0, stopped: false, left: 0 }
    }
}
