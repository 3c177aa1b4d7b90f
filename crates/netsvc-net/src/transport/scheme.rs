//! Which transport carries connections to and from a host and port.

use std::net::SocketAddr;

use super::Transport;
#[cfg(unix)]
use super::loopback::Loopback;
use super::tcp::Tcp;

/// How a host and port is reached; what an address begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// The shortest way. On Linux, a hub offers a Unix socket beside each loopback address that it
    /// listens on, and clients prefer it. Everything else is TCP.
    #[default]
    Auto,
    /// `tcp://`: TCP only.
    Tcp,
}

/// What names a scheme.
const PREFIXES: [(&str, Scheme); 1] = [("tcp://", Scheme::Tcp)];

impl Scheme {
    /// Splits an address into its scheme, which it need not name, and the rest.
    pub fn split(address: &str) -> (Self, &str) {
        let mut named = PREFIXES.iter();
        let found =
            named.find_map(|(prefix, scheme)| Some((scheme, address.strip_prefix(prefix)?)));
        found.map_or((Self::Auto, address), |(scheme, rest)| (scheme.clone(), rest))
    }

    /// What an address of this scheme begins with; nothing for [`Auto`](Self::Auto).
    pub fn prefix(&self) -> &'static str {
        PREFIXES.iter().find(|(_, scheme)| scheme == self).map_or("", |(prefix, _)| prefix)
    }

    pub(super) fn transport(&self) -> &dyn Transport<Address = SocketAddr> {
        match self {
            #[cfg(unix)]
            Self::Auto => &Loopback,
            #[cfg(not(unix))]
            Self::Auto => &Tcp,
            Self::Tcp => &Tcp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_begins_with_its_scheme_or_with_none() {
        for (address, expected) in [
            ("tcp://127.0.0.1:1", (Scheme::Tcp, "127.0.0.1:1")),
            ("127.0.0.1:1", (Scheme::Auto, "127.0.0.1:1")),
            ("udp://127.0.0.1:1", (Scheme::Auto, "udp://127.0.0.1:1")),
        ] {
            let (scheme, rest) = Scheme::split(address);
            assert_eq!(format!("{}{rest}", scheme.prefix()), address);
            assert_eq!((scheme, rest), expected);
        }
    }
}
