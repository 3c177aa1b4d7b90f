//! Promise 13's `flush`: the peer has applied everything sent before, or one hears that it may not
//! have.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::time::Duration;

use netsvc_core::wire::Message;
use netsvc_core::{
    Event, ExchangeId, Filter, FlushError, FlushId, Heartbeat, LinkToken, Retry, Role,
};
use netsvc_testkit::{Node, World, link_event};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A client exchange, linked or to be linked with a hub.
fn client(world: &mut World, hub: Node, retry: Retry) -> (Node, ExchangeId) {
    let node = world.process("client");
    let exchange = world.at(node).create_exchange(Role::Client, "", Heartbeat::default()).unwrap();
    world.connect_exchange(node, exchange, hub, retry);
    (node, exchange)
}

fn flush(world: &mut World, node: Node, exchange: ExchangeId, timeout: u64) -> FlushId {
    let now = world.now();
    world.at(node).flush(now, exchange, secs(timeout))
}

/// Ends of flushes that were told and not taken yet.
fn ends(world: &mut World, node: Node) -> Vec<(FlushId, Result<(), FlushError>)> {
    let events = world.host(node).take_events();
    let ends = events.iter().filter_map(|event| match event {
        Event::Flushed { flush, result } => Some((*flush, *result)),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_flush_is_confirmed_when_the_peer_has_applied_everything_before() {
    let mut world = World::new(1);
    world.capacity = 100;
    let hub = world.process("hub");
    world.hub(hub, "");
    let (node, exchange) = client(&mut world, hub, Retry::Backoff);
    world.settle();
    for number in 0..50 {
        world.create(node, &format!("service {number}"));
    }
    let id = flush(&mut world, node, exchange, 60);
    let ended = |world: &mut World| {
        world.host(node).events.iter().any(|event| matches!(event, Event::Flushed { .. }))
    };
    assert!(!ended(&mut world), "not before anything was sent");
    assert!(world.until(secs(60), ended));
    assert_eq!(world.at(hub).lookup(&Filter::default()).len(), 50);
    assert_eq!(ends(&mut world, node), [(id, Ok(()))]);
    assert_eq!(world.table(node, "flushes"), 0);
}

#[test]
fn a_hubs_flush_waits_for_all_its_clients() {
    let mut world = World::new(2);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let (quick, _) = client(&mut world, hub, Retry::Backoff);
    let (slow, _) = client(&mut world, hub, Retry::Backoff);
    world.settle();
    world.host(slow).stopped = true;
    let id = flush(&mut world, hub, exchange, 60);
    world.advance(secs(5));
    assert_eq!(ends(&mut world, hub), []);
    world.host(slow).stopped = false;
    world.settle();
    assert_eq!(ends(&mut world, hub), [(id, Ok(()))]);
    assert_eq!(world.table(quick, "flushes"), 0);
}

#[test]
fn a_flush_without_links_is_confirmed_at_once() {
    let mut world = World::new(3);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let id = flush(&mut world, hub, exchange, 60);
    world.settle();
    assert_eq!(ends(&mut world, hub), [(id, Ok(()))]);
}

#[test]
fn a_flush_waits_for_the_activation_of_a_link_that_is_not_active() {
    let mut world = World::new(4);
    let hub = world.process("hub");
    let (node, exchange) = client(&mut world, hub, Retry::Backoff);
    world.advance(secs(3));
    world.create(node, "thermometer");
    let id = flush(&mut world, node, exchange, 60);
    world.advance(secs(3));
    assert_eq!(ends(&mut world, node), []);
    world.hub(hub, "");
    world.advance(secs(3));
    assert_eq!(ends(&mut world, node), [(id, Ok(()))]);
    assert_eq!(world.at(hub).lookup(&Filter::default()).len(), 1);
}

#[test]
fn a_flush_fails_with_its_link() {
    let mut world = World::new(5);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let (node, own) = client(&mut world, hub, Retry::Backoff);
    world.settle();
    world.freeze(hub, node, true);
    let at_hub = flush(&mut world, hub, exchange, 60);
    let at_client = flush(&mut world, node, own, 60);
    world.advance(secs(1));
    world.freeze(hub, node, false);
    world.stop_listening(hub);
    // The end overtakes nothing: what is on its way arrives before it, its confirmation cannot.
    world.cut(hub, node);
    world.settle();
    assert_eq!(ends(&mut world, hub), [(at_hub, Err(FlushError::LinkLost))]);
    assert_eq!(ends(&mut world, node), [(at_client, Err(FlushError::LinkLost))]);
    world.advance(secs(120));
    assert_eq!(ends(&mut world, hub), [], "a flush ends once");
    assert_eq!([hub, node].map(|node| world.table(node, "flushes")), [0, 0]);
}

#[test]
fn a_flush_fails_before_its_link_is_told_inactive() {
    let mut world = World::new(6);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let (node, _) = client(&mut world, hub, Retry::Backoff);
    world.settle();
    world.host(hub).take_events();
    world.host(node).stopped = true;
    flush(&mut world, hub, exchange, 60);
    world.cut(hub, node);
    world.settle();
    let told = netsvc_testkit::story(&world.host(hub).take_events());
    assert_eq!(told, ["not flushed LinkLost", "inactive connection-lost"]);
}

#[test]
fn a_flush_fails_at_its_deadline_and_a_late_confirmation_changes_nothing() {
    let mut world = World::new(7);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let (node, own) = client(&mut world, hub, Retry::Backoff);
    world.settle();
    world.host(node).stopped = true;
    let id = flush(&mut world, hub, exchange, 3);
    let called = world.now();
    let ended = |world: &mut World| !world.host(hub).events.is_empty();
    world.host(hub).take_events();
    assert!(world.until(secs(60), ended));
    assert_eq!(world.now(), called + secs(3));
    assert_eq!(ends(&mut world, hub), [(id, Err(FlushError::Deadline))]);
    world.host(node).stopped = false;
    world.advance(secs(10));
    assert_eq!(ends(&mut world, hub), []);

    world.stop_listening(hub);
    world.cut(hub, node);
    world.settle();
    let id = flush(&mut world, node, own, 3);
    world.advance(secs(4));
    assert_eq!(ends(&mut world, node), [(id, Err(FlushError::Deadline))]);
}

#[test]
fn a_flush_that_waits_fails_when_its_link_is_closed_for_good() {
    let mut world = World::new(8);
    let hub = world.process("hub");
    let (node, exchange) = client(&mut world, hub, Retry::Backoff);
    world.settle();
    let events = world.host(node).take_events();
    let link = link_event(&events[0]).unwrap().link;
    let id = flush(&mut world, node, exchange, 60);
    let now = world.now();
    world.at(node).close_link(now, link, secs(1));
    world.settle();
    assert_eq!(ends(&mut world, node), [(id, Err(FlushError::LinkLost))]);
}

#[test]
fn a_confirmation_of_nothing_does_no_harm() {
    let mut world = World::new(9);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let mut wire = world.dial(hub);
    let hello =
        netsvc_testkit::hello(&netsvc_core::ProcessSecret::new([9; 32]), LinkToken([1; 16]), 1);
    for message in [Message::Hello(hello), Message::Synced, Message::Flushed { token: 77 }] {
        world.say(&mut wire, &message);
    }
    world.settle();
    let id = flush(&mut world, hub, exchange, 60);
    world.settle();
    let heard = world.hear(&mut wire);
    assert_eq!(heard.last(), Some(&Message::Flush { token: id.0 }));
    assert_eq!(ends(&mut world, hub), []);
    for _ in 0..2 {
        world.say(&mut wire, &Message::Flushed { token: id.0 });
    }
    world.settle();
    assert_eq!(ends(&mut world, hub), [(id, Ok(()))]);
}
