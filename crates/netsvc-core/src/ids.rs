//! Identities that mean the same everywhere, and the local numbers that stand for them.

use std::fmt;
use std::sync::Arc;

/// A string that many owners share; cloning it copies no bytes.
pub type Str = Arc<str>;

/// One process: one registry with one state machine. The hash of a secret that was drawn at its
/// start (see [`ProcessSecret`](crate::ProcessSecret)), so that nobody else can take it, and two
/// processes with the same host name and pid stay distinct.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub [u8; 16]);

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The identity of a service: its process and a counter of that process.
///
/// It survives reconnects and restarts of the hub, never a restart of its own process. Written
/// as 32 hexadecimal digits, a dot and the counter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    /// The process that created the service.
    pub process: ProcessId,
    /// Counts the services of that process from 1; never used twice.
    pub counter: u32,
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.process, self.counter)
    }
}

impl fmt::Debug for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The secret of one `connect`: 128 random bits told to the peer only. It lets the peer tell "the
/// same link, come back" from "somebody else with that process id".
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinkToken(pub [u8; 16]);

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(..)")
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);
    };
}

number!(
    /// An exchange of this process.
    ExchangeId(u32)
);
number!(
    /// A link of this process. A connecting link keeps its number through all attempts; an
    /// accepted one lives as long as its connection.
    LinkId(u32)
);
number!(
    /// One transport connection: an attempt of a connecting link, or an accepted socket.
    ConnId(u32)
);
number!(
    /// A service in this process's registry, local or remote. Increasing in the order in which
    /// services became visible here, and used again after all others only, so that it also serves
    /// as alias on the wire and as cursor of a snapshot. 0 stands for none.
    ServiceNo(u32)
);
number!(
    /// A process known to this process; used again after all others only. 0 stands for the sender
    /// of a message.
    ProcessNo(u32)
);
number!(
    /// A subscription of the application.
    SubscriptionId(u32)
);
number!(
    /// A watch of the application.
    WatchId(u32)
);
number!(
    /// A request in this process's in-flight table: slot in the low 32 bits, generation above. It
    /// is the caller's handle, the handler's handle, and the id on the wire of the next hop.
    CallId(u64)
);
number!(
    /// A flush under way.
    FlushId(u32)
);
