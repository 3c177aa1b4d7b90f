//! Promises 2 and 23: whoever connects and does not become a link harms no newcomer, and takes no
//! memory; nor does one source take all links.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::time::Duration;

use bytes::BytesMut;
use netsvc_core::wire::{Decoder, Encoder, Hello, Message, SendBuffer};
use netsvc_core::{
    Event, ExchangeId, Heartbeat, Limits, LinkToken, Newcomer, ProcessSecret, Reason, ReasonCode,
    Retry, SourceKey,
};
use netsvc_testkit::{Node, RawPeer, Wire, World, hello, link_story};

const SLOTS: usize = 8;
/// The port and the Unix socket.
const PORT: u32 = 0;
const SOCKET: u32 = 1;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn from(listener: u32, source: u8) -> Newcomer {
    let source = SourceKey([source; 16]);
    Newcomer { address: "somewhere".into(), listener, source, local: listener == SOCKET }
}

fn hub_with(world: &mut World, limits: Limits) -> (Node, ExchangeId) {
    world.delay = Duration::ZERO;
    let hub = world.process_with("hub", limits);
    let exchange = world.hub(hub, "");
    (hub, exchange)
}

fn hub(world: &mut World) -> Node {
    hub_with(world, Limits { handshakes: SLOTS, ..Limits::default() }).0
}

fn greet(world: &mut World, wire: &mut Wire, id: u8) {
    let hello = hello(&ProcessSecret::new([id; 32]), LinkToken([id; 16]), 1);
    world.say(wire, &Message::Hello(hello));
}

fn is_welcome(world: &mut World, wire: &mut Wire) -> bool {
    world.settle();
    matches!(world.hear(wire)[..], [Message::Welcome(_), ..])
}

/// How long somebody who introduces himself at once has to wait.
fn time_to_link(world: &mut World, hub: Node, newcomer: Newcomer) -> Duration {
    let (began, newcomer_id) = (world.now(), newcomer.source.0[0] | 0x80);
    let mut wire = world.dial_as(hub, newcomer);
    greet(world, &mut wire, newcomer_id);
    while !is_welcome(world, &mut wire) {
        assert!(world.now().since(began) < Duration::from_secs(10), "it is locked out");
        world.advance(millis(10));
    }
    world.now().since(began)
}

#[test]
fn silent_connections_lock_nobody_out() {
    let mut world = World::new(1);
    let hub = hub(&mut world);
    for _ in 0..500 {
        world.dial_as(hub, from(PORT, 1));
    }
    world.settle();
    // By the other listener nobody waits; by the same those who were there before have their turn.
    assert_eq!(time_to_link(&mut world, hub, from(SOCKET, 2)), Duration::ZERO);
    let queue = 500_u64.div_ceil(SLOTS as u64);
    assert!(time_to_link(&mut world, hub, from(PORT, 3)) <= millis(50 * queue));
    // They have made room for each other, and the rest leaves within a second.
    world.advance(millis(1100));
    assert_eq!(world.table(hub, "strangers"), 0);
}

#[test]
fn who_sends_a_byte_now_and_then_is_no_better_than_who_is_silent() {
    let mut world = World::new(2);
    let hub = hub(&mut world);
    let preamble = b"netsvc\x00\x01\x01\x00\x00\x00\x40\x00\x00\x00";
    let slow: Vec<Wire> = (0..SLOTS).map(|_| world.dial_as(hub, from(PORT, 1))).collect();
    for byte in preamble {
        for wire in &slow {
            world.say_bytes(wire, &[*byte]);
        }
        world.advance(millis(20));
    }
    assert_eq!(time_to_link(&mut world, hub, from(PORT, 2)), Duration::ZERO);
}

#[test]
fn room_is_made_by_whose_source_has_most() {
    let mut world = World::new(3);
    let hub = hub(&mut world);
    let mut honest = world.dial_as(hub, from(PORT, 1));
    world.settle();
    // One that has two is older than those who have more.
    let other = [world.dial_as(hub, from(PORT, 2)), world.dial_as(hub, from(PORT, 2))];
    for _ in 0..200 {
        world.dial_as(hub, from(PORT, 3));
    }
    world.advance(millis(900));
    for wire in &other {
        assert!(!world.is_hung_up(wire));
    }
    greet(&mut world, &mut honest, 9);
    assert!(is_welcome(&mut world, &mut honest), "it was slow, and nobody took its place");
}

