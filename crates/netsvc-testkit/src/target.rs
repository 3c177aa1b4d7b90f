//! Whom a test asks.

use netsvc_core::{ServiceId, Str, TargetRef};

/// As the core's [`TargetRef`], kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any visible service of that name, one of this process first.
    Name(Str),
    /// One service.
    Identity(ServiceId),
}

impl Target {
    /// The same target, borrowed.
    pub fn by_ref(&self) -> TargetRef<'_> {
        match self {
            Self::Name(name) => TargetRef::Name(name),
            Self::Identity(id) => TargetRef::Identity(*id),
        }
    }
}
