//! Promises 2, 7 and 8: how a link begins, and with whom it does not. Where a refusal takes an odd
//! peer, the test speaks for it.

use std::time::Duration;

use netsvc_core::wire::{Hello, Message, Role};
use netsvc_core::{
    Action, CommandError, Config, Event, Heartbeat, Limits, LinkToken, Process, ProcessSecret,
    Reason, ReasonCode, Retry, Time,
};
use netsvc_testkit::{Node, Wire, World, hello, link_event, link_story, story};

const STRANGER: ProcessSecret = ProcessSecret::new([0xee; 32]);
const TOKEN: LinkToken = LinkToken([7; 16]);

type Change = fn(&Hello) -> Hello;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A hub with a client whose link must survive whatever else happens.
fn hub_and_bystander(world: &mut World) -> [Node; 2] {
    let [hub, bystander] = ["hub", "bystander"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(bystander, hub);
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events()), ["active"]);
    assert_eq!(link_story(&world.host(bystander).take_events()), ["active"]);
    [hub, bystander]
}

/// Dials and says HELLO; returns what the hub answers, snapshot included.
fn greet(world: &mut World, hub: Node, hello: Hello) -> (Wire, Vec<Message>) {
    let mut wire = world.dial(hub);
    world.say(&mut wire, &Message::Hello(hello));
    world.settle();
    let answer = world.hear(&mut wire);
    (wire, answer)
}

fn refused(answer: &[Message]) -> ReasonCode {
    match answer {
        [Message::Refuse(reason)] => reason.code,
        other => panic!("not a refusal: {other:?}"),
    }
}

/// The answer of a sound hub, but for what the test changes in it.
fn as_server(hello: &Hello) -> Hello {
    Hello { role: Role::Server, process: STRANGER.process(), ..hello.clone() }
}

#[test]
fn a_refused_peer_hears_the_reason_the_hub_too_and_nobody_else() {
    let mut world = World::new(1);
    let [hub, bystander] = hub_and_bystander(&mut world);
    let sound = hello(&STRANGER, TOKEN, 1);
    let own = hello(&world.host(hub).secret, TOKEN, 1);
    let cases = [
        (Hello { group: "other".into(), ..sound.clone() }, "group-mismatch"),
        (Hello { role: Role::Server, ..sound }, "role"),
        (own, "own-process"),
    ];
    for (hello, reason) in cases {
        let (wire, answer) = greet(&mut world, hub, hello);
        assert_eq!(refused(&answer).name(), reason);
        world.advance(secs(1));
        assert!(world.is_hung_up(&wire), "the hub does not wait for ever for the peer to go");
        assert_eq!(link_story(&world.host(hub).take_events()), [format!("failed {reason}")]);
    }
    assert_eq!(link_story(&world.host(bystander).take_events()), [] as [&str; 0]);
}

#[test]
fn other_versions_garbage_and_oversized_frames_are_refused_with_a_reason() {
    let mut world = World::new(2);
    let [hub, bystander] = hub_and_bystander(&mut world);
    let cases: [(&[u8], &str); 4] = [
        (b"netsvc\x00\x02 whatever version 2 looks like", "version"),
        (b"GET / HTTP/1.1\r\n\r\n", "protocol"),
        (b"netsvc\x00\x01\x01\x00\x00\x00\xff\xff\xff\xff", "protocol"),
        (b"netsvc\x00\x01\x04\x00\x00\x00\x00\x00\x00\x00", "protocol"),
    ];
    for (bytes, reason) in cases {
        let mut wire = world.dial(hub);
        world.say_bytes(&wire, bytes);
        world.settle();
        assert_eq!(refused(&world.hear(&mut wire)).name(), reason);
        assert_eq!(link_story(&world.host(hub).take_events()), [format!("failed {reason}")]);
    }
    assert_eq!(link_story(&world.host(bystander).take_events()), [] as [&str; 0]);
}

