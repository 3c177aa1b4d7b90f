//! Promise 5: who shows when that it is alive, when a peer is given up, and that neither a stopped
//! process nor a busy application is mistaken for a dead peer.

use std::time::Duration;

use netsvc_core::wire::{Hello, Message};
use netsvc_core::{ConnId, Heartbeat, LinkToken, ProcessSecret, Retry, Time};
use netsvc_testkit::{Node, Wire, World, hello, link_story};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn linked(world: &mut World, hub_beats: Heartbeat, client_beats: Heartbeat) -> [Node; 2] {
    let [hub, client] = ["hub", "client"].map(|label| world.process(label));
    world.hub_with(hub, "", hub_beats);
    world.connect_with(client, hub, "", Retry::Backoff, client_beats);
    world.settle();
    for node in [hub, client] {
        assert_eq!(link_story(&world.host(node).take_events()), ["active"]);
    }
    [hub, client]
}

/// A hub with a client driven by hand, whose longest silence is `interval`.
fn by_hand(world: &mut World, interval: Duration) -> (Node, Wire) {
    let hub = world.process("hub");
    world.hub(hub, "");
    let mut wire = world.dial(hub);
    let hello = hello(&ProcessSecret::new([0xee; 32]), LinkToken([7; 16]), 1);
    world.say(&mut wire, &Message::Hello(Hello { heartbeat: interval, ..hello }));
    world.say(&mut wire, &Message::Synced);
    world.settle();
    world.hear(&mut wire);
    assert_eq!(link_story(&world.host(hub).take_events()), ["active"]);
    (hub, wire)
}

fn is_silent(world: &mut World, node: Node) -> bool {
    link_story(&world.host(node).events).is_empty()
}

#[test]
fn a_heartbeat_is_sent_after_five_seconds_of_sending_nothing_whatever_is_received() {
    let mut world = World::new(1);
    let (_, mut wire) = by_hand(&mut world, secs(5));
    let mut heard = Vec::new();
    for _ in 0..60 {
        world.say(&mut wire, &Message::Heartbeat);
        world.advance(secs(1));
        heard.extend(world.hear(&mut wire));
    }
    let beats = heard.iter().filter(|message| **message == Message::Heartbeat).count();
    assert_eq!(beats, heard.len());
    assert!((11..=12).contains(&beats), "{beats} heartbeats in a minute");
}

#[test]
fn no_heartbeat_is_sent_while_something_else_is() {
    let mut world = World::new(2);
    let (_, mut wire) = by_hand(&mut world, secs(5));
    for token in 0..20 {
        world.say(&mut wire, &Message::Flush { token });
        world.advance(secs(4));
        assert_eq!(world.hear(&mut wire), [Message::Flushed { token }]);
    }
}

#[test]
fn a_silent_peer_is_given_up_after_fifteen_seconds_or_three_of_its_intervals_if_longer() {
    for (interval, patience) in [(1, 15), (5, 15), (10, 30)] {
        let mut world = World::new(3);
        let (hub, mut wire) = by_hand(&mut world, secs(interval));
        world.advance(secs(4));
        world.say(&mut wire, &Message::Heartbeat);
        world.settle();
        let last = world.now();
        let (died, _) = world.next_link_event(hub, secs(60)).expect("it is given up");
        assert_eq!(died, last + secs(patience));
        world.settle();
        let last = world.hear(&mut wire).pop();
        assert!(
            matches!(&last, Some(Message::Goodbye(reason)) if reason.code.name() == "heartbeat-lost"),
            "{last:?}"
        );
    }
}

#[test]
fn a_peer_is_suspect_exactly_when_it_would_be_given_up() {
    let mut world = World::new(3);
    let (hub, mut wire) = by_hand(&mut world, secs(5));
    world.say(&mut wire, &Message::Heartbeat);
    world.settle();
    let is_suspect = |world: &mut World, after: Duration| {
        let then = world.now() + after;
        (0..100).any(|conn| world.at(hub).is_suspect(then, ConnId(conn)))
    };
    let almost = secs(15).checked_sub(Duration::from_micros(1)).unwrap_or_default();
    assert!(!is_suspect(&mut world, almost));
    assert!(is_suspect(&mut world, secs(15)));
    world.advance(secs(10));
    assert!(is_suspect(&mut world, secs(5)));
    // Whoever reads what has arrived saves it.
    world.say_bytes(&wire, &[0x06]);
    world.settle();
    assert!(!is_suspect(&mut world, almost));
    assert!(is_suspect(&mut world, secs(15)));
}

#[test]
fn any_byte_counts_as_a_sign_of_life() {
    let mut world = World::new(4);
    let (hub, mut wire) = by_hand(&mut world, secs(5));
    // One frame, a byte every ten seconds.
    for byte in [0x06, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0] {
        world.advance(secs(10));
        world.say_bytes(&wire, &[byte]);
    }
    world.settle();
    assert!(is_silent(&mut world, hub));
    assert_eq!(world.hear(&mut wire).pop(), Some(Message::Flushed { token: 9 }));
}

#[test]
fn a_frozen_link_is_given_up_by_both_ends_within_fifteen_seconds() {
    let mut world = World::new(5);
    let [hub, client] = linked(&mut world, Heartbeat::default(), Heartbeat::default());
    world.advance(secs(7));
    let frozen = world.now();
    world.stop_listening(hub);
    world.freeze(hub, client, true);
    for node in [hub, client] {
        let (died, event) = world.next_link_event(node, secs(20)).expect("it is given up");
        assert_eq!(link_story(&[event]), ["inactive heartbeat-lost"]);
        let after = died.since(frozen);
        assert!(after > secs(10) && after <= secs(15), "{after:?}");
    }
}

