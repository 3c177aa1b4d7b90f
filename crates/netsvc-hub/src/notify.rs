//! Tells the service manager (systemd) how the hub is: one datagram per state.

use std::env;
use std::time::Duration;

/// Where the service manager listens, if one does. Sending never waits.
#[derive(Debug, Default)]
pub(crate) struct Notifier {
    #[cfg(unix)]
    socket: Option<std::os::unix::net::UnixDatagram>,
}

impl Notifier {
    /// From `NOTIFY_SOCKET`; nobody listens when it is not set.
    #[cfg(unix)]
    pub(crate) fn from_environment() -> Result<Self, String> {
        let Some(place) = env::var_os("NOTIFY_SOCKET").filter(|place| !place.is_empty()) else {
            return Ok(Self::default());
        };
        match connect(&place) {
            Ok(socket) => Ok(Self { socket: Some(socket) }),
            Err(error) => Err(format!("NOTIFY_SOCKET {}: {error}", place.display())),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn from_environment() -> Result<Self, String> {
        Ok(Self::default())
    }

    pub(crate) fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={status}"));
    }

    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping");
    }

    pub(crate) fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// A manager that does not take it will find out by its own means.
    #[cfg(unix)]
    fn send(&self, state: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(state.as_bytes());
        }
    }

    #[cfg(not(unix))]
    fn send(&self, _state: &str) {}
}

/// How often the service manager is to hear that this process is alive: twice as often as it asks
/// for. `None`: it does not ask.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    let number = |name| env::var(name).ok()?.parse::<u64>().ok();
    let meant = match env::var_os("WATCHDOG_PID") {
        Some(_) => number("WATCHDOG_PID") == Some(std::process::id().into()),
        None => true,
    };
    let period = number("WATCHDOG_USEC").filter(|period| meant && *period > 0)?;
    Some(Duration::from_micros((period / 2).max(1000)))
}

#[cfg(unix)]
fn connect(place: &std::ffi::OsStr) -> std::io::Result<std::os::unix::net::UnixDatagram> {
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;
        if let Some(name) = place.as_bytes().strip_prefix(b"@") {
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            socket.connect_addr(&address)?;
            return Ok(socket);
        }
    }
    socket.connect(place)?;
    Ok(socket)
}