#[test]
fn a_peer_that_breaks_the_rules_later_loses_its_link_alone() {
    let mut world = World::new(3);
    let [hub, bystander] = hub_and_bystander(&mut world);
    let (mut wire, _) = greet(&mut world, hub, hello(&STRANGER, TOKEN, 1));
    world.say(&mut wire, &Message::Synced);
    world.say(&mut wire, &Message::Synced);
    world.settle();
    let heard = world.hear(&mut wire);
    let is_protocol = |reason: &Reason| reason.code == ReasonCode::Protocol;
    assert!(matches!(&heard[..], [Message::Goodbye(reason)] if is_protocol(reason)), "{heard:?}");
    let told = world.host(hub).take_events();
    assert_eq!(link_story(&told), ["active", "inactive protocol"]);
    assert_eq!(link_story(&world.host(bystander).take_events()), [] as [&str; 0]);
}

#[test]
fn a_client_leaves_an_acceptor_that_answers_wrongly_and_says_why() {
    let cases: [(Change, &str); 4] = [
        (|hello| Hello { group: "other".into(), ..as_server(hello) }, "group-mismatch"),
        (|hello| Hello { role: Role::Client, ..as_server(hello) }, "role"),
        (|hello| Hello { token: LinkToken([9; 16]), ..as_server(hello) }, "protocol"),
        (|hello| Hello { attempt: hello.attempt + 1, ..as_server(hello) }, "protocol"),
    ];
    for (change, reason) in cases {
        let mut world = World::new(4);
        let [hub, client] = ["by hand", "client"].map(|label| world.process(label));
        world.listen_by_hand(hub);
        world.connect(client, hub);
        world.settle();
        let mut wire = world.accept_by_hand(hub).expect("the client dials");
        let heard = world.hear(&mut wire);
        let [Message::Hello(hello)] = &heard[..] else { panic!("not a greeting: {heard:?}") };
        world.say(&mut wire, &Message::Welcome(change(hello)));
        world.settle();
        assert_eq!(link_story(&world.host(client).take_events()), [format!("failed {reason}")]);
        match &world.hear(&mut wire)[..] {
            [Message::Goodbye(told)] => assert_eq!(told.code.name(), reason),
            other => panic!("not told why: {other:?}"),
        }
    }
}

#[test]
fn a_client_reports_what_an_acceptor_says_that_speaks_something_else() {
    let cases: [(&[u8], &str); 2] =
        [(b"netsvc\x00\x02", "version"), (b"220 mail.example ESMTP\r\n", "protocol")];
    for (bytes, reason) in cases {
        let mut world = World::new(5);
        let [hub, client] = ["by hand", "client"].map(|label| world.process(label));
        world.listen_by_hand(hub);
        world.connect(client, hub);
        world.settle();
        let wire = world.accept_by_hand(hub).expect("the client dials");
        world.say_bytes(&wire, bytes);
        world.settle();
        let told = world.host(client).take_events();
        assert_eq!(link_story(&told), [format!("failed {reason}")]);
        let retry_in = link_event(&told[0]).unwrap().retry_in.unwrap();
        assert!(retry_in >= Duration::from_millis(2500), "{retry_in:?}");
    }
}

#[test]
fn an_acceptor_that_says_nothing_is_dropped_after_five_seconds_and_tried_again() {
    let mut world = World::new(6);
    let [hub, client] = ["by hand", "client"].map(|label| world.process(label));
    world.listen_by_hand(hub);
    world.connect(client, hub);
    let mut due = world.now() + secs(5);
    for attempt in 1..=4 {
        let (now, event) = world.next_link_event(client, secs(10)).expect("it gives up");
        assert_eq!(now, due);
        let Event::AttemptFailed(about) = event else { panic!("{event:?}") };
        assert_eq!(about.reason.unwrap().code, ReasonCode::ConnectTimeout);
        due = now + about.retry_in.unwrap() + secs(5);
        let mut wire = world.accept_by_hand(hub).expect("it dialled");
        world.settle();
        let heard = world.hear(&mut wire);
        assert!(
            matches!(&heard[..], [Message::Hello(hello)] if hello.attempt == attempt),
            "{heard:?}"
        );
        assert!(world.is_hung_up(&wire));
    }
}

