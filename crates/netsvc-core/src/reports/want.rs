//! What somebody wants of a service.

use super::pattern::Pattern;

#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub(crate) pattern: Pattern,
    /// Only the newest report of each subject.
    pub(crate) latest: bool,
}

impl Want {
    /// Every report.
    pub(crate) fn everything() -> Self {
        Self { pattern: Pattern::new("*"), latest: false }
    }

    pub(crate) fn is_everything(&self) -> bool {
        !self.latest && **self.pattern.text() == *"*"
    }
}
