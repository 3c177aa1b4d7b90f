//! Who is at the other end of a connection, as far as its transport can tell.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

use netsvc_core::{Newcomer, SourceKey, Str};
#[cfg(unix)]
use tokio::net::UnixStream;

pub(crate) struct Peer {
    /// For people: what was connected to, or where the connection came from.
    pub(crate) address: Str,
    source: SourceKey,
    /// It is on this machine.
    local: bool,
}

/// Beside the numbers of users, in what no IP address is mapped to.
#[cfg(unix)]
const USER: u128 = 1 << 64;
/// A user that the system does not tell.
const SOMEBODY: u128 = 1 << 65;
/// This machine by IP, whatever loopback address it takes: it has millions.
const THIS_MACHINE: u128 = 1 << 66;

impl Peer {
    /// Of a connection that this process makes.
    pub(crate) fn at(address: &(impl Display + ?Sized)) -> Self {
        Self::new(address, SOMEBODY, true)
    }

    /// Of a connection that came from an address.
    pub(crate) fn from_ip(address: SocketAddr) -> Self {
        let ip = address.ip().to_canonical();
        let source = match ip {
            _ if ip.is_loopback() => THIS_MACHINE,
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            // A host has all addresses of a network to choose from.
            IpAddr::V6(ip) => ip.to_bits() >> 64 << 64,
        };
        Self::new(&address, source, ip.is_loopback())
    }

    /// Of a connection that a user of this machine made to `address`.
    #[cfg(unix)]
    pub(crate) fn from_user(address: &(impl Display + ?Sized), stream: &UnixStream) -> Self {
        let user = stream.peer_cred().map_or(SOMEBODY, |peer| USER | u128::from(peer.uid()));
        Self::new(address, user, true)
    }

    /// As the core is told of it. `listener`: by which it came.
    pub(crate) fn newcomer(self, listener: u32) -> Newcomer {
        Newcomer { address: self.address, listener, source: self.source, local: self.local }
    }

    fn new(address: &(impl Display + ?Sized), source: u128, local: bool) -> Self {
        let source = SourceKey(source.to_be_bytes());
        Self { address: address.to_string().into(), source, local }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_source_whatever_address_it_takes() {
        let peer = |address: &str| address.parse().map(Peer::from_ip);
        let same = |one: &str, other: &str| match (peer(one), peer(other)) {
            (Ok(one), Ok(other)) => one.source == other.source,
            _ => panic!("{one} or {other} is no address"),
        };
        assert!(same("192.0.2.1:1000", "192.0.2.1:2000"));
        assert!(same("192.0.2.1:1000", "[::ffff:192.0.2.1]:1000"));
        assert!(!same("192.0.2.1:1000", "192.0.2.2:1000"));
        assert!(same("[2001:db8::1]:1", "[2001:db8::2:3:4:5]:1"));
        assert!(!same("[2001:db8::1]:1", "[2001:db8:0:1::1]:1"));
        assert!(same("127.0.0.1:1", "127.9.9.9:1"));
        assert!(same("127.0.0.1:1", "[::1]:1"));
        assert!(!same("127.0.0.1:1", "192.0.2.1:1"));
        for (address, local) in [("127.0.0.1:1", true), ("[::1]:1", true), ("192.0.2.1:1", false)] {
            assert!(peer(address).is_ok_and(|peer| peer.local == local), "{address}");
        }
    }
}