#[test]
fn a_dialler_that_says_nothing_is_dropped_after_five_seconds() {
    let mut world = World::new(7);
    let [hub, _] = hub_and_bystander(&mut world);
    let wire = world.dial(hub);
    // Half a greeting is no greeting, however slowly it comes.
    world.say_bytes(&wire, b"netsvc\x00\x01");
    world.advance(secs(4));
    world.say_bytes(&wire, b"\x01\x00\x00\x00\x40\x00\x00\x00");
    world.advance(Duration::from_millis(900));
    assert_eq!(link_story(&world.host(hub).take_events()), [] as [&str; 0]);
    world.advance(Duration::from_millis(200));
    assert_eq!(link_story(&world.host(hub).take_events()), ["failed connect-timeout"]);
    assert!(world.is_hung_up(&wire));
}

#[test]
fn resolving_connecting_and_greeting_share_one_deadline() {
    let start = Time(1_000_000);
    for opened_after in [None, Some(secs(3))] {
        let config =
            Config { secret: STRANGER, label: "client".into(), limits: Limits::default(), seed: 1 };
        let mut process = Process::new(config, start);
        let exchange = process.create_exchange(Role::Client, "", Heartbeat::default()).unwrap();
        process.connect(start, exchange, Retry::Once, TOKEN).unwrap();
        let Some(Action::Open { conn, .. }) = process.poll_action() else { panic!("no attempt") };
        if let Some(duration) = opened_after {
            process.handle_opened(start + duration, conn, "10.0.0.1:1");
        }
        assert_eq!(process.poll_wake(), start + secs(5));
        process.handle_time(start + secs(5));
        assert_eq!(process.poll_action(), Some(Action::Close { conn }));
        let told: Vec<_> = std::iter::from_fn(|| process.poll_event(start + secs(5))).collect();
        assert_eq!(link_story(&told), ["failed connect-timeout", "closed connect-timeout"]);
    }
}

#[test]
fn a_client_that_never_completes_its_snapshot_never_becomes_active() {
    let mut world = World::new(8);
    let [hub, _] = hub_and_bystander(&mut world);
    let (mut wire, answer) = greet(&mut world, hub, hello(&STRANGER, TOKEN, 1));
    assert!(matches!(&answer[..], [Message::Welcome(_), Message::Synced]), "{answer:?}");
    for _ in 0..60 {
        world.advance(secs(5));
        world.say(&mut wire, &Message::Heartbeat);
    }
    assert_eq!(link_story(&world.host(hub).take_events()), [] as [&str; 0]);
    world.say(&mut wire, &Message::Synced);
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events()), ["active"]);
}

#[test]
fn a_hub_that_never_completes_its_snapshot_never_makes_a_link_active() {
    let mut world = World::new(9);
    let [hub, client] = ["by hand", "client"].map(|label| world.process(label));
    world.listen_by_hand(hub);
    world.connect(client, hub);
    world.settle();
    let mut wire = world.accept_by_hand(hub).expect("the client dials");
    let Some(Message::Hello(greeting)) = world.hear(&mut wire).pop() else { panic!("no greeting") };
    let welcome = Hello { role: Role::Server, process: STRANGER.process(), ..greeting };
    world.say(&mut wire, &Message::Welcome(welcome));
    for _ in 0..60 {
        world.advance(secs(5));
        world.say(&mut wire, &Message::Heartbeat);
    }
    assert_eq!(link_story(&world.host(client).take_events()), [] as [&str; 0]);
    world.say(&mut wire, &Message::Synced);
    world.settle();
    assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
}

#[test]
fn an_attempt_that_is_not_newer_is_stale_and_another_connect_is_already_connected() {
    let mut world = World::new(10);
    let [hub, bystander] = hub_and_bystander(&mut world);
    let (mut first, _) = greet(&mut world, hub, hello(&STRANGER, TOKEN, 3));
    world.say(&mut first, &Message::Synced);
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events()), ["active"]);
    let others = [
        (hello(&STRANGER, TOKEN, 3), "stale"),
        (hello(&STRANGER, TOKEN, 2), "stale"),
        (hello(&STRANGER, LinkToken([8; 16]), 4), "already-connected"),
    ];
    for (other, reason) in others {
        let (_, answer) = greet(&mut world, hub, other);
        assert_eq!(refused(&answer).name(), reason);
        assert_eq!(link_story(&world.host(hub).take_events()), [format!("failed {reason}")]);
    }
    world.say(&mut first, &Message::Flush { token: 5 });
    world.settle();
    assert_eq!(world.hear(&mut first), [Message::Flushed { token: 5 }], "the first is untouched");
    assert_eq!(link_story(&world.host(bystander).take_events()), [] as [&str; 0]);
}

