//! Promise 23, the links' side: every bound of a link and of their number holds, whoever exceeds it
//! is told why, and nobody else notices.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::time::Duration;

use netsvc_core::{Content, Lifetime, Limits, RequestCode};
use netsvc_testkit::{Node, Target, Told, Verbs, World, link_story};

const NOTHING: [&str; 0] = [];

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A hub with limits, and clients named as given, all linked.
fn star<const N: usize>(world: &mut World, limits: Limits, names: [&str; N]) -> (Node, [Node; N]) {
    let hub = world.process_with("hub", limits);
    world.hub(hub, "");
    let clients = names.map(|name| world.process(name));
    for client in clients {
        world.connect(client, hub);
        world.settle();
        assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
    }
    world.host(hub).take_events();
    (hub, clients)
}

/// Publishes reports of about a kilobyte, one after the other.
fn publish(world: &mut World, node: Node, no: netsvc_core::ServiceNo, reports: usize) {
    for _ in 0..reports {
        let (now, content) = (world.now(), Content::raw(vec![0; 1000]));
        world.at(node).report(now, no, "subject", content, Lifetime::None).unwrap();
        world.settle();
    }
}

#[test]
fn one_link_too_many_is_refused_until_another_ends() {
    let mut world = World::new(1);
    let (hub, [first, second]) =
        star(&mut world, Limits { links: 2, ..Limits::default() }, ["first", "second"]);
    let third = world.process("third");
    world.connect(third, hub);
    world.settle();
    assert_eq!(link_story(&world.host(third).take_events()), ["failed limit"]);
    assert_eq!(link_story(&world.host(hub).take_events()), ["failed limit"]);
    world.kill(first);
    world.advance(secs(6));
    assert_eq!(link_story(&world.host(third).take_events()), ["active"]);
    assert_eq!(link_story(&world.host(second).take_events()), NOTHING);
}

#[test]
fn connections_beyond_the_handshakes_wait_until_the_oldest_silent_one_has_had_its_time() {
    let mut world = World::new(2);
    let (hub, [bystander]) =
        star(&mut world, Limits { handshakes: 2, ..Limits::default() }, ["bystander"]);
    let silent = [world.dial(hub), world.dial(hub)];
    world.settle();
    let client = world.process("client");
    world.connect(client, hub);
    world.settle();
    assert_eq!(world.table(hub, "connections"), 3, "the third is not even accepted");
    assert_eq!(link_story(&world.host(client).take_events()), NOTHING);
    let began = world.now();
    let (now, event) = world.next_link_event(client, secs(10)).unwrap();
    assert_eq!(link_story(&[event]), ["active"]);
    assert!(now.since(began) <= Duration::from_millis(52), "50 ms, and the way there and back");
    assert_eq!(silent.map(|wire| world.is_hung_up(&wire)), [true, false], "the oldest");
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events()), ["failed limit", "active"]);
    assert_eq!(link_story(&world.host(bystander).take_events()), NOTHING);
}

#[test]
fn finished_and_failed_handshakes_make_room_for_others() {
    let mut world = World::new(3);
    let (hub, [_]) = star(&mut world, Limits { handshakes: 1, ..Limits::default() }, ["bystander"]);
    for _ in 0..100 {
        let wire = world.dial(hub);
        world.say_bytes(&wire, b"nonsense");
        world.settle();
        let wire = world.dial(hub);
        world.settle();
        world.hang_up(&wire);
        world.settle();
    }
    let client = world.process("client");
    world.connect(client, hub);
    world.settle();
    assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
}

