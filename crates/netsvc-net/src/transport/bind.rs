//! Binds what an exchange listens on: all or nothing.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::address::ListenTarget;
use super::listen_address::ListenAddress;
use super::listen_error::ListenError;
use super::resolver::{Resolver, addresses};
use super::{ListenOptions, ListenSocket, Transport};

/// With port 0 the first address decides; as often as this another port is tried if it is taken
/// at one of the others.
const PORT_ATTEMPTS: usize = 16;

/// Listening sockets and their addresses, in the order of the hosts.
pub(crate) type Bound = (Vec<Box<dyn ListenSocket>>, Vec<ListenAddress>);

/// `dead`: the dead time of the exchange.
pub(crate) async fn bind(
    target: &ListenTarget,
    resolver: &dyn Resolver,
    dead: Duration,
) -> Result<Bound, ListenError> {
    match target {
        ListenTarget::Tcp { hosts, port, scheme } => {
            bind_hosts(hosts, *port, scheme.transport(), resolver, dead).await
        }
        ListenTarget::Unix(path) => bind_path(path, dead).await,
    }
}

#[cfg(unix)]
async fn bind_path(path: &Path, dead: Duration) -> Result<Bound, ListenError> {
    let bound = super::unix::Unix.listen(path, ListenOptions { dead, dual: false }).await?;
    Ok((bound.sockets, vec![bound.address]))
}

#[cfg(not(unix))]
async fn bind_path(_path: &Path, _dead: Duration) -> Result<Bound, ListenError> {
    Err(ListenError::new("unsupported", "Unix sockets are not supported on this platform"))
}

async fn bind_hosts(
    hosts: &[String],
    port: u16,
    transport: &dyn Transport<Address = SocketAddr>,
    resolver: &dyn Resolver,
    dead: Duration,
) -> Result<Bound, ListenError> {
    let addresses = resolve_all(hosts, port, resolver).await?;
    let mut attempts = if port == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        match bind_all(&addresses, port, transport, dead).await {
            Err(error) if attempts > 0 && error.code == "address-in-use" => {}
            bound => return bound,
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

async fn bind_all(
    addresses: &[SocketAddr],
    port: u16,
    transport: &dyn Transport<Address = SocketAddr>,
    dead: Duration,
) -> Result<Bound, ListenError> {
    let mut port = port;
    let mut bound: Bound = (Vec::new(), Vec::new());
    let mut left_out = None;
    for &(mut address) in addresses {
        address.set_port(port);
        // `::` would take IPv4 as well, and with it the port from an IPv4 address next to it.
        let dual = address.is_ipv6() && address.ip().is_unspecified() && addresses.len() == 1;
        match transport.listen(&address, ListenOptions { dead, dual }).await {
            Ok(listening) => {
                if let ListenAddress::Tcp(address) = &listening.address {
                    port = address.port();
                }
                bound.0.extend(listening.sockets);
                bound.1.push(listening.address);
            }
            Err(error) if is_optional(address) && is_missing(&error) => left_out = Some(error),
            Err(error) => return Err(error),
        }
    }
    match left_out {
        Some(error) if bound.1.is_empty() => Err(error),
        _ => Ok(bound),
    }
}

/// The IPv6 loopback address is among the defaults, and missing on many small systems.
fn is_optional(address: SocketAddr) -> bool {
    address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// The machine does not have the address, or not its family (which has no error kind).
fn is_missing(error: &ListenError) -> bool {
    error.code != "address-in-use" && error.code != "permission"
}
