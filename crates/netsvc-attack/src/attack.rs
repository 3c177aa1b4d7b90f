//! What an attack is.

use std::time::Duration;

use crate::scene::{Budget, Scene, Stop};

/// One attack: it ends by itself, within its bounds.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) does: &'static str,
    /// What it must not cause, beside what no attack may.
    pub(crate) must_not: &'static str,
    /// It is over after so many seconds.
    pub(crate) seconds: u32,
    /// It sends no more than so many MiB.
    pub(crate) mebibytes: u64,
    /// It sends as much as the hub takes, and may have one processor to itself.
    floods: bool,
    cpu: f64,
    /// It is among those that take less than five minutes in all.
    pub(crate) is_quick: bool,
    /// What it needs of a hub.
    pub(crate) needs: Needs,
    /// It takes all places for clients by TCP that one user may have: newcomers come by the local
    /// socket only, where some are reserved.
    pub(crate) takes_links: bool,
    pub(crate) act: fn(&Scene) -> Result<(), Stop>,
}

/// What an attack needs of a hub.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// A second exchange group, whose application takes its time to say who may be linked.
    OtherGroup,
}

impl Attack {
    /// What most attacks are like.
    pub(crate) const fn new(
        name: &'static str,
        does: &'static str,
        act: fn(&Scene) -> Result<(), Stop>,
    ) -> Self {
        Self {
            name,
            does,
            must_not: "",
            seconds: 3,
            mebibytes: 64,
            floods: false,
            cpu: 1.0,
            is_quick: true,
            needs: Needs::Nothing,
            takes_links: false,
            act,
        }
    }

    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.time(), self.mebibytes << 20)
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// What the hub may spend on it, in seconds of one processor, until good clients are well
    /// again.
    pub(crate) fn most_cpu(&self) -> f64 {
        if self.floods { f64::from(self.seconds) + 1.0 } else { self.cpu }
    }

    pub(crate) const fn flood(self) -> Self {
        Self { floods: true, mebibytes: 1024, ..self }
    }

    pub(crate) const fn seconds(self, seconds: u32) -> Self {
        Self { seconds, ..self }
    }

    pub(crate) const fn must_not(self, must_not: &'static str) -> Self {
        Self { must_not, ..self }
    }

    pub(crate) const fn cpu(self, cpu: f64) -> Self {
        Self { cpu, ..self }
    }

    pub(crate) const fn mebibytes(self, mebibytes: u64) -> Self {
        Self { mebibytes, ..self }
    }

    /// Another attack shows nearly the same.
    pub(crate) const fn not_quick(self) -> Self {
        Self { is_quick: false, ..self }
    }

    pub(crate) const fn other_group(self) -> Self {
        Self { needs: Needs::OtherGroup, ..self }
    }

    pub(crate) const fn takes_links(self) -> Self {
        Self { takes_links: true, ..self }
    }
}
