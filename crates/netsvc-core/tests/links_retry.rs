//! Promise 1: when a link that is down is tried again, seen through real outages.

#![allow(clippy::expect_used)] // a test may fail by panicking, in its helpers too

use std::time::Duration;

use netsvc_core::{Event, Heartbeat, LinkEvent, Retry, Time};
use netsvc_testkit::{Node, World, link_story};

const LONG: Duration = Duration::from_secs(20);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn two(world: &mut World) -> [Node; 2] {
    ["hub", "client"].map(|label| world.process(label))
}

/// The next failed attempt or loss, with the delay until the next attempt.
fn next_failure(world: &mut World, node: Node) -> (Time, LinkEvent, Duration) {
    let (now, event) = world.next_link_event(node, LONG).expect("something happens");
    let (Event::AttemptFailed(about) | Event::LinkInactive(about)) = event else {
        panic!("not a failure: {event:?}")
    };
    let delay = about.retry_in.expect("it is tried again");
    (now, about, delay)
}

#[test]
fn an_outage_is_tried_at_once_then_often_for_ten_seconds_then_ever_slower_for_ever() {
    for seed in 1..10 {
        let mut world = World::new(seed);
        let [hub, client] = two(&mut world);
        let began = world.now();
        let mut due = began;
        let mut longest = millis(250);
        world.connect(client, hub);
        for attempt in 1..=150 {
            let (now, about, delay) = next_failure(&mut world, client);
            assert_eq!(now, due, "an attempt is made when it was announced");
            assert_eq!(about.attempt, attempt);
            assert_eq!(about.reason.unwrap().code.name(), "connect-failed");
            let expected = if attempt == 1 {
                Duration::ZERO..=millis(100)
            } else if now.since(began) < secs(10) {
                millis(125)..=millis(250)
            } else {
                longest = (longest * 2).min(secs(5));
                longest / 2..=longest
            };
            assert!(expected.contains(&delay), "attempt {attempt}: {delay:?} not in {expected:?}");
            due = now + delay;
        }
        assert_eq!(longest, secs(5));
    }
}

#[test]
fn a_hub_that_returns_within_ten_seconds_is_found_within_a_quarter_of_a_second() {
    let mut world = World::new(2);
    let [hub, client] = two(&mut world);
    world.connect(client, hub);
    world.advance(secs(8));
    world.host(client).take_events();
    world.hub(hub, "");
    world.advance(millis(260));
    assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
}

#[test]
fn the_schedule_starts_anew_after_a_second_active_and_not_before() {
    for (active, anew) in [(millis(900), false), (millis(1100), true), (secs(11), true)] {
        let mut world = World::new(3);
        let [hub, client] = two(&mut world);
        world.connect(client, hub);
        world.advance(secs(60));
        world.host(client).take_events();
        world.hub(hub, "");
        assert!(world.until(secs(6), |world| !world.host(client).events.is_empty()));
        assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
        world.advance(active);
        world.cut(hub, client);
        let (_, _, delay) = next_failure(&mut world, client);
        if anew {
            assert!(delay <= millis(100), "{delay:?}");
        } else {
            assert!(delay >= millis(2500), "{delay:?}");
        }
    }
}

#[test]
fn a_hub_in_a_crash_loop_is_found_early_in_each_of_its_lives() {
    for seed in 1..10 {
        let mut world = World::new(seed);
        let [hub, client] = two(&mut world);
        world.connect(client, hub);
        for life in 0..40 {
            world.hub(hub, "");
            world.advance(millis(300));
            let story = link_story(&world.host(client).take_events());
            assert_eq!(story.last().map(String::as_str), Some("active"), "life {life}: {story:?}");
            world.advance(millis(2700));
            world.restart(hub);
            world.advance(millis(1500));
        }
    }
}

