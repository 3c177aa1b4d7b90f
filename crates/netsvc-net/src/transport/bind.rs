//! Binds what an exchange listens on: all or nothing.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use crate::tasks::accept::ListenSocket;
use crate::transport::address::{ListenAddress, ListenTarget};
use crate::transport::listen_error::ListenError;
use crate::transport::resolver::{Resolver, addresses};

/// Connections that the kernel keeps while the core has no room for their handshakes; the kernel
/// lowers it to its own limit.
pub(crate) const BACKLOG: i32 = 1024;
/// With port 0 the first address decides; as often as this another port is tried if it is taken
/// at one of the others.
const PORT_ATTEMPTS: usize = 16;

/// Listening sockets and their addresses, in the order of the hosts.
pub(crate) type Bound = (Vec<ListenSocket>, Vec<ListenAddress>);

pub(crate) async fn bind(
    target: &ListenTarget,
    resolver: &dyn Resolver,
) -> Result<Bound, ListenError> {
    match target {
        ListenTarget::Tcp { hosts, port, tcp_only } => {
            bind_tcp(hosts, *port, *tcp_only, resolver).await
        }
        ListenTarget::Unix(path) => bind_path(path).await,
    }
}

#[cfg(unix)]
async fn bind_path(path: &Path) -> Result<Bound, ListenError> {
    let (file, listener) = crate::transport::socket_file::bind(path).await?;
    let address = ListenAddress::Unix(path.to_owned());
    Ok((vec![ListenSocket::Unix { file, listener }], vec![address]))
}

#[cfg(not(unix))]
async fn bind_path(_path: &Path) -> Result<Bound, ListenError> {
    Err(ListenError::new("unsupported", "Unix sockets are not supported on this platform"))
}

async fn bind_tcp(
    hosts: &[String],
    port: u16,
    tcp_only: bool,
    resolver: &dyn Resolver,
) -> Result<Bound, ListenError> {
    let addresses = resolve_all(hosts, port, resolver).await?;
    let mut attempts = if port == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        match bind_all(&addresses, port, tcp_only) {
            Err((_, error)) if attempts > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            Err((address, error)) => return Err(ListenError::from_io(&address, &error)),
            Ok(bound) => return Ok(bound),
        }
    }
}

async fn resolve_all(
    hosts: &[String],
    port: u16,
    resolver: &dyn Resolver,
) -> Result<Vec<SocketAddr>, ListenError> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for host in hosts {
        let found = addresses(resolver, host, port).await.map_err(|error| {
            ListenError::new("resolve-failed", format!("cannot resolve {host}: {error}"))
        })?;
        all.extend(found.into_iter().filter(|address| seen.insert(*address)));
    }
    if all.is_empty() {
        return Err(ListenError::new("invalid", "there is no host to listen on"));
    }
    Ok(all)
}

/// The error names the address that it belongs to.
fn bind_all(
    addresses: &[SocketAddr],
    port: u16,
    tcp_only: bool,
) -> Result<Bound, (SocketAddr, io::Error)> {
    let mut port = port;
    let mut bound: Bound = (Vec::new(), Vec::new());
    let mut left_out = None;
    let several = addresses.len() > 1;
    for &(mut address) in addresses {
        address.set_port(port);
        match bind_one(address, several, tcp_only) {
            Ok((sockets, address)) => {
                port = address.port();
                bound.0.extend(sockets);
                bound.1.push(ListenAddress::Tcp(address));
            }
            Err(error) if is_optional(address) && is_missing(&error) => {
                left_out = Some((address, error));
            }
            Err(error) => return Err((address, error)),
        }
    }
    match left_out {
        Some(error) if bound.1.is_empty() => Err(error),
        _ => Ok(bound),
    }
}

/// The sockets, and the address with its port.
fn bind_one(
    address: SocketAddr,
    several: bool,
    tcp_only: bool,
) -> io::Result<(Vec<ListenSocket>, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // `::` would take IPv4 as well, and with it the port from an IPv4 address next to it.
    let dual = address.is_ipv6() && address.ip().is_unspecified() && !several;
    if address.is_ipv6() {
        socket.set_only_v6(!dual)?;
    }
    // Elsewhere the option would let two programs listen on one port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    let address = socket.local_addr()?.as_socket().unwrap_or(address);
    // The shortcuts first: whoever finds the address finds them.
    let mut sockets = if tcp_only { Vec::new() } else { shortcuts(address, dual) };
    socket.listen(BACKLOG)?;
    sockets.push(ListenSocket::Tcp(TcpListener::from_std(socket.into())?));
    Ok((sockets, address))
}

#[cfg(unix)]
fn shortcuts(address: SocketAddr, dual: bool) -> Vec<ListenSocket> {
    crate::transport::loopback::listen(address, dual)
}

#[cfg(not(unix))]
fn shortcuts(_address: SocketAddr, _dual: bool) -> Vec<ListenSocket> {
    Vec::new()
}

/// The IPv6 loopback address is among the defaults, and missing on many small systems.
fn is_optional(address: SocketAddr) -> bool {
    address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// The machine does not have the address, or not its family (which has no error kind).
fn is_missing(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::AddrInUse && error.kind() != io::ErrorKind::PermissionDenied
}
