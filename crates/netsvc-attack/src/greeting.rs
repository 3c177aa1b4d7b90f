//! Who an attacker says that it is.

use std::time::Duration;

use netsvc_core::wire::{Hello, Message};
use netsvc_core::{LinkToken, ProcessId, Role};

use crate::random;

/// A process as it introduces itself.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) process: ProcessId,
    /// What it says to be its longest silence.
    pub(crate) heartbeat: Duration,
}

impl Identity {
    /// A process of the attacker's own.
    pub(crate) fn own() -> Self {
        Self::claimed(ProcessId(random::bytes()))
    }

    /// Another's, whose secrets are not known.
    pub(crate) fn claimed(process: ProcessId) -> Self {
        Self { process, heartbeat: Duration::from_secs(30) }
    }

    /// The one place where a HELLO is made.
    pub(crate) fn hello(&self, group: &str) -> Message {
        Message::Hello(Hello {
            features: 0,
            role: Role::Client,
            group: group.into(),
            process: self.process,
            label: "attacker".into(),
            token: LinkToken(random::bytes()),
            attempt: 1,
            heartbeat: self.heartbeat,
            max_payload: 1 << 20,
        })
    }
}
