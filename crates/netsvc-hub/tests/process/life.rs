//! From start to end.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use netsvc_core::ReasonCode;
use netsvc_net::Patience;

use crate::support::{
    Client, Folder, Hub, PATIENCE, Running, command, exit, frozen_client, greet, signal,
};

#[test]
fn it_relays_between_clients_and_tells_of_their_links() {
    let folder = Folder::new();
    let socket = folder.join("hub.sock");
    let (mut hub, address) = Hub::at_free_port(&["--socket", socket.to_str().unwrap()]);
    let one = Client::tcp("one", address);
    let other = Client::unix("other", &socket);
    one.announce("thermometer");
    other.sees("thermometer");

    let active = hub.wait("link-active", |message| message["label"] == "one");
    assert_eq!(active["level"], "info");
    assert_eq!(active["process"], one.engine.process().to_string());
    let was_told = |hub: &Hub| hub.told.iter().any(|message| message["label"] == "other");
    if !was_told(&hub) {
        hub.wait("link-active", |message| message["label"] == "other");
    }
    one.engine.shutdown_now(Patience::NONE);
    let inactive = hub.wait("link-inactive", |message| message["label"] == "one");
    assert_eq!(inactive["reason"], "peer-closed");
}

#[test]
fn a_termination_signal_closes_the_links_and_ends_with_0() {
    for name in ["TERM", "INT"] {
        let folder = Folder::new();
        let socket = folder.join("hub.sock");
        let (mut hub, address) = Hub::at_free_port(&["--socket", socket.to_str().unwrap()]);
        let client = Client::tcp("one", address);
        client.active();
        hub.signal(name);
        assert_eq!(client.reason(), ReasonCode::PeerClosed);
        assert_eq!(hub.exit_code(), Some(0));
        let stop = hub.wait("stop", |_| true);
        assert_eq!(stop["signal"], format!("SIG{name}"));
        hub.wait("stopped", |_| true);
        assert!(!socket.exists(), "the socket file stays");
    }
}

#[test]
fn a_taken_port_ends_it_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let mut hub = Hub::start(&["--listen=127.0.0.1:0", "--listen", &place]);
    let message = hub.wait("listen", |_| true);
    assert_eq!((&message["reason"], &message["place"]), (&"address-in-use".into(), &place.into()));
    assert_eq!(message["level"], "error");
    assert_eq!(hub.exit_code(), Some(1));
}

#[test]
fn a_client_that_claims_to_be_another_is_refused_and_the_log_says_whom_it_claimed_to_be() {
    let (mut hub, address) = Hub::at_free_port(&[]);
    let victim = Client::tcp("victim", address);
    victim.active();
    let id = victim.engine.process();
    // A connection that is refused before does not hide it.
    drop(TcpStream::connect(address).unwrap());
    hub.wait("link-refused", |_| true);
    let mut impostor = TcpStream::connect(address).unwrap();
    greet(&mut impostor, Some(id));
    let refused = hub.wait("link-refused", |message| message["reason"] == "identity");
    assert_eq!(refused["level"], "warn");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains(&id.to_string()), "{message}");
    victim.announce("mine");
    Client::tcp("witness", address).sees("mine");
}

#[test]
fn a_client_of_another_group_is_refused_and_that_is_told() {
    let (mut hub, address) = Hub::at_free_port(&["--group=plant"]);
    let client = Client::tcp("stranger", address);
    assert_eq!(client.reason(), ReasonCode::GroupMismatch);
    let refused = hub.wait("link-refused", |_| true);
    assert_eq!((&refused["level"], &refused["reason"]), (&"warn".into(), &"group-mismatch".into()));
}

/// Whoever should read stderr may hang: neither traffic nor the end may wait for that.
#[test]
fn a_log_that_nobody_reads_holds_up_nothing() {
    let folder = Folder::new();
    let socket = folder.join("hub.sock");
    let path = socket.to_str().unwrap();
    let arguments = ["--socket", path, "--listen=127.0.0.1:0", "--log-level=debug"];
    let child = command(&arguments, &[]).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = Running(child);
    let (sender, refused) = std::sync::mpsc::channel();
    let place = socket.clone();
    std::thread::spawn(move || {
        // Each of them is worth a line of more than 64 bytes, and a pipe holds 64 KiB.
        let mut refused = 0;
        while refused < 3000 {
            refused += u32::from(UnixStream::connect(&place).is_ok());
        }
        sender.send(refused)
    });
    assert_eq!(refused.recv_timeout(PATIENCE), Ok(3000), "the hub accepts nobody any more");
    let client = Client::unix_again("one", &socket);
    client.active();
    signal(child.0.id(), "TERM");
    assert_eq!(client.reason(), ReasonCode::PeerClosed);
    assert_eq!(exit(&mut child.0).code(), Some(0));
}

#[test]
fn a_client_that_does_not_go_delays_the_end_by_the_drain_time_only() {
    let folder = Folder::new();
    let socket = folder.join("hub.sock");
    let mut hub = Hub::start(&["--socket", socket.to_str().unwrap(), "--drain=0.2"]);
    hub.wait("start", |_| true);
    let _frozen = frozen_client(&socket);
    hub.wait("link-active", |_| true);
    hub.signal("TERM");
    assert_eq!(hub.exit_code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_drain() {
    let folder = Folder::new();
    let socket = folder.join("hub.sock");
    let mut hub = Hub::start(&["--socket", socket.to_str().unwrap(), "--drain=300"]);
    hub.wait("start", |_| true);
    let _frozen = frozen_client(&socket);
    hub.wait("link-active", |_| true);
    hub.signal("TERM");
    hub.wait("stop", |_| true);
    hub.signal("TERM");
    assert_eq!(hub.exit_code(), Some(0));
    let stopped = hub.wait("stopped", |_| true);
    assert!(stopped["message"].as_str().unwrap().contains("second signal"));
}

#[test]
fn help_and_version_are_printed() {
    let output = command(&["--version"], &[]).output().unwrap();
    let version = concat!("netsvcd ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), version);
    let output = command(&["--help"], &[]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("Usage: netsvcd"));
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn a_wide_address_is_open_on_all_others() {
    let mut hub = Hub::start(&["--listen=0.0.0.0:0"]);
    let start = hub.wait("start", |_| true);
    let address: std::net::SocketAddr = start["addresses"][0].as_str().unwrap().parse().unwrap();
    TcpStream::connect(("127.0.0.2", address.port())).unwrap();
}
