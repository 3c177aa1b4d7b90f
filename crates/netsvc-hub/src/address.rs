//! Where to listen, as users write it.

use netsvc_net::{ListenAddress, ListenTarget, Scheme};

/// Both loopback addresses: who only names a port must not open it to the network.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "::1"];

/// `host:port`, `[IPv6 address]:port`, or a port alone for both loopback addresses; after `tcp://`
/// without the Unix sockets beside those.
pub(crate) fn parse(text: &str) -> Result<ListenTarget, String> {
    let wrong = |why: &str| Err(format!("\"{text}\" {why}"));
    let (scheme, place) = Scheme::split(text);
    let (host, port) = match place.rsplit_once(':') {
        None => (None, place),
        Some((host, port)) => (Some(host), port),
    };
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = match port.parse::<u16>() {
        Ok(number) if is_port => number,
        _ => return wrong("does not end in a port from 0 to 65535, as in 127.0.0.1:11111"),
    };
    let hosts = match host {
        None => LOOPBACK.map(str::to_owned).to_vec(),
        Some("" | "*") => {
            return wrong("names no host; for all addresses write 0.0.0.0 or [::] as the host");
        }
        Some(host) => {
            let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            if bare.is_none() && host.contains(':') {
                return wrong("has an IPv6 address without brackets, as in [::1]:11111");
            }
            let bare = bare.unwrap_or(host);
            if bare.is_empty() || bare.len() > 255 || bare.contains(|c: char| !is_host(c)) {
                return wrong("has a host that is neither a name nor an address");
            }
            vec![bare.to_owned()]
        }
    };
    Ok(ListenTarget::Tcp { hosts, port, scheme })
}

/// As [`parse`] takes it.
pub(crate) fn show_target(target: &ListenTarget) -> String {
    match target {
        ListenTarget::Tcp { hosts, port, scheme } => {
            let prefix = scheme.prefix();
            if *hosts == LOOPBACK {
                return format!("{prefix}{port}");
            }
            let show = |host: &String| format!("{prefix}{}", show_host(host, *port));
            hosts.iter().map(show).collect::<Vec<_>>().join(", ")
        }
        ListenTarget::Unix(path) => path.display().to_string(),
    }
}

pub(crate) fn show_address(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(address) => address.to_string(),
        ListenAddress::Unix(path) => path.display().to_string(),
    }
}

fn show_host(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Names beyond ASCII and the zones of IPv6 addresses included.
fn is_host(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(hosts: &[&str], port: u16) -> ListenTarget {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        ListenTarget::Tcp { hosts, port, scheme: Scheme::Auto }
    }

    #[test]
    fn a_port_alone_is_that_of_loopback() {
        assert_eq!(parse("11111"), Ok(tcp(&["127.0.0.1", "::1"], 11111)));
        assert_eq!(parse("0"), Ok(tcp(&["127.0.0.1", "::1"], 0)));
    }

    #[test]
    fn hosts_are_names_and_addresses() {
        assert_eq!(parse("0.0.0.0:1"), Ok(tcp(&["0.0.0.0"], 1)));
        assert_eq!(parse("[::1]:65535"), Ok(tcp(&["::1"], 65535)));
        assert_eq!(parse("gateway.local:80"), Ok(tcp(&["gateway.local"], 80)));
        assert_eq!(parse("[fe80::1%eth0]:80"), Ok(tcp(&["fe80::1%eth0"], 80)));
    }

    #[test]
    fn tcp_alone_is_asked_for_by_the_prefix_of_a_url() {
        let ListenTarget::Tcp { hosts, port, .. } = tcp(&["127.0.0.1"], 80) else { return };
        let expected = ListenTarget::Tcp { hosts, port, scheme: Scheme::Tcp };
        assert_eq!(parse("tcp://127.0.0.1:80"), Ok(expected));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ":",
            ":80",
            "*:80",
            "host",
            "host:",
            "host:x",
            "host:+1",
            "host:65536",
            "::1:80",
            "::1",
            "[]:80",
            "[::1]",
            "a b:80",
            "http://host:80",
            "tcp://",
            "tcp://tcp://host:80",
            "host:80 ",
            "1:2:3",
            "host:-1",
            "/run/hub.sock:1",
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.starts_with(&format!("\"{text}\" ")), "{error}");
        }
    }

    #[test]
    fn what_is_shown_is_what_is_taken() {
        for text in ["11111", "[::1]:80", "127.0.0.1:0", "tcp://11111", "tcp://[::1]:80"] {
            assert_eq!(show_target(&parse(text).unwrap()), text);
        }
    }
}
