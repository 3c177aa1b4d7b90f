//! The Unix socket beside a loopback address: who goes by it, and who has to do without.

use std::io::{BufRead, BufReader, Lines};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
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

/// What the tests below run in a process of another user.
const STEPS_IN: &str = "NETSVC_TEST_STEPS_IN";

struct Other {
    child: Child,
    program: PathBuf,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Runs a test of this program again, as the user whose number others may share.
    fn run(test: &str, steps: &str) -> Self {
        // Somewhere that the other may look.
        let name = format!("netsvc-{}-{}", std::process::id(), test.replace("::", "-"));
        let program = std::env::temp_dir().join(name);
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut child = Command::new(&program)
            .args(["--exact", "--nocapture", test])
            .env(STEPS_IN, steps)
            .current_dir("/")
            .stdout(Stdio::piped())
            .uid(65_534)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, program, lines }
    }

    /// What it says behind a word.
    fn says(&mut self, word: &str) -> String {
        let said = self.lines.by_ref().map_while(Result::ok);
        let mut found = said.filter_map(|line| Some(line.split_once(word)?.1.to_owned()));
        found.next().expect("it says something else")
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
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
    if !is_root() {
        return;
    }
    let (_hub, port) = listening("0.0.0.0", Scheme::Tcp);
    let mut other = Other::run(TEST, &port.to_string());
    other.says("listens");
    let (_client, _) = client_of(tcp("127.0.0.1", port, Scheme::Auto));
    assert_eq!(by_loopback(port), 0);
}

/// In a user namespace, whoever listens on the address may be another than whoever has the name,
/// and both have this number.
#[test]
fn a_user_whose_number_others_may_share_is_not_trusted() {
    const TEST: &str = "loopback::a_user_whose_number_others_may_share_is_not_trusted";
    if std::env::var_os(STEPS_IN).is_some() {
        let (hub, port) = listening("127.0.0.1", Scheme::Auto);
        println!("port:{port}");
        hub.active();
        println!("links:{}", by_loopback(port));
        loop {
            std::thread::park();
        }
    }
    if !is_root() {
        return;
    }
    let mut other = Other::run(TEST, "");
    let port = other.says("port:").parse().unwrap();
    let (_client, _) = client_of(tcp("127.0.0.1", port, Scheme::Auto));
    assert_eq!(other.says("links:"), "0");
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
