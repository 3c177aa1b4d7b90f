//! What somebody wants of a service.

use super::pattern::Pattern;

#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub(crate) pattern: Pattern,
    /// Only the newest report of each subject.
    pub(crate) latest: bool,
}

impl Want {
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.pattern.text() == other.pattern.text() && self.latest == other.latest
    }
}
