//! Promise 6 as far as the core keeps it: closing writes what is queued, for a bounded time, says
//! goodbye, and leaves nothing behind.

use std::time::Duration;

use netsvc_core::wire::Message;
use netsvc_core::{Content, Lifetime, ReasonCode, Time};
use netsvc_testkit::{Node, Verbs, World, link_event, link_story, story};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn two(world: &mut World) -> [Node; 2] {
    let [hub, client] = ["hub", "client"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(client, hub);
    world.settle();
    [hub, client]
}

#[test]
fn what_was_queued_arrives_before_the_goodbye() {
    let mut world = World::new(1);
    world.capacity = 1000;
    let [hub, client] = two(&mut world);
    let (no, _) = world.create(client, "thermometer");
    let subscription = world.subscribe(hub, "thermometer", "*");
    world.settle();
    let events = world.host(client).take_events();
    let link = events.iter().find_map(link_event).unwrap().link;
    world.host(hub).take_events();
    for _ in 0..200 {
        let (now, content) = (world.now(), Content::raw(vec![0; 500]));
        world.at(client).report(now, no, "subject", content, Lifetime::None).unwrap();
    }
    let now = world.now();
    world.at(client).close_link(now, link, secs(5));
    world.settle();
    let events = world.host(hub).take_events();
    let told = netsvc_testkit::Told::of(events.clone());
    assert_eq!(told.sequences(subscription), (1..=200).collect::<Vec<_>>());
    assert_eq!(link_story(&events), ["inactive peer-closed"]);
    let told = link_story(&world.host(client).take_events());
    assert_eq!(told, ["inactive closed", "closed closed"]);
    assert_eq!(world.table(client, "connections"), 0);
    world.advance(secs(60));
    assert_eq!(link_story(&world.host(client).take_events()), [] as [&str; 0], "it stays closed");
}

#[test]
fn a_response_given_before_closing_arrives() {
    let mut world = World::new(2);
    let [hub, client] = two(&mut world);
    world.create(client, "thermometer");
    world.settle();
    world.ask(hub, 1, "thermometer", "");
    let told = world.told(client);
    world.respond(client, told.only_invocation().call, "21");
    let link = told.others.iter().find_map(link_event).unwrap().link;
    let now = world.now();
    world.host(hub).take_events();
    world.at(client).close_link(now, link, secs(5));
    world.settle();
    let told = story(&world.host(hub).take_events());
    assert_eq!(told, ["outcome 1 response", "inactive peer-closed"]);
}

#[test]
fn closing_a_hub_says_goodbye_to_all_and_ends_with_exchange_closed() {
    let mut world = World::new(3);
    let [hub, one, two] = ["hub", "one", "two"].map(|label| world.process(label));
    let exchange = world.hub(hub, "");
    for client in [one, two] {
        world.connect(client, hub);
        world.create(client, "service");
    }
    world.settle();
    let clients = [one, two];
    for node in [hub, one, two] {
        world.host(node).take_events();
    }
    let now = world.now();
    world.at(hub).close_exchange(now, exchange, secs(5));
    world.settle();
    let told = link_story(&world.host(hub).take_events());
    assert_eq!(told, ["inactive closed", "inactive closed", "exchange closed"]);
    assert_eq!(world.table(hub, "services"), 0);
    for client in clients {
        let told = link_story(&world.host(client).take_events());
        assert_eq!(told[0], "inactive peer-closed");
        assert!(told[1..].iter().all(|what| what == "failed connect-failed"), "{told:?}");
        assert_eq!(world.table(client, "services"), 1);
    }
}

#[test]
fn draining_ends_at_its_deadline_if_the_peer_does_not_read() {
    let mut world = World::new(4);
    let [hub, client] = two(&mut world);
    let events = world.host(client).take_events();
    let exchange = events.iter().find_map(link_event).unwrap().exchange;
    world.host(hub).stopped = true;
    let began = world.now();
    world.at(client).close_exchange(began, exchange, secs(3));
    let closed = |world: &mut World| {
        link_story(&world.host(client).events).contains(&"exchange closed".to_owned())
    };
    assert!(world.until(secs(60), closed));
    assert_eq!(world.now(), began + secs(3));
    assert_eq!(world.at(client).poll_wake(), Time::NEVER);
}

#[test]
fn when_both_ends_close_neither_waits_for_the_other() {
    let mut world = World::new(9);
    world.capacity = 1000;
    let [hub, client] = two(&mut world);
    let (no, _) = world.create(client, "thermometer");
    world.subscribe(hub, "thermometer", "*");
    world.settle();
    for _ in 0..20 {
        let (now, content) = (world.now(), Content::raw(vec![0; 500]));
        world.at(client).report(now, no, "subject", content, Lifetime::None).unwrap();
    }
    let began = world.now();
    for node in [hub, client] {
        world.at(node).close(began, secs(5));
    }
    world.settle();
    assert!(world.now().since(began) < secs(1));
    for node in [hub, client] {
        let told = link_story(&world.host(node).take_events());
        assert_eq!(told.last().unwrap(), "exchange closed");
        assert_eq!(world.table(node, "connections"), 0);
    }
}

#[test]
fn an_exchange_without_connections_is_closed_at_once() {
    let mut world = World::new(5);
    let [hub, client] = ["hub", "client"].map(|label| world.process(label));
    let server = world.hub(hub, "");
    world.connect(client, hub);
    world.stop_listening(hub);
    world.advance(secs(1));
    let events = world.host(client).take_events();
    let exchange = events.iter().find_map(link_event).unwrap().exchange;
    let now = world.now();
    world.at(hub).close_exchange(now, server, secs(5));
    world.at(client).close_exchange(now, exchange, secs(5));
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events()), ["exchange closed"]);
    assert_eq!(world.now(), now);
    assert_eq!(link_story(&world.host(client).take_events()), ["closed closed", "exchange closed"]);
}