#[test]
fn a_link_that_keeps_breaking_is_not_tried_often_for_ever() {
    let mut world = World::new(4);
    let [hub, client] = two(&mut world);
    world.hub(hub, "");
    world.connect(client, hub);
    let began = world.now();
    let mut delay = Duration::ZERO;
    while world.now().since(began) < secs(120) {
        let active = |world: &mut World| link_story(&world.host(client).events) == ["active"];
        assert!(world.until(LONG, active));
        world.host(client).take_events();
        world.advance(millis(900));
        world.cut(hub, client);
        delay = next_failure(&mut world, client).2;
    }
    assert!(delay >= millis(2500), "{delay:?}");
}

#[test]
fn a_refusal_is_followed_by_the_longest_delay() {
    let mut world = World::new(5);
    let [hub, client] = two(&mut world);
    world.hub(hub, "other group");
    world.connect(client, hub);
    for _ in 0..20 {
        let (_, about, delay) = next_failure(&mut world, client);
        assert_eq!(about.reason.unwrap().code.name(), "group-mismatch");
        assert!((millis(2500)..=secs(5)).contains(&delay), "{delay:?}");
    }
}

#[test]
fn a_fixed_delay_is_kept_after_failures_refusals_and_losses() {
    let mut world = World::new(6);
    let [hub, client] = two(&mut world);
    let fixed = millis(1500);
    world.connect_with(client, hub, "", Retry::Fixed(fixed), Heartbeat::default());
    let mut due = world.now();
    for _ in 0..30 {
        let (now, _, delay) = next_failure(&mut world, client);
        assert_eq!((now, delay), (due, fixed));
        due = now + delay;
    }
    let refusing = world.hub(hub, "other group");
    assert_eq!(next_failure(&mut world, client).2, fixed);
    let now = world.now();
    world.at(hub).close_exchange(now, refusing, Duration::ZERO);
    world.hub(hub, "");
    world.advance(secs(4));
    assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
    world.cut(hub, client);
    assert_eq!(next_failure(&mut world, client).2, fixed);
}

#[test]
fn a_fixed_delay_is_ten_milliseconds_at_least() {
    let mut world = World::new(7);
    let [hub, client] = two(&mut world);
    let retry = Retry::Fixed(Duration::from_nanos(1));
    world.connect_with(client, hub, "", retry, Heartbeat::default());
    for _ in 0..3 {
        assert_eq!(next_failure(&mut world, client).2, millis(10));
    }
}

#[test]
fn without_retry_a_failed_attempt_closes_the_link() {
    let mut world = World::new(8);
    let [hub, client] = two(&mut world);
    world.connect_with(client, hub, "", Retry::Once, Heartbeat::default());
    world.hub(hub, "other group");
    world.advance(secs(60));
    let told = world.host(client).take_events();
    assert_eq!(link_story(&told), ["failed group-mismatch", "closed group-mismatch"]);
    for table in ["links", "connections", "timers"] {
        assert_eq!(world.table(client, table), 0, "{table}");
    }
}

#[test]
fn without_retry_a_loss_closes_the_link() {
    let mut world = World::new(9);
    let [hub, client] = two(&mut world);
    world.hub(hub, "");
    world.connect_with(client, hub, "", Retry::Once, Heartbeat::default());
    world.settle();
    world.cut(hub, client);
    world.advance(secs(60));
    let told = world.host(client).take_events();
    let expected = ["active", "inactive connection-lost", "closed connection-lost"];
    assert_eq!(link_story(&told), expected);
    assert_eq!(link_story(&world.host(hub).take_events()), ["active", "inactive connection-lost"]);
}

#[test]
fn closing_a_link_that_waits_ends_the_attempts() {
    let mut world = World::new(10);
    let [hub, client] = two(&mut world);
    let link = world.connect(client, hub);
    world.advance(secs(60));
    world.host(client).take_events();
    let now = world.now();
    world.at(client).close_link(now, link, secs(1));
    world.advance(secs(60));
    assert_eq!(link_story(&world.host(client).take_events()), ["closed closed"]);
    assert_eq!(world.at(client).poll_wake(), Time::NEVER);
}
