//! The way between programs of one machine that takes less than TCP does: beside each loopback
//! address that a hub listens on, it listens on a Unix socket named after it, and whoever is to
//! connect to a loopback address looks there first. A request takes a tenth to a fifth less time by
//! it, large contents take little more than half (docs/bench).
//!
//! The names are abstract ones, which Linux has. As loopback addresses they belong to the network
//! namespace; they leave no file behind. But anybody in there may take any free name, whoever has
//! the address. So a name is a hint only: a client goes by it if the user who listens there is the
//! one who listens on the address, and else by TCP. Users that a user namespace has no number for
//! all have the same: what it is the number of is nobody's in particular, and is not gone by.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::task::{Context, Poll};

use socket2::{Domain, SockAddr, Type};
use tokio::net::{UnixListener, UnixStream};

use super::listen_address::ListenAddress;
use super::listen_error::ListenError;
use super::peer::Peer;
use super::stream::Stream;
use super::tcp::{self, BACKLOG, Tcp};
use super::unix;
use super::{Connected, ListenOptions, ListenSocket, Listening, OpenOptions};
use super::{Pending, Transport};

/// What the kernel tells of TCP sockets, by address family; those that listen come first.
const TCP: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Where the kernel tells the number of all users that have none here.
const OVERFLOW_USER: &str = "/proc/sys/kernel/overflowuid";

/// TCP, with a Unix socket beside each loopback address where there can be one: not on other
/// systems, in some sandboxes, or if another program has the name.
pub(super) struct Loopback;

impl Transport for Loopback {
    type Address = SocketAddr;

    fn open<'a>(
        &'a self,
        address: &'a SocketAddr,
        options: OpenOptions,
    ) -> Pending<'a, io::Result<Connected>> {
        Box::pin(async move {
            match connect(*address).await {
                Some(stream) => Ok(Connected { stream, peer: Peer::at(address) }),
                None => Tcp.open(address, options).await,
            }
        })
    }

    fn listen<'a>(
        &'a self,
        address: &'a SocketAddr,
        options: ListenOptions,
    ) -> Pending<'a, Result<Listening, ListenError>> {
        let listening = || {
            let (socket, address) = tcp::bind(*address, options.dual)?;
            // The Unix sockets first: whoever finds the address finds them.
            let mut sockets = listen_beside(address, options.dual);
            sockets.push(tcp::listen(socket, options.dead)?);
            Ok(Listening { sockets, address: ListenAddress::Tcp(address) })
        };
        let listening = listening().map_err(|error| ListenError::from_io(address, &error));
        Box::pin(async move { listening })
    }
}

/// Listens beside `address`, which is bound. `dual`: it takes IPv4 connections too.
fn listen_beside(address: SocketAddr, dual: bool) -> Vec<Box<dyn ListenSocket>> {
    let addresses = loopback_of(address, dual).into_iter();
    addresses.filter_map(|address| listen_one(address).ok().flatten()).collect()
}

/// Connects to the Unix socket beside `address`, if there is one that can be trusted.
async fn connect(address: SocketAddr) -> Option<Box<dyn Stream>> {
    // Whatever is wrong with it, TCP tells better.
    let stream = UnixStream::connect(path_of(address)?).await.ok()?;
    let user = stream.peer_cred().ok()?.uid();
    let trusted = user != overflow_user(OVERFLOW_USER) && belongs_to(user, address, &TCP).ok()?;
    if trusted { unix::stream(stream).ok() } else { None }
}

fn listen_one(address: SocketAddr) -> io::Result<Option<Box<dyn ListenSocket>>> {
    let Some(path) = path_of(address) else { return Ok(None) };
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    let listener = UnixListener::from_std(socket.into())?;
    Ok(Some(Box::new(LoopbackListenSocket { address, listener })))
}

struct LoopbackListenSocket {
    address: SocketAddr,
    listener: UnixListener,
}

impl ListenSocket for LoopbackListenSocket {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Connected>> {
        self.listener.poll_accept(context).map(|accepted| {
            let stream = accepted?.0;
            // The peer has no address of its own.
            let peer = Peer::from_user(&self.address, &stream);
            Ok(Connected { stream: unix::stream(stream)?, peer })
        })
    }
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
    let has_one = cfg!(any(target_os = "linux", target_os = "android")) && ip.is_loopback();
    has_one.then(|| format!("\0netsvc/{}", SocketAddr::new(ip, address.port())).into())
}

/// The number that several users may share.
fn overflow_user(path: &str) -> u32 {
    const DEFAULT: u32 = 65_534;
    let told = std::fs::read_to_string(path).ok();
    told.and_then(|told| told.trim().parse().ok()).unwrap_or(DEFAULT)
}

/// Whether whoever listens on a loopback address with TCP is that user. `tables`: where that is
/// told, for IPv4 and IPv6.
fn belongs_to(user: u32, address: SocketAddr, tables: &[&str; 2]) -> io::Result<bool> {
    let port = address.port();
    let owner = match address.ip().to_canonical() {
        IpAddr::V4(ip) => match owner_of(&[&ip.octets(), &[0; 4]], port, tables[0])? {
            None => owner_of(&[&ip.to_ipv6_mapped().octets(), &[0; 16]], port, tables[1])?,
            owner => owner,
        },
        IpAddr::V6(ip) => owner_of(&[&ip.octets(), &[0; 16]], port, tables[1])?,
    };
    Ok(owner == Some(user))
}