#[test]
fn nobody_is_displaced_before_what_he_said_can_have_arrived() {
    let mut world = World::new(4);
    let hub = hub(&mut world);
    let mut slow: Vec<Wire> = (0..SLOTS).map(|_| world.dial_as(hub, from(PORT, 1))).collect();
    for _ in 0..SLOTS {
        world.dial_as(hub, from(PORT, 1));
    }
    world.settle();
    world.advance(millis(49));
    for (id, wire) in slow.iter_mut().enumerate() {
        greet(&mut world, wire, id as u8 + 1);
        assert!(is_welcome(&mut world, wire));
    }
}

#[test]
fn after_a_pause_nobody_is_displaced_before_the_sockets_were_read() {
    let mut world = World::new(5);
    let (hub, exchange) = hub_with(&mut world, Limits { handshakes: 1, ..Limits::default() });
    let (began, process) = (world.now(), world.at(hub));
    assert!(process.handle_accepted(began, exchange, from(PORT, 1)).is_some());
    let later = began + Duration::from_secs(20);
    process.handle_time(later);
    assert!(!process.can_accept(later, exchange, PORT));
    let later = later + Duration::from_secs(1);
    assert!(process.poll_wake() <= later);
    process.handle_time(later);
    assert!(process.can_accept(later, exchange, PORT));
}

#[test]
fn without_a_preamble_a_connection_ends_after_one_second() {
    let mut world = World::new(6);
    let hub = hub(&mut world);
    let silent = world.dial(hub);
    let half = world.dial(hub);
    world.say_bytes(&half, b"netsvc\x00");
    let whole = world.dial(hub);
    world.say_bytes(&whole, b"netsvc\x00\x01");
    world.advance(millis(999));
    assert!(!world.is_hung_up(&silent) && !world.is_hung_up(&half));
    world.advance(millis(1));
    assert!(world.is_hung_up(&silent) && world.is_hung_up(&half));
    let told = world.host(hub).take_events();
    assert_eq!(link_story(&told), ["failed connect-timeout"; 2]);
    world.advance(millis(3999));
    assert!(!world.is_hung_up(&whole), "the rest of the handshake has its five seconds");
    world.advance(millis(1));
    assert!(world.is_hung_up(&whole));
}

#[test]
fn who_was_refused_and_stays_makes_room_at_once() {
    let mut world = World::new(7);
    let hub = hub(&mut world);
    for _ in 0..10 * SLOTS {
        let wire = world.dial_as(hub, from(PORT, 1));
        world.say_bytes(&wire, b"nonsense");
        world.settle();
    }
    assert!(world.table(hub, "connections") <= SLOTS, "they are held for their farewells");
    assert_eq!(time_to_link(&mut world, hub, from(PORT, 2)), Duration::ZERO);
}

#[test]
fn one_source_does_not_take_all_the_decisions_of_the_application() {
    let mut world = World::new(8);
    let (hub, exchange) = hub_with(&mut world, Limits { handshakes: SLOTS, ..Limits::default() });
    world.at(hub).require_authorisation(exchange, true);
    let asked = |world: &mut World| -> Vec<_> {
        world.settle();
        let events = world.host(hub).take_events();
        let asked = events.into_iter().filter_map(|event| match event {
            Event::Authorise(about) => Some(about.link),
            _ => None,
        });
        asked.collect()
    };
    let mut crowd = Vec::new();
    for id in 0..SLOTS as u8 {
        let mut wire = world.dial_as(hub, from(PORT, 1));
        greet(&mut world, &mut wire, id + 1);
        crowd.push(wire);
    }
    let first = asked(&mut world);
    assert_eq!(first.len(), 6, "three quarters");
    // The next of them have their turn when it was decided, whatever was decided.
    let now = world.now();
    world.at(hub).authorise(now, first[0], true);
    world.at(hub).authorise(now, first[1], false);
    assert_eq!(asked(&mut world).len(), 2);
    assert!(is_welcome(&mut world, &mut crowd[0]));
    // Others find room meanwhile, if need be in the place of those that wait.
    for id in 0..4 {
        let mut wire = world.dial_as(hub, from(PORT, 1));
        greet(&mut world, &mut wire, id + 0x30);
    }
    assert_eq!(asked(&mut world), []);
    let mut other = world.dial_as(hub, from(PORT, 2));
    greet(&mut world, &mut other, 0x50);
    world.advance(millis(100));
    assert_eq!(asked(&mut world).len(), 1);
}

