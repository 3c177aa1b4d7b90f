//! The way between programs of one machine that takes less than TCP does: beside each loopback
//! address that a hub listens on, it listens on a Unix socket named after it, and whoever is to
//! connect to a loopback address looks there first. A request takes a tenth to a fifth less time by it,
//! large contents take little more than half (docs/bench).
//!
//! The names are abstract ones, which Linux has. As loopback addresses they belong to the network
//! namespace, and everybody in there may take a free one; they leave no file behind. A name
//! must lead to the hub that its address leads to, or it would be a way to step in between. So a hub
//! holds the name even if it offers no shortcut, and does not listen on an address whose name
//! another program has. Addresses with privileged ports have none, for names know no privilege.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use socket2::{Domain, SockAddr, Type};
use tokio::net::{UnixListener, UnixStream};

use crate::bind::BACKLOG;
use crate::listener::ListenSocket;
use crate::socket::Socket;

/// Ports from here on are for everybody.
const UNPRIVILEGED: u16 = 1024;

/// Listens beside `address`, which is bound; or takes the names only, for who wants `tcp_only`. `dual`:
/// it takes IPv4 connections too. Fails only if another program has a name; where there cannot be a
/// shortcut, there is none.
pub(crate) fn bind(
    address: SocketAddr,
    dual: bool,
    tcp_only: bool,
) -> io::Result<Vec<ListenSocket>> {
    let mut shortcuts = Vec::new();
    for address in loopback_of(address, dual) {
        match bind_one(address, tcp_only) {
            Ok(shortcut) => shortcuts.extend(shortcut),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let name = name(address);
                let text = format!("another program has the Unix socket @{name} that goes with it");
                return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
            }
            // A sandbox without Unix sockets: there is still TCP.
            Err(_) => {}
        }
    }
    Ok(shortcuts)
}

/// Connects by the shortcut to `address`, if there is one.
pub(crate) async fn connect(address: SocketAddr) -> Option<Socket> {
    let path = path_of(address)?;
    // Whatever is wrong with it, TCP tells better.
    UnixStream::connect(path).await.and_then(Socket::unix).ok()
}

fn bind_one(address: SocketAddr, tcp_only: bool) -> io::Result<Option<ListenSocket>> {
    let Some(path) = path_of(address) else { return Ok(None) };
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    if tcp_only {
        return Ok(Some(ListenSocket::NoShortcut { _name: socket }));
    }
    socket.listen(BACKLOG)?;
    let listener = UnixListener::from_std(socket.into())?;
    Ok(Some(ListenSocket::Shortcut { address, listener }))
}

/// The loopback addresses by which one reaches what listens on `address`.
fn loopback_of(address: SocketAddr, dual: bool) -> Vec<SocketAddr> {
    let ip = address.ip().to_canonical();
    let ips = match ip {
        _ if ip.is_loopback() => vec![ip],
        IpAddr::V4(ip) if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.into()],
        IpAddr::V6(ip) if ip.is_unspecified() && dual => {
            vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]
        }
        IpAddr::V6(ip) if ip.is_unspecified() => vec![Ipv6Addr::LOCALHOST.into()],
        _ => vec![],
    };
    ips.into_iter().map(|ip| (ip, address.port()).into()).collect()
}

/// As a path, the form that sockets take it in: an abstract name begins with a zero byte.
fn path_of(address: SocketAddr) -> Option<PathBuf> {
    let ip = address.ip().to_canonical();
    let has_one = cfg!(any(target_os = "linux", target_os = "android"))
        && ip.is_loopback()
        && address.port() >= UNPRIVILEGED;
    has_one.then(|| format!("\0{}", name((ip, address.port()).into())).into())
}

/// Without the zone that an IPv6 address may have.
fn name(address: SocketAddr) -> String {
    format!("netsvc/{}", SocketAddr::new(address.ip(), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(address: &str) -> Option<String> {
        path_of(address.parse().ok()?).and_then(|path| path.into_os_string().into_string().ok())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn only_loopback_addresses_with_ports_for_everybody_have_names() {
        for (address, expected) in [
            ("127.0.0.1:11111", Some("\0netsvc/127.0.0.1:11111")),
            ("127.0.0.2:1024", Some("\0netsvc/127.0.0.2:1024")),
            ("[::1]:11111", Some("\0netsvc/[::1]:11111")),
            ("[::ffff:127.0.0.1]:11111", Some("\0netsvc/127.0.0.1:11111")),
            ("127.0.0.1:1023", None),
            ("192.168.1.1:11111", None),
            ("0.0.0.0:11111", None),
            ("[fe80::1]:11111", None),
        ] {
            assert_eq!(path(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn all_addresses_include_loopback() {
        let loopback = |address: &str, dual| -> Vec<String> {
            let address = address.parse().ok();
            let all = address.map(|address| loopback_of(address, dual)).unwrap_or_default();
            all.iter().map(SocketAddr::to_string).collect()
        };
        assert_eq!(loopback("0.0.0.0:2000", false), ["127.0.0.1:2000"]);
        assert_eq!(loopback("[::]:2000", false), ["[::1]:2000"]);
        assert_eq!(loopback("[::]:2000", true), ["[::1]:2000", "127.0.0.1:2000"]);
        assert_eq!(loopback("127.0.0.9:2000", false), ["127.0.0.9:2000"]);
        assert_eq!(loopback("192.168.1.1:2000", false), [""; 0]);
    }
}