/// The user who opened the first socket in `table` that listens on that port of one of these
/// addresses.
///
/// The kernel walks through all its connections to fill what is read at once behind the sockets
/// that listen, which takes milliseconds: no more is read than is needed.
fn owner_of(ips: &[&[u8]], port: u16, table: &str) -> io::Result<Option<u32>> {
    let mut file = match File::open(table) {
        // A kernel without IPv6.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let wanted: Vec<String> = ips.iter().map(|ip| format!("{}:{port:04X}", shown(ip))).collect();
    let (mut lines, mut piece) = (vec![String::new()], [0; 32]);
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(None);
        }
        for character in piece[..count].iter().copied().map(char::from) {
            match lines.last_mut() {
                Some(line) if character != '\n' => line.push(character),
                _ => lines.push(String::new()),
            }
        }
        // Behind the head. The last word of one that has not ended may be a part only.
        for line in &lines[1..] {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, owner, _, ..] = words[..] else { continue };
            if state != LISTENS {
                return Ok(None);
            }
            if wanted.iter().any(|wanted| wanted == local) {
                return Ok(owner.parse().ok());
            }
        }
        // What is over has been looked at; the head is not looked at.
        lines.drain(1..(lines.len() - 1).max(1));
    }
}

/// The state of a socket that listens, in those tables.
const LISTENS: &str = "0A";

/// An address as in those tables: words of the machine.
fn shown(octets: &[u8]) -> String {
    let words = octets.as_chunks().0.iter().map(|word| u32::from_ne_bytes(*word));
    words.fold(String::new(), |shown, word| format!("{shown}{word:08X}"))
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_have_names() {
        for (address, expected) in [
            ("127.0.0.1:11111", Some("\0netsvc/127.0.0.1:11111")),
            ("127.0.0.2:80", Some("\0netsvc/127.0.0.2:80")),
            ("[::1]:11111", Some("\0netsvc/[::1]:11111")),
            ("[::ffff:127.0.0.1]:11111", Some("\0netsvc/127.0.0.1:11111")),
            ("192.168.1.1:11111", None),
            ("0.0.0.0:11111", None),
            ("[fe80::1]:11111", None),
        ] {
            let path = address.parse().ok().and_then(path_of);
            assert_eq!(path, expected.map(PathBuf::from), "{address}");
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

    #[test]
    fn the_number_of_users_without_one_is_what_the_kernel_says_or_its_default() -> io::Result<()> {
        let name = format!("netsvc-{}-overflow", std::process::id());
        let path = std::env::temp_dir().join(name);
        let path = path.to_str().unwrap_or_default();
        for (told, expected) in [("65533\n", 65_533), ("nonsense", 65_534)] {
            std::fs::write(path, told)?;
            assert_eq!(overflow_user(path), expected, "{told}");
        }
        std::fs::remove_file(path)?;
        assert_eq!(overflow_user(path), 65_534);
        Ok(())
    }

    #[test]
    fn an_address_belongs_to_whoever_listens_there() -> io::Result<()> {
        let folder = std::env::temp_dir();
        let path = |name: &str| folder.join(format!("netsvc-{}-{name}", std::process::id()));
        let (four, six) = (path("tcp"), path("tcp6"));
        let head =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";
        let row = |ip: &[u8], port: u16, state: &str, user: u32| {
            format!("   0: {}:{port:04X} 0:0 {state} 0:0 00:0 0 {user} 0 1\n", shown(ip))
        };
        std::fs::write(
            &four,
            [
                head.to_owned(),
                row(&[127, 0, 0, 1], 2000, "0A", 7),
                row(&[0; 4], 2001, "0A", 8),
                row(&[127, 0, 0, 1], 2003, "0A", 7),
                row(&[127, 0, 0, 1], 2004, "01", 7),
                row(&[127, 0, 0, 1], 2005, "0A", 7), // never behind others in truth
            ]
            .concat(),
        )?;
        let other = row(&[0; 16], 2003, "0A", 9);
        std::fs::write(&six, [head, &other, &row(&[0; 16], 2002, "0A", 9)].concat())?;
        let tables = [&four, &six].map(|path| path.to_str().unwrap_or_default());
        let asked = |user, address: &str| {
            belongs_to(user, address.parse().map_err(io::Error::other)?, &tables)
        };
        for (user, address, expected) in [
            (7, "127.0.0.1:2000", true),
            (8, "127.0.0.1:2000", false),
            (7, "127.0.0.2:2000", false),
            (8, "127.0.1.1:2001", true),
            (7, "127.0.1.1:2001", false),
            (9, "127.0.0.1:2002", true),
            (9, "[::1]:2002", true),
            (8, "[::1]:2001", false),
            // The first of several.
            (7, "127.0.0.1:2003", true),
            (9, "127.0.0.1:2003", false),
            (7, "127.0.0.1:2004", false),
            (7, "127.0.0.1:2005", false),
        ] {
            assert_eq!(asked(user, address)?, expected, "{user} {address}");
        }
        std::fs::remove_file(&four)?;
        assert!(asked(9, "[::1]:2002")?);
        std::fs::remove_file(&six)?;
        assert!(!asked(9, "[::1]:2002")?);
        Ok(())
    }
}