/// A frame's header and as much of its body as is given.
fn frame(kind: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0][..], &length.to_le_bytes(), body].concat()
}

#[test]
fn nothing_is_kept_for_a_peer_whose_greeting_is_not_answered() {
    let fragment = [&[1, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 8, 0][..], &vec![7; 60_000]].concat();
    let early: [(&str, Vec<u8>); 5] = [
        ("SYMBOL", frame(0x10, 60_000, &[&[0, 0][..], &vec![b'x'; 59_998]].concat())),
        ("FRAGMENT", frame(0x11, fragment.len() as u32, &fragment)),
        // Judged by the header: its body is not waited for.
        ("REQUEST", frame(0x40, 1 << 20, &[])),
        ("SERVICE", frame(0x22, 60_000, &[])),
        ("HEARTBEAT", frame(0x04, 0, &[])),
    ];
    for (kind, bytes) in early {
        let mut world = World::new(9);
        let (hub, exchange) = hub_with(&mut world, Limits::default());
        let now = world.now();
        let process = world.at(hub);
        process.require_authorisation(exchange, true);
        let conn = process.handle_accepted(now, exchange, from(PORT, 1)).unwrap();
        let mut decoder = Decoder::new(1 << 20);
        let mut greeting = SendBuffer::new();
        let hello = hello(&ProcessSecret::new([9; 32]), LinkToken([9; 16]), 1);
        Encoder::new(1).encode(&Message::Hello(hello), &mut greeting);
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        let used = greeting.slices(&mut slices);
        let mut buffer = BytesMut::new();
        slices[..used].iter().for_each(|slice| buffer.extend_from_slice(slice));
        process.handle_bytes(now, conn, &mut decoder, &mut buffer, None).unwrap();
        assert!(matches!(process.poll_event(now), Some(Event::Authorise(_))), "{kind}");
        assert_eq!(decoder.needs(&bytes), 0, "{kind}: more of it is waited for");
        let mut buffer = BytesMut::from(&bytes[..]);
        let error = process.handle_bytes(now, conn, &mut decoder, &mut buffer, None).unwrap_err();
        assert_eq!(error.to_string(), format!("{kind} out of place in the handshake"));
        assert_eq!((decoder.kept(), buffer.len()), (0, 0), "{kind}");
        let told = process.poll_event(now).unwrap();
        assert_eq!(link_story(&[told]), ["failed protocol"]);
    }
}

/// Says hello; whether the hub takes the link, or why not.
fn link(world: &mut World, hub: Node, newcomer: Newcomer, id: u8) -> Result<Wire, Reason> {
    let mut wire = world.dial_as(hub, newcomer);
    greet(world, &mut wire, id);
    world.settle();
    match world.hear(&mut wire).into_iter().next() {
        Some(Message::Welcome(_)) => Ok(wire),
        Some(Message::Refuse(reason)) => Err(reason),
        other => panic!("neither taken nor refused: {other:?}"),
    }
}

fn is_limit(linked: Result<Wire, Reason>) -> bool {
    linked.is_err_and(|reason| reason.code == ReasonCode::Limit)
}