#[test]
fn an_idle_link_stays_for_hours_with_any_interval() {
    for interval in [1, 5, 9, 10, 11, 30, 100] {
        let mut world = World::new(6);
        let beats = Heartbeat { interval: secs(interval), dead: secs(3 * interval) };
        let [hub, client] = linked(&mut world, beats, beats);
        world.advance(secs(2 * 60 * 60));
        for node in [hub, client] {
            let told = link_story(&world.host(node).take_events());
            assert!(told.is_empty(), "{told:?} with an interval of {interval} s");
        }
    }
}

#[test]
fn a_process_stopped_for_a_minute_reads_before_it_judges_if_its_peer_kept_the_link() {
    for timers_first in [false, true] {
        let mut world = World::new(7);
        world.timers_first = timers_first;
        let patient = Heartbeat { interval: secs(5), dead: secs(600) };
        let [hub, client] = linked(&mut world, patient, Heartbeat::default());
        world.create(client, "thermometer");
        world.settle();
        world.host(client).stopped = true;
        world.advance(secs(60));
        world.host(client).stopped = false;
        world.advance(secs(60));
        for node in [hub, client] {
            let told = link_story(&world.host(node).take_events());
            assert!(told.is_empty(), "{told:?}, timers first: {timers_first}");
        }
    }
}

#[test]
fn a_hub_stopped_for_a_minute_keeps_the_links_that_its_clients_kept() {
    for timers_first in [false, true] {
        let mut world = World::new(8);
        world.timers_first = timers_first;
        let patient = Heartbeat { interval: secs(5), dead: secs(600) };
        let [hub, client] = linked(&mut world, Heartbeat::default(), patient);
        let hasty = world.process("hasty");
        world.connect(hasty, hub);
        world.settle();
        world.host(hub).take_events();
        world.host(hasty).take_events();
        world.host(hub).stopped = true;
        world.advance(secs(60));
        world.host(hub).stopped = false;
        world.advance(secs(60));
        assert!(is_silent(&mut world, client));
        // The other one gave the hub up, could not get through, and is back.
        let told = link_story(&world.host(hasty).take_events());
        assert_eq!(told.first().unwrap(), "inactive heartbeat-lost");
        assert!(told[1..told.len() - 1].iter().all(|what| what == "failed connect-timeout"));
        assert_eq!(told.last().unwrap(), "active");
        let told = link_story(&world.host(hub).take_events());
        assert_eq!(told.first().unwrap(), "inactive heartbeat-lost", "told by the one that left");
        assert_eq!(told.last().unwrap(), "active");
    }
}

#[test]
fn a_process_stopped_too_long_sees_that_its_peer_left_and_comes_back() {
    for timers_first in [false, true] {
        let mut world = World::new(9);
        world.timers_first = timers_first;
        let [hub, client] = linked(&mut world, Heartbeat::default(), Heartbeat::default());
        world.host(client).stopped = true;
        world.advance(secs(60));
        assert_eq!(link_story(&world.host(hub).take_events()), ["inactive heartbeat-lost"]);
        world.host(client).stopped = false;
        world.advance(secs(1));
        let told = link_story(&world.host(client).take_events());
        assert_eq!(told, ["inactive heartbeat-lost", "active"]);
        assert_eq!(link_story(&world.host(hub).take_events()), ["active"]);
    }
}

#[test]
fn after_a_pause_a_peer_that_is_dead_indeed_is_given_up_soon() {
    for timers_first in [false, true] {
        let mut world = World::new(10);
        world.timers_first = timers_first;
        let [hub, client] = linked(&mut world, Heartbeat::default(), Heartbeat::default());
        world.freeze(hub, client, true);
        world.stop_listening(hub);
        world.host(client).stopped = true;
        world.advance(secs(60));
        world.host(client).stopped = false;
        let resumed = world.now();
        let (died, event) = world.next_link_event(client, secs(10)).expect("it is given up");
        assert_eq!(link_story(&[event]), ["inactive heartbeat-lost"]);
        assert!(died.since(resumed) <= secs(2), "{:?}", died.since(resumed));
    }
}

#[test]
fn a_busy_application_loses_no_link() {
    let mut world = World::new(11);
    let [hub, client] = linked(&mut world, Heartbeat::default(), Heartbeat::default());
    world.host(hub).listening = false;
    world.host(client).listening = false;
    world.advance(secs(10 * 60));
    world.create(client, "thermometer");
    world.advance(secs(10 * 60));
    for node in [hub, client] {
        world.host(node).listening = true;
        world.settle();
        assert!(is_silent(&mut world, node));
    }
    assert_eq!(world.at(hub).lookup(&netsvc_core::Filter::default()).len(), 1);
    assert!(world.at(hub).poll_wake() > world.now());
}

#[test]
fn a_process_without_links_asks_for_no_wake_up() {
    let mut world = World::new(12);
    let [hub, client] = ["hub", "client"].map(|label| world.process(label));
    world.hub(hub, "");
    assert_eq!(world.at(hub).poll_wake(), Time::NEVER);
    let link = world.connect(client, hub);
    world.settle();
    let now = world.now();
    world.at(client).close_link(now, link, secs(5));
    world.settle();
    assert_eq!([hub, client].map(|node| world.at(node).poll_wake()), [Time::NEVER; 2]);
}
