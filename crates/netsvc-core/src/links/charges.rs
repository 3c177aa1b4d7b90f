//! Who pays for control messages that wait for a link: the link over which came what caused them.
//! And how much work a link has caused in its turn, for which its size does not pay.

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
    /// Steps that what is being applied has caused in this turn.
    pub(super) work: usize,
    /// The turn ended before everything was applied.
    pub(super) stopped: bool,
}

impl Charges {
    /// So many steps are taken because of what is being applied.
    #[inline]
    pub(in crate::links) fn add_work(&mut self, steps: usize) {
        self.work += steps;
    }
}

impl Default for Charges {
    fn default() -> Self {
        Self { cause: NOBODY, over: Vec::new(), work: 0, stopped: false }
    }
}