#[test]
fn one_source_does_not_take_all_links() {
    let mut world = World::new(10);
    let (hub, _) = hub_with(&mut world, Limits { links: 16, ..Limits::default() });
    let mut wires = Vec::new();
    for id in 1..=12 {
        wires.push(link(&mut world, hub, from(SOCKET, 1), id).unwrap());
    }
    assert!(is_limit(link(&mut world, hub, from(SOCKET, 1), 13)), "three quarters of all");
    link(&mut world, hub, from(SOCKET, 2), 14).unwrap();
    // What ends is free again.
    world.hang_up(&wires[0]);
    world.settle();
    link(&mut world, hub, from(SOCKET, 1), 15).unwrap();
    assert!(is_limit(link(&mut world, hub, from(SOCKET, 1), 16)));

    let limits = Limits { links_per_source: 2, ..Limits::default() };
    let (hub, _) = hub_with(&mut world, limits);
    for id in 1..=2 {
        link(&mut world, hub, from(PORT, 1), id).unwrap();
    }
    assert!(is_limit(link(&mut world, hub, from(PORT, 1), 3)));
    link(&mut world, hub, from(PORT, 2), 4).unwrap();
}

#[test]
fn other_machines_do_not_take_the_last_links() {
    let mut world = World::new(11);
    let (hub, _) = hub_with(&mut world, Limits { links: 16, ..Limits::default() });
    for id in 1..=15 {
        link(&mut world, hub, from(PORT, id), id).unwrap();
    }
    assert!(is_limit(link(&mut world, hub, from(PORT, 16), 16)));
    link(&mut world, hub, from(SOCKET, 16), 16).unwrap();
    assert!(is_limit(link(&mut world, hub, from(SOCKET, 17), 17)));
}

#[test]
fn no_announced_heartbeat_keeps_a_silent_link_for_more_than_three_minutes() {
    for (announced, patience) in [(40, 120), (60, 180), (61, 180), (4_294_967, 180)] {
        let mut world = World::new(12);
        let (hub, _) = hub_with(&mut world, Limits::default());
        let mut wire = world.dial_as(hub, from(PORT, 1));
        let heartbeat = Duration::from_secs(announced);
        let hello = hello(&ProcessSecret::new([1; 32]), LinkToken([1; 16]), 1);
        world.say(&mut wire, &Message::Hello(Hello { heartbeat, ..hello }));
        world.say(&mut wire, &Message::Synced);
        world.settle();
        let (began, _) = (world.now(), world.host(hub).take_events());
        let (now, event) = world.next_link_event(hub, Duration::from_secs(1000)).unwrap();
        assert_eq!(link_story(&[event]), ["inactive heartbeat-lost"]);
        assert_eq!(now.since(began), Duration::from_secs(patience), "{announced} s announced");
    }
}

#[test]
fn who_is_configured_with_a_longer_heartbeat_speaks_every_sixty_seconds() {
    let mut world = World::new(13);
    let [hub, client] = ["hub", "client"].map(|label| world.process(label));
    let (interval, dead) = (Duration::from_secs(300), Duration::from_secs(900));
    world.hub(hub, "");
    world.connect_with(client, hub, "", Retry::Backoff, Heartbeat { interval, dead });
    world.advance(Duration::from_secs(3600));
    assert_eq!(link_story(&world.host(hub).take_events()), ["active"]);
}

#[test]
fn an_application_that_takes_nothing_is_told_of_no_end_of_links() {
    let mut world = World::new(14);
    let (hub, exchange) = hub_with(&mut world, Limits::default());
    let (now, process) = (world.now(), world.at(hub));
    let mut links = 0;
    while process.can_accept(now, exchange, PORT) && links < 10_000 {
        let peer = RawPeer::client(process, now, exchange, 1);
        process.handle_closed(now, peer.conn);
        while process.poll_action().is_some() || process.poll_dirty().is_some() {}
        links += 1;
    }
    assert_eq!(links, 2048, "two events each");
    // Nothing is missing, and there is room again.
    let mut told = 0;
    while process.poll_event(now).is_some() {
        told += 1;
        assert!(process.can_accept(now, exchange, PORT));
    }
    assert_eq!(told, 4096);
}

#[test]
fn a_stranger_is_not_told_the_name_of_the_group() {
    let mut world = World::new(15);
    world.delay = Duration::ZERO;
    let hub = world.process("hub");
    world.hub(hub, "secret");
    let refused = link(&mut world, hub, from(PORT, 1), 1).unwrap_err();
    assert_eq!(refused.code, ReasonCode::GroupMismatch);
    assert!(!refused.message.contains("secret"), "{refused:?}");
}
