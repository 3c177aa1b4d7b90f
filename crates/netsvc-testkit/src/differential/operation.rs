//! What happens in a sequence: something an application does, or its surroundings.
//!
//! Numbers name things that exist at that moment, in turn: whichever operations are left out, those
//! that remain mean something.

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A service is created. `audience`: see [`Layout::audience`](super::layout::Layout::audience).
    Create {
        /// Among the processes that have services.
        node: u8,
        /// Of three names.
        name: u8,
        /// Who may see it.
        audience: u8,
        /// Whether it is in the group from the start.
        member: bool,
    },
    /// A service is closed.
    Close {
        /// Among those that exist.
        service: u8,
    },
    /// A service joins or leaves the group.
    Member {
        /// Among those that exist.
        service: u8,
        /// Otherwise it leaves.
        joins: bool,
    },
    /// Reports are published in one go, of this subject and the following ones in turn.
    Publish {
        /// Among those that exist.
        service: u8,
        /// Of six subjects.
        subject: u8,
        /// Bytes.
        size: u32,
        /// Milliseconds; 0: not kept.
        lifetime: u32,
        /// How many.
        times: u8,
        /// Of that many subjects.
        subjects: u8,
    },
    /// A report for one process.
    PublishTo {
        /// Among those that exist.
        service: u8,
        /// For whom.
        node: u8,
        /// Of six subjects.
        subject: u8,
        /// Bytes.
        size: u32,
    },
    /// A subscription begins.
    Subscribe {
        /// Whose.
        node: u8,
        /// To what.
        aim: Aim,
        /// Of five patterns.
        pattern: u8,
        /// Of six policies.
        policy: u8,
    },
    /// A subscription ends.
    Unsubscribe {
        /// Among those in force.
        subscription: u8,
    },
    /// A subscription may tell more.
    Grant {
        /// Among those in force.
        subscription: u8,
        /// How many more.
        reports: u8,
    },
    /// A request.
    Request {
        /// Who asks.
        node: u8,
        /// Whom; a group means a name.
        aim: Aim,
        /// Bytes.
        size: u32,
        /// Milliseconds.
        timeout: u32,
        /// For a provider.
        wait: bool,
        /// Of a streamed result; 0: none.
        parts: u8,
        /// Otherwise the service has no such method.
        known: bool,
    },
    /// A request is given up.
    Cancel {
        /// Among those without an outcome.
        request: u8,
    },
    /// A caller takes more parts.
    GrantParts {
        /// Among those without an outcome.
        request: u8,
        /// How many more.
        parts: u8,
    },
    /// A handler ends.
    Respond {
        /// Among those that run.
        invocation: u8,
        /// 0: result, 1: failure, 2: it cannot be encoded.
        result: u8,
        /// Bytes.
        size: u32,
    },
    /// A handler sends a part.
    Part {
        /// Among those that run.
        invocation: u8,
        /// Bytes.
        size: u32,
    },
    /// An exchange is flushed.
    Flush {
        /// The one of this link.
        link: u8,
    },
    /// A connection ends.
    Cut {
        /// Of this link.
        link: u8,
    },
    /// A connection takes no byte, or does again.
    Plug {
        /// Of this link.
        link: u8,
        /// Otherwise it does again.
        on: bool,
    },
    /// What is written arrives no more, or does again.
    Freeze {
        /// Over this link.
        link: u8,
        /// Otherwise it does again.
        on: bool,
    },
    /// A link is closed for good by one of its ends.
    CloseLink {
        /// Which.
        link: u8,
        /// By the hub.
        by_hub: bool,
        /// Milliseconds.
        drain: u32,
    },
    /// A link that was closed is made anew.
    Reopen {
        /// Which.
        link: u8,
    },
    /// An application does not look at what it is told, or does again.
    Busy {
        /// Whose.
        node: u8,
        /// Otherwise it does again.
        on: bool,
    },
    /// A process is stopped, or goes on.
    Stop {
        /// Which.
        node: u8,
        /// Otherwise it goes on.
        on: bool,
    },
    /// Everything happens that follows without further causes.
    Settle,
    /// Time passes.
    Pass {
        /// Milliseconds.
        millis: u32,
    },
}

/// Whose reports, or whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Services of this name.
    Name(u8),
    /// One service, among all there ever were.
    Service(u8),
    /// Members of the group.
    Group,
}

impl Operation {
    /// Operations that are simpler than this one, the simplest first.
    pub(super) fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        match self {
            Self::Publish { service, subject, size, lifetime, times, subjects } => {
                let with = |size, lifetime, times, subjects| Self::Publish {
                    service: *service,
                    subject: *subject,
                    size,
                    lifetime,
                    times,
                    subjects,
                };
                for fewer in [1, times / 2, times.saturating_sub(1)] {
                    simpler.push(with(*size, *lifetime, fewer, *subjects));
                }
                simpler.push(with(*size, 0, *times, *subjects));
                simpler.push(with(0, *lifetime, *times, *subjects));
                simpler.push(with(size / 2, *lifetime, *times, *subjects));
                simpler.push(with(*size, *lifetime, *times, 1));
            }
            Self::Subscribe { node, aim, pattern, policy } => {
                let with =
                    |aim, pattern, policy| Self::Subscribe { node: *node, aim, pattern, policy };
                simpler.push(with(*aim, *pattern, 0));
                simpler.push(with(*aim, 0, *policy));
                simpler.push(with(Aim::Name(0), *pattern, *policy));
            }
            Self::Request { node, aim, size, timeout, wait, parts, known } => {
                let with = |size, wait, parts| Self::Request {
                    node: *node,
                    aim: *aim,
                    size,
                    timeout: *timeout,
                    wait,
                    parts,
                    known: *known,
                };
                simpler.push(with(0, false, 0));
                simpler.push(with(0, *wait, *parts));
                simpler.push(with(*size, false, *parts));
                simpler.push(with(*size, *wait, 0));
            }
            Self::Create { node, name, audience, member } => {
                let with =
                    |name, audience, member| Self::Create { node: *node, name, audience, member };
                simpler.push(with(0, *audience, *member));
                simpler.push(with(*name, 0, *member));
                simpler.push(with(*name, *audience, false));
            }
            Self::Pass { millis } => {
                simpler.push(Self::Settle);
                simpler.push(Self::Pass { millis: millis / 2 });
            }
            Self::PublishTo { service, node, subject, size } => {
                let (service, node, subject) = (*service, *node, *subject);
                simpler.push(Self::PublishTo { service, node, subject, size: size / 2 });
            }
            _ => {}
        }
        simpler.retain(|other| other != self && !matches!(other, Self::Publish { times: 0, .. }));
        simpler
    }
}
