//! The Unix socket beside a loopback address: who goes by it, and who has to do without.

use std::io::{BufRead, BufReader};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use netsvc_core::{Event, Role};
use netsvc_net::{ListenTarget, Scheme, Target};

use crate::support::{Node, SOON, accepted_at, eventually};

fn tcp(host: &str, port: u16, scheme: Scheme) -> Target {
    Target::Tcp { host: host.to_owned(), port, scheme }
}

fn listening(host: &str, scheme: Scheme) -> (Node, u16) {
    let hub = Node::start("hub");
    let exchange = hub.exchange(Role::Server);
    let target = ListenTarget::Tcp { hosts: vec![host.to_owned()], port: 0, scheme };
    let port = match hub.listen(exchange, target).unwrap().as_slice() {
        [netsvc_net::ListenAddress::Tcp(address)] => address.port(),
        other => panic!("unexpected addresses {other:?}"),
    };
    (hub, port)
}

fn client_of(target: Target) -> (Node, String) {
    let client = Node::start("client");
    client.engine.connect(client.exchange(Role::Client), target, SOON).unwrap();
    let address = client.active().address.to_string();
    (client, address)
}

/// Links of the hub at that port that came by the Unix socket beside 127.0.0.1.
fn by_loopback(port: u16) -> usize {
    accepted_at(&format!("@netsvc/127.0.0.1:{port}")).len()
}

fn name(port: u16) -> SocketAddr {
    SocketAddr::from_abstract_name(format!("netsvc/127.0.0.1:{port}")).unwrap()
}

#[test]
fn who_connects_to_loopback_goes_by_it() {
    let (hub, port) = listening("127.0.0.1", Scheme::Auto);
    let (_client, address) = client_of(tcp("127.0.0.1", port, Scheme::Auto));
    assert_eq!(by_loopback(port), 1);
    // The peer has no address of its own.
    assert_eq!(address, format!("127.0.0.1:{port}"));
    assert_eq!(&*hub.active().address, format!("127.0.0.1:{port}"));
}

#[test]
fn a_hub_that_listens_everywhere_listens_there_too() {
    let (_hub, port) = listening("0.0.0.0", Scheme::Auto);
    let (_client, _) = client_of(tcp("127.0.0.1", port, Scheme::Auto));
    assert_eq!(by_loopback(port), 1);
}

#[test]
fn whoever_wants_tcp_gets_tcp() {
    let (hub, port) = listening("127.0.0.1", Scheme::Auto);
    let (_client, address) = client_of(tcp("127.0.0.1", port, Scheme::Tcp));
    assert_eq!(by_loopback(port), 0);
    assert_eq!(address, format!("127.0.0.1:{port}"));
    let seen = hub.active().address;
    assert!(seen.starts_with("127.0.0.1:") && !seen.ends_with(&format!(":{port}")), "{seen}");
}

#[test]
fn where_the_hub_offers_none_there_is_tcp() {
    let (_hub, port) = listening("127.0.0.1", Scheme::Tcp);
    let (_client, _) = client_of(tcp("127.0.0.1", port, Scheme::Auto));
    assert_eq!(by_loopback(port), 0);
}

#[test]
fn a_name_that_another_program_has_keeps_the_hub_from_nothing() {
    // A port that was free just now.
    let (hub, port) = listening("127.0.0.1", Scheme::Tcp);
    hub.engine.close(Duration::ZERO);
    let closed = |event: &Event| matches!(event, Event::ExchangeClosed(_)).then_some(());
    hub.wait("the end of the exchange", closed);
    let taken = UnixListener::bind_addr(&name(port)).unwrap();
    let hub = Node::start("hub");
    assert_eq!(hub.listen_tcp(hub.exchange(Role::Server), port), port);
    drop(taken);
    let (_client, _) = client_of(tcp("127.0.0.1", port, Scheme::Auto));
    assert_eq!(by_loopback(port), 0);
}

/// What the test below runs in a process of another user.
const STEPS_IN: &str = "NETSVC_TEST_STEPS_IN";

struct Other {
    child: Child,
    program: PathBuf,
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.program);
    }
}

/// Only root can be another user as well; for everybody else there is the test of `belongs_to`.
#[test]
fn another_user_who_has_the_name_does_not_get_in_between() {
    const TEST: &str = "loopback::another_user_who_has_the_name_does_not_get_in_between";
    if let Ok(port) = std::env::var(STEPS_IN) {
        let listener = UnixListener::bind_addr(&name(port.parse().unwrap())).unwrap();
        println!("listens");
        let mut kept = Vec::new();
        // Until it is killed: a client that comes waits in vain.
        loop {
            kept.push(listener.accept().unwrap());
        }
    }
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    // Somewhere that the other may look.
    let program = std::env::temp_dir().join(format!("netsvc-{}-steps-in", std::process::id()));
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let (_hub, port) = listening("0.0.0.0", Scheme::Tcp);
    let mut child = Command::new(&program)
        .args(["--exact", "--nocapture", TEST])
        .env(STEPS_IN, port.to_string())
        .current_dir("/")
        .stdout(Stdio::piped())
        .uid(65_534)
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _other = Other { child, program };
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with("listens")));
    let (_client, _) = client_of(tcp("127.0.0.1", port, Scheme::Auto));
    assert_eq!(by_loopback(port), 0);
}

#[test]
fn the_name_is_free_when_the_exchange_is_closed() {
    let (hub, port) = listening("127.0.0.1", Scheme::Auto);
    let (_client, _) = client_of(tcp("127.0.0.1", port, Scheme::Auto));
    hub.engine.close(Duration::ZERO);
    let closed = |event: &Event| matches!(event, Event::ExchangeClosed(_)).then_some(());
    hub.wait("the end of the exchange", closed);
    // Unless somebody else has taken the port meanwhile.
    eventually("the name is free", || UnixListener::bind_addr(&name(port)).is_ok());
}
