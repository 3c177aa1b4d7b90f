//! Who an attacker says that it is.

use std::time::Duration;

use netsvc_core::wire::{Hello, Message};
use netsvc_core::{LinkToken, ProcessId, ProcessSecret, Role};

use crate::random;

/// A process as it introduces itself.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) process: ProcessId,
    /// What it shows as a proof.
    pub(crate) secret: ProcessSecret,
    /// What it says to be its longest silence.
    pub(crate) heartbeat: Duration,
}

impl Identity {
    /// A process of the attacker's own.
    pub(crate) fn own() -> Self {
        let secret = ProcessSecret::new(random::bytes());
        Self { process: secret.process(), secret, heartbeat: Duration::from_secs(30) }
    }

    /// Another's, whose secret is not known.
    pub(crate) fn claimed(process: ProcessId) -> Self {
        Self { process, ..Self::own() }
    }

    /// The one place where a HELLO is made.
    pub(crate) fn hello(&self, group: &str) -> Message {
        Message::Hello(Hello {
            features: 0,
            role: Role::Client,
            group: group.into(),
            process: self.process,
            secret: Some(self.secret.clone()),
            label: "attacker".into(),
            token: LinkToken(random::bytes()),
            attempt: 1,
            heartbeat: self.heartbeat,
            max_payload: 1 << 20,
        })
    }
}