#[test]
fn a_peer_with_too_many_services_is_told_to_go() {
    let mut world = World::new(4);
    let (hub, [bystander]) =
        star(&mut world, Limits { services: 3, ..Limits::default() }, ["bystander"]);
    let client = world.process("client");
    for number in 0..4 {
        world.create(client, &format!("service {number}"));
    }
    world.connect(client, hub);
    world.settle();
    let told = link_story(&world.host(hub).take_events());
    assert_eq!(told.first().unwrap(), "failed limit");
    let told = link_story(&world.host(client).take_events());
    assert_eq!(told, ["active", "inactive limit"], "the hub's own snapshot was complete before");
    assert_eq!(link_story(&world.host(bystander).take_events()), NOTHING);
}

#[test]
fn a_peer_with_too_many_interests_is_told_to_go() {
    let mut world = World::new(5);
    let (hub, [client, bystander]) =
        star(&mut world, Limits { interests: 3, ..Limits::default() }, ["client", "bystander"]);
    for number in 0..3 {
        world.subscribe(client, "service", &format!("{number}"));
    }
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events()), NOTHING);
    world.subscribe(client, "service", "one more");
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events())[0], "inactive limit");
    assert_eq!(link_story(&world.host(client).take_events())[0], "inactive limit");
    assert_eq!(link_story(&world.host(bystander).take_events()), NOTHING);
    assert_eq!(world.table(hub, "wishes"), 0);
}

#[test]
fn over_its_limit_an_outbox_drops_the_oldest_reports_and_the_link_stays() {
    let mut world = World::new(6);
    world.capacity = 4 << 10;
    let limits = Limits { outbox: 64 << 10, ..Limits::default() };
    let (hub, [publisher, slow, quick]) = star(&mut world, limits, ["publisher", "slow", "quick"]);
    let (no, _) = world.create(publisher, "thermometer");
    let [at_slow, at_quick] = [slow, quick].map(|node| world.subscribe(node, "thermometer", "*"));
    world.settle();
    world.host(slow).stopped = true;
    publish(&mut world, publisher, no, 200);
    world.host(slow).stopped = false;
    let all: Vec<u64> = (1..=200).collect();
    assert_eq!(world.told(quick).sequences(at_quick), all, "the others get everything");
    let got = world.told(slow).sequences(at_slow);
    assert_eq!(got.last(), Some(&200));
    assert!((55..=70).contains(&got.len()), "{} reports", got.len());
    let holes = got.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
    assert_eq!(holes, 1, "what was on its way, then the newest without a gap: {got:?}");
    for node in [hub, slow] {
        assert_eq!(link_story(&world.host(node).take_events()), NOTHING);
    }
}

#[test]
fn then_requests_are_answered_overloaded_and_the_link_stays() {
    let mut world = World::new(7);
    world.capacity = 4 << 10;
    let limits = Limits { outbox: 64 << 10, ..Limits::default() };
    let (hub, [provider, caller]) = star(&mut world, limits, ["provider", "caller"]);
    world.create(provider, "thermometer");
    world.settle();
    world.host(caller).take_events();
    world.host(provider).stopped = true;
    let content = "x".repeat(1000);
    for key in 0..100 {
        let target = Target::Name("thermometer".into());
        world.ask_with(caller, key, &target, &content, secs(60));
    }
    let told = world.told(caller);
    assert!((25..=45).contains(&told.outcomes.len()), "{} refused", told.outcomes.len());
    for (_, outcome) in &told.outcomes {
        let netsvc_core::Outcome::Error(error) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.code, RequestCode::Overloaded);
        assert_eq!(error.delivered, netsvc_core::Delivered::No);
    }
    world.host(provider).stopped = false;
    let invoked = world.told(provider).invoked.len();
    assert_eq!(invoked, 100 - told.outcomes.len(), "the others are on their way");
    assert_eq!(link_story(&world.host(hub).take_events()), NOTHING);
}

