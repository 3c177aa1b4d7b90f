//! Promises 3 and 4: both ends of a link hear of each connect, each loss and each failed attempt,
//! with the peer and the reason; `active` comes after the peer's announcements.

use std::time::Duration;

use netsvc_core::{Event, ReasonCode};
use netsvc_testkit::{Node, World, link_event, link_story, story};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn two(world: &mut World) -> [Node; 2] {
    ["hub", "client"].map(|label| world.process(label))
}

#[test]
fn both_ends_hear_of_a_connect_and_its_loss_with_peer_and_reason() {
    let mut world = World::new(1);
    let [hub, client] = two(&mut world);
    let server = world.hub(hub, "");
    let link = world.connect(client, hub);
    world.settle();
    world.cut(hub, client);
    world.settle();

    let ids = [hub, client].map(|node| world.at(node).id());
    for (node, peer, label) in [(hub, ids[1], "client"), (client, ids[0], "hub")] {
        let events = world.host(node).take_events();
        assert_eq!(link_story(&events)[..2], ["active", "inactive connection-lost"]);
        for event in &events[..2] {
            let about = link_event(event).unwrap();
            let told = about.peer.as_ref().expect("the peer is known");
            assert_eq!((told.process, &*told.label), (peer, label));
            assert_eq!((&*about.address, about.attempt), ("virtual", 1));
            let retries = node == client && matches!(event, Event::LinkInactive(_));
            assert_eq!(about.retry_in.is_some(), retries, "only who connects connects again");
            if node == hub {
                assert_eq!(about.exchange, server);
            } else {
                assert_eq!(about.link, link);
            }
        }
    }
}

#[test]
fn a_link_keeps_its_number_and_counts_the_attempts_of_each_outage_from_one() {
    let mut world = World::new(2);
    let [hub, client] = two(&mut world);
    let link = world.connect(client, hub);
    world.advance(secs(1));
    let failed = world.host(client).take_events();
    let server = world.hub(hub, "");
    world.advance(secs(30));
    let told = world.host(client).take_events();
    assert_eq!(link_story(&told), ["active"]);
    assert_eq!(link_event(&told[0]).unwrap().attempt as usize, failed.len() + 1);
    world.stop_listening(hub);
    world.cut(hub, client);
    world.advance(secs(1));
    let told = world.host(client).take_events();
    let attempts: Vec<u32> =
        told[1..].iter().map(|event| link_event(event).unwrap().attempt).collect();
    assert_eq!(attempts, (1..=attempts.len() as u32).collect::<Vec<_>>());
    assert!(attempts.len() > 3, "{told:?}");
    for event in failed.iter().chain(&told) {
        assert_eq!(link_event(event).unwrap().link, link);
    }
    assert!(world.at(hub).check_listen(server).is_ok());
}

#[test]
fn failed_attempts_are_reported_with_reason_and_time_of_the_next() {
    let mut world = World::new(3);
    let [hub, client] = two(&mut world);
    world.connect(client, hub);
    world.settle();
    let events = world.host(client).take_events();
    let Some(Event::AttemptFailed(about)) = events.first() else { panic!("{events:?}") };
    let reason = about.reason.as_ref().unwrap();
    assert_eq!((reason.code, &*reason.message), (ReasonCode::ConnectFailed, "nobody listens"));
    assert_eq!(about.peer, None);
    assert!(about.retry_in.is_some());
}

#[test]
fn active_comes_after_the_announcements_at_both_ends_however_slowly_they_come() {
    let mut world = World::new(4);
    world.piece = 1;
    world.capacity = 100;
    let [hub, client] = two(&mut world);
    for number in 0..50 {
        world.create(hub, &format!("hub {number}"));
        world.create(client, &format!("client {number}"));
    }
    for node in [hub, client] {
        world.watch_all(node);
        world.settle();
        world.host(node).take_events();
    }
    world.hub(hub, "");
    world.connect(client, hub);
    world.settle();
    for (node, other) in [(hub, "client"), (client, "hub")] {
        let mut expected: Vec<_> = (0..50).map(|no| format!("available {other} {no}")).collect();
        expected.push("active".to_owned());
        assert_eq!(story(&world.host(node).take_events()), expected);
    }
}

#[test]
fn a_service_created_while_the_snapshot_is_sent_is_announced_once() {
    let mut world = World::new(5);
    world.capacity = 100;
    let [hub, client] = two(&mut world);
    for number in 0..20 {
        world.create(client, &format!("early {number}"));
    }
    let watch = world.watch_all(hub);
    world.hub(hub, "");
    world.connect(client, hub);
    let partly = |world: &mut World| {
        let told = &world.host(hub).events;
        told.len() > 5
    };
    assert!(world.until(secs(5), partly));
    assert!(!link_story(&world.host(hub).events).contains(&"active".to_owned()));
    world.create(client, "late");
    world.settle();
    let told = story(&world.host(hub).take_events());
    assert_eq!(told.iter().filter(|what| *what == "available late").count(), 1, "{watch:?}");
    assert_eq!(told.iter().filter(|what| what.starts_with("available")).count(), 21);
}

#[test]
fn a_loss_before_the_snapshot_is_complete_is_a_failed_attempt_and_leaves_nothing() {
    let mut world = World::new(6);
    world.capacity = 100;
    let [hub, client] = two(&mut world);
    for number in 0..20 {
        world.create(client, &format!("service {number}"));
    }
    world.hub(hub, "");
    world.watch_all(hub);
    world.connect(client, hub);
    assert!(world.until(secs(5), |world| world.host(hub).events.len() > 5));
    world.stop_listening(hub);
    world.cut(hub, client);
    world.settle();
    let told = story(&world.host(hub).take_events());
    let count = |word: &str| told.iter().filter(|what| what.starts_with(word)).count();
    assert_eq!(told.last().unwrap(), "failed connection-lost");
    assert!(count("available") > 0);
    assert_eq!(count("available"), count("withdrawn"));
    for table in ["services", "processes", "links", "connections"] {
        assert_eq!(world.table(hub, table), usize::from(table == "processes"), "{table}");
    }
}