#[test]
fn a_peer_in_its_handshake_is_refused_when_the_hub_closes() {
    let mut world = World::new(6);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let mut wire = world.dial(hub);
    world.settle();
    let now = world.now();
    world.at(hub).close_exchange(now, exchange, secs(5));
    world.settle();
    let heard = world.hear(&mut wire);
    let refused =
        matches!(&heard[..], [Message::Refuse(reason)] if reason.code == ReasonCode::Closing);
    assert!(refused, "{heard:?}");
    world.hang_up(&wire);
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events()), ["failed closed", "exchange closed"]);
}

#[test]
fn closing_twice_is_closing_once() {
    let mut world = World::new(7);
    let [hub, client] = two(&mut world);
    let events = world.host(client).take_events();
    let about = events.iter().find_map(link_event).unwrap();
    let now = world.now();
    for _ in 0..2 {
        world.at(client).close_link(now, about.link, secs(5));
    }
    for _ in 0..2 {
        world.at(client).close_exchange(now, about.exchange, secs(5));
    }
    world.settle();
    let now = world.now();
    world.at(client).close_link(now, about.link, secs(5));
    world.at(client).close_exchange(now, about.exchange, secs(5));
    world.settle();
    let told = link_story(&world.host(client).take_events());
    assert_eq!(told, ["inactive closed", "closed closed", "exchange closed"]);
    let told = link_story(&world.host(hub).take_events());
    assert_eq!(told, ["active", "inactive peer-closed"]);
}

#[test]
fn closing_a_registry_ends_everything() {
    let mut world = World::new(8);
    let [hub, client] = two(&mut world);
    world.create(client, "thermometer");
    world.create(hub, "display");
    world.subscribe(client, "display", "*");
    world.watch_all(client);
    world.settle();
    world.ask(client, 1, "display", "");
    world.settle();
    world.host(client).take_events();
    let now = world.now();
    world.at(client).close(now, secs(5));
    world.settle();
    let told = story(&world.host(client).take_events());
    for expected in ["outcome 1 cancelled", "closed closed", "exchange closed"] {
        assert_eq!(told.iter().filter(|what| *what == expected).count(), 1, "{told:?}");
    }
    for (table, entries) in world.at(client).table_sizes() {
        assert_eq!(entries, usize::from(table == "processes"), "{table}");
    }
    assert_eq!(world.at(client).poll_wake(), Time::NEVER);
    let told = story(&world.host(hub).take_events());
    assert_eq!(told.last().unwrap(), "inactive peer-closed");
    assert_eq!(world.at(hub).lookup(&netsvc_core::Filter::default()).len(), 1);
}
