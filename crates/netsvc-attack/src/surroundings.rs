//! The hub that is attacked, and the good provider.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use netsvc_net::{Scheme, Target};

use crate::attack::{Attack, Needs};
use crate::random;
use crate::running::Running;

/// Where the programs are that take part.
#[derive(Default)]
pub(crate) struct Programs {
    /// Without it no hub of that kind is attacked.
    pub(crate) netsvcd: Option<PathBuf>,
    pub(crate) node: PathBuf,
    /// Of `hub.mjs` and `provider.mjs`.
    pub(crate) folder: PathBuf,
    /// Where hubs have their Unix sockets. A hub that is killed leaves its own.
    pub(crate) sockets: PathBuf,
}

/// Which program is the hub.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A process of its own.
    Netsvcd,
    /// Within a program in TypeScript that has two exchange groups.
    Embedded,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Netsvcd => "netsvcd",
            Self::Embedded => "embedded",
        }
    }

    pub(crate) fn offers(self, attack: &Attack) -> bool {
        attack.needs == Needs::Nothing || self == Self::Embedded
    }

    /// What a hub may take above its start, in MiB: its budget of memory and an eighth.
    pub(crate) fn growth(self) -> f64 {
        match self {
            Self::Netsvcd => 72.0,
            Self::Embedded => 288.0,
        }
    }
}

/// A hub; ended when dropped.
pub(crate) struct Hub {
    pub(crate) process: Running,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) socket: PathBuf,
}

impl Hub {
    pub(crate) fn start(kind: Kind, programs: &Programs) -> io::Result<Self> {
        let socket = programs.sockets.join(format!("{:016x}", random::number()));
        let mut command = match (kind, &programs.netsvcd) {
            (Kind::Netsvcd, Some(netsvcd)) => {
                let mut command = Command::new(netsvcd);
                command.args(["--listen", "127.0.0.1:0", "--log-level", "info", "--socket"]);
                command
            }
            _ => program(programs, "hub.mjs"),
        };
        let process = Running::start(command.arg(&socket))?;
        let addresses = process.addresses()?;
        Ok(Self { process, addresses, socket })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// As applications reach it that are told its port.
    pub(crate) fn target(&self) -> Target {
        self.by(Scheme::Auto)
    }

    pub(crate) fn tcp(&self) -> Target {
        self.by(Scheme::Tcp)
    }

    fn by(&self, scheme: Scheme) -> Target {
        let address = self.address();
        Target::Tcp { host: address.ip().to_string(), port: address.port(), scheme }
    }
}

/// The good provider; ended when dropped. It writes to stderr when it is thrown out.
pub(crate) fn provider(hub: &Hub, programs: &Programs) -> io::Result<Running> {
    Running::start(program(programs, "provider.mjs").arg(hub.address().port().to_string()))
}

/// A program in JavaScript.
fn program(programs: &Programs, name: &str) -> Command {
    let mut command = Command::new(&programs.node);
    command.arg(programs.folder.join(name));
    command
}