#[test]
fn a_newer_attempt_of_the_same_link_replaces_it_completely_before_its_snapshot() {
    let mut world = World::new(11);
    let [hub, client, other] = ["hub", "client", "other"].map(|label| world.process(label));
    let second = secs(1);
    world.hub_with(hub, "", Heartbeat { interval: second, dead: secs(60) });
    let impatient = Heartbeat { interval: second, dead: secs(3) };
    world.connect_with(client, hub, "", Retry::Backoff, impatient);
    world.connect(other, hub);
    let service = netsvc_core::NewService {
        groups: vec!["sensors".into()],
        ..netsvc_testkit::service("thermometer")
    };
    let (_, id) = world.create_with(client, service);
    world.advance(second);
    world.watch_all(hub);
    let watch = world.watch_all(other);
    for node in [hub, client, other] {
        world.settle();
        world.host(node).take_events();
    }

    // A half-open connection: the client gives it up, the hub does not know.
    world.freeze(hub, client, true);
    world.advance(secs(5));
    let told = world.host(client).take_events();
    assert_eq!(link_story(&told), ["inactive heartbeat-lost", "active"]);
    let returned = [
        "left thermometer sensors",
        "withdrawn thermometer",
        "inactive replaced",
        "available thermometer",
        "joined thermometer sensors",
        "active",
    ];
    assert_eq!(story(&world.host(hub).take_events()), returned);
    let told = netsvc_testkit::Told::of(world.host(other).take_events());
    let seen: Vec<_> = told
        .changes_of(watch)
        .iter()
        .map(|change| (change.status as u8, change.service.as_ref().unwrap().id))
        .collect();
    assert_eq!(seen, [(3, id), (1, id), (0, id), (2, id)]);
}

#[test]
fn commands_that_contradict_an_exchange_are_refused() {
    let mut world = World::new(12);
    let [hub, client] = ["hub", "client"].map(|label| world.process(label));
    let server = world.hub(hub, "");
    let link = world.connect(client, hub);
    world.settle();
    let exchange = link_event(&world.host(client).take_events()[0]).unwrap().exchange;
    let now = world.now();

    let again = world.at(client).connect(now, exchange, Retry::Backoff, TOKEN);
    assert_eq!(again, Err(CommandError::AlreadyConnected));
    let second = world.at(client).create_exchange(Role::Client, "", Heartbeat::default());
    assert_eq!(second, Err(CommandError::ExchangeExists { group: String::new() }));
    let second = world.at(hub).create_exchange(Role::Client, "", Heartbeat::default());
    assert_eq!(second, Err(CommandError::ExchangeExists { group: String::new() }));
    let error = world.at(hub).connect(now, server, Retry::Backoff, TOKEN).unwrap_err();
    assert_eq!(error, CommandError::Role { operation: "connect", role: "server" });
    let error = world.at(client).check_listen(exchange).unwrap_err();
    assert_eq!(error, CommandError::Role { operation: "listen", role: "client" });

    world.advance(secs(60));
    assert_eq!(link_story(&world.host(client).take_events()), [] as [&str; 0]);
    let now = world.now();
    world.at(client).close_link(now, link, secs(1));
    world.settle();
    world.host(client).take_events();
    world.connect_exchange(client, exchange, hub, Retry::Backoff);
    world.settle();
    assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
}

#[test]
fn processes_with_the_same_label_are_distinct() {
    let mut world = World::new(13);
    let hub = world.process("hub");
    world.hub(hub, "");
    let twins = [world.process("gateway:1"), world.process("gateway:1")];
    for twin in twins {
        world.connect(twin, hub);
    }
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events()), ["active", "active"]);
}