#[test]
fn then_a_peer_that_does_not_read_what_it_must_is_a_slow_consumer() {
    let mut world = World::new(8);
    world.capacity = 4 << 10;
    let limits = Limits { outbox: 64 << 10, services: 100_000, ..Limits::default() };
    let (hub, [slow, quick]) = star(&mut world, limits, ["slow", "quick"]);
    world.host(slow).stopped = true;
    for number in 0..1000 {
        world.create(hub, &format!("service {number}"));
        world.settle();
    }
    assert_eq!(link_story(&world.host(hub).take_events()), ["inactive slow-consumer"]);
    assert_eq!(world.at(quick).lookup(&netsvc_core::Filter::default()).len(), 1000);
    assert_eq!(link_story(&world.host(quick).take_events()), NOTHING);
    world.host(slow).stopped = false;
    world.advance(secs(1));
    let told = link_story(&world.host(slow).take_events());
    assert_eq!(told, ["inactive connection-lost", "active"]);
    assert_eq!(world.at(slow).lookup(&netsvc_core::Filter::default()).len(), 1000);
}

#[test]
fn a_peer_that_takes_no_byte_for_ten_seconds_is_a_slow_consumer_and_harms_nobody_else() {
    let mut world = World::new(9);
    world.capacity = 4 << 10;
    let (hub, [publisher, stuck, quick]) =
        star(&mut world, Limits::default(), ["publisher", "stuck", "quick"]);
    let (no, _) = world.create(publisher, "thermometer");
    for node in [stuck, quick] {
        world.subscribe(node, "thermometer", "*");
    }
    world.settle();
    world.host(stuck).stopped = true;
    let stopped = world.now();
    publish(&mut world, publisher, no, 100);
    let (ended, event) = world.next_link_event(hub, secs(20)).unwrap();
    assert_eq!(link_story(&[event]), ["inactive slow-consumer"]);
    assert!(ended.since(stopped) >= secs(10), "{:?}", ended.since(stopped));
    assert!(ended.since(stopped) <= secs(11), "{:?}", ended.since(stopped));
    let reports = Told::of(world.host(quick).take_events()).reports;
    assert_eq!(reports.values().map(Vec::len).sum::<usize>(), 100);
    assert!(world.at(hub).queued_bytes() < 1000);
}

#[test]
fn a_peer_that_reads_slowly_but_steadily_is_not_cut_off() {
    let mut world = World::new(10);
    world.capacity = 1000;
    world.delay = secs(2);
    let hub = world.process("hub");
    world.hub(hub, "");
    let [publisher, slow] = ["publisher", "slow"].map(|name| world.process(name));
    world.connect(slow, hub);
    world.delay = Duration::from_millis(1);
    world.connect(publisher, hub);
    let (no, _) = world.create(publisher, "thermometer");
    let subscription = world.subscribe(slow, "thermometer", "*");
    world.advance(secs(30));
    world.host(hub).take_events();
    for _ in 0..30 {
        let (now, content) = (world.now(), Content::raw(vec![0; 1000]));
        world.at(publisher).report(now, no, "subject", content, Lifetime::None).unwrap();
    }
    // A kilobyte every two seconds: it takes a minute.
    world.advance(secs(90));
    let told = Told::of(world.host(slow).take_events());
    assert_eq!(told.sequences(subscription).len(), 30);
    assert_eq!(link_story(&world.host(hub).take_events()), NOTHING);
}

#[test]
fn one_link_more_than_allowed_is_not_begun() {
    let mut world = World::new(11);
    let node = world.process_with("client", Limits { links: 1, ..Limits::default() });
    let hub = world.process("hub");
    world.connect_with(
        node,
        hub,
        "a",
        netsvc_core::Retry::Backoff,
        netsvc_core::Heartbeat::default(),
    );
    let role = netsvc_core::Role::Client;
    let exchange = world.at(node).create_exchange(role, "b", netsvc_core::Heartbeat::default());
    let (now, token) = (world.now(), netsvc_core::LinkToken([1; 16]));
    let error = world
        .at(node)
        .connect(now, exchange.unwrap(), netsvc_core::Retry::Backoff, token)
        .unwrap_err();
    assert_eq!(error, netsvc_core::CommandError::Limit { what: "links", limit: 1 });
}
