//! Promises 15 and 16: the caller's deadline decides, and travels as what is left of it; giving a
//! request up follows it hop by hop to its handler.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    AbortReason, Content, Delivered, Event, HandlerResult, Lifetime, Outcome, RequestCode,
    RequestOptions, Time,
};
use netsvc_testkit::{Target, Told, Verbs, World, assert_nothing_pending, verdict};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_deadline_ends_a_request_once_and_a_late_response_is_dropped() {
    let (mut world, hub, [provider, user]) = World::star(1);
    world.create(provider, "x");
    world.settle();
    let asked = world.now();
    world.ask_with(user, 1, &Target::Name("x".into()), "", 2 * SECOND);
    let running = world.told(provider).invoked;
    let ended = world.until(10 * SECOND, |world| !world.host(user).events.is_empty());
    assert!(ended);
    assert_eq!(world.now(), asked + 2 * SECOND, "neither earlier nor later");
    assert_eq!(verdict(&world.told(user)), (RequestCode::Deadline, Delivered::Unknown));
    assert_eq!(world.told(provider).aborted, [(running[0].call, AbortReason::Deadline)]);
    world.advance(2 * SECOND);
    world.respond(provider, running[0].call, "late");
    assert_eq!(world.told(user), Told::default());
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

/// Who has much to tell an application that takes its time tells it first what the time decided.
#[test]
fn a_deadline_that_has_passed_is_told_before_what_waits() {
    let (mut world, _, [provider, user]) = World::star(1);
    let (service, _) = world.create(provider, "x");
    world.subscribe(user, "x", "*");
    world.settle();
    world.host(user).listening = false;
    world.ask_with(user, 1, &Target::Name("x".into()), "", 2 * SECOND);
    for _ in 0..3 {
        world.publish(provider, service, "subject", Lifetime::None);
    }
    world.advance(3 * SECOND);
    let now = world.now();
    let first = world.at(user).poll_event(now);
    assert!(matches!(first, Some(Event::Outcome { key: 1, .. })), "{first:?}");
    let rest = std::iter::from_fn(|| world.at(user).poll_event(now));
    assert!(rest.filter(|event| matches!(event, Event::Report { .. })).count() == 3);
}

/// Its parts are told first, however late.
#[test]
fn the_deadline_of_a_stream_is_told_after_its_parts() {
    let (mut world, _, [provider, user]) = World::star(1);
    world.create(provider, "x");
    world.settle();
    let options = RequestOptions { parts: 4, ..RequestOptions::within(2 * SECOND) };
    world.ask_for(user, 1, &Target::Name("x".into()), "", options);
    let call = world.told(provider).only_invocation().call;
    world.host(user).listening = false;
    let now = world.now();
    world.at(provider).part(now, call, Content::raw("part")).unwrap();
    world.advance(3 * SECOND);
    let now = world.now();
    assert_eq!(world.at(user).poll_overdue(), None);
    let first = world.at(user).poll_event(now);
    assert!(matches!(first, Some(Event::Part { key: 1, .. })), "{first:?}");
    let second = world.at(user).poll_event(now);
    assert!(matches!(second, Some(Event::Outcome { key: 1, .. })), "{second:?}");
}

#[test]
fn the_handler_gets_what_is_left_after_the_time_that_each_hop_held_the_request() {
    let (mut world, _, [provider, user]) = World::star(2);
    world.create(provider, "x");
    world.settle();
    world.host(provider).listening = false;
    world.ask_with(user, 1, &Target::Name("x".into()), "", 4 * SECOND);
    world.advance(SECOND);
    world.host(provider).listening = true;
    let remaining = world.told(provider).only_invocation().remaining;
    // One second here, nothing in the two processes before; transit is not measured.
    assert_eq!(remaining, 3 * SECOND + Duration::from_millis(2));
}

#[test]
fn time_in_the_callers_and_the_hubs_queue_counts() {
    let (mut world, hub, [provider, user]) = World::star(3);
    world.create(provider, "x");
    world.settle();
    // The way from the hub to the provider is full for a second.
    world.freeze(provider, hub, true);
    world.ask_with(hub, 9, &Target::Name("x".into()), &"f".repeat(1 << 19), 60 * SECOND);
    world.settle();
    world.ask_with(user, 1, &Target::Name("x".into()), "short", 4 * SECOND);
    world.advance(SECOND);
    world.freeze(provider, hub, false);
    let told = world.told(provider);
    let short = told.invoked.iter().find(|call| call.content == Content::raw("short")).unwrap();
    assert!(short.remaining <= 3 * SECOND + Duration::from_millis(10), "{:?}", short.remaining);
    assert!(short.remaining >= 2 * SECOND, "{:?}", short.remaining);
}

#[test]
fn cancelling_ends_the_request_at_once_and_reaches_the_handler_over_all_hops() {
    let (mut world, _, [provider, user]) = World::star(4);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    let running = world.told(provider).invoked;
    world.at(user).cancel(1);
    world.at(user).cancel(1);
    let now = world.now();
    let event = world.at(user).poll_event(now).unwrap();
    assert_eq!(verdict(&Told::of(vec![event])), (RequestCode::Cancelled, Delivered::Unknown));
    let told = world.told(provider);
    assert_eq!(told.aborted, [(running[0].call, AbortReason::Cancelled)]);
    world.respond(provider, running[0].call, "late");
    assert_eq!(world.told(user), Told::default());
}

#[test]
fn cancelling_what_was_not_sent_takes_it_back() {
    let (mut world, hub, [provider, user]) = World::star(5);
    world.create(provider, "x");
    world.settle();
    // The hub reads nothing, until more is on its way than the connection holds.
    world.freeze(user, hub, true);
    world.ask(user, 1, "x", &"a".repeat(1_000_000));
    world.settle();
    world.ask(user, 2, "x", "");
    world.settle();
    world.at(user).cancel(2);
    assert_eq!(verdict(&world.told(user)), (RequestCode::Cancelled, Delivered::No));
    world.freeze(user, hub, false);
    assert_eq!(world.told(provider).invoked.len(), 1);
}

#[test]
fn cancelling_what_its_handler_has_not_seen_takes_it_back() {
    let (mut world, _, [provider, user]) = World::star(6);
    world.create(provider, "x");
    world.settle();
    world.host(provider).listening = false;
    world.ask(user, 1, "x", "");
    world.ask(provider, 2, "x", "");
    world.settle();
    world.at(user).cancel(1);
    world.at(provider).cancel(2);
    world.settle();
    world.host(provider).listening = true;
    let told = world.told(provider);
    assert!(told.invoked.is_empty() && told.aborted.is_empty());
    assert_eq!(verdict(&told), (RequestCode::Cancelled, Delivered::No));
    // From afar nobody can know.
    assert_eq!(verdict(&world.told(user)), (RequestCode::Cancelled, Delivered::Unknown));
}

#[test]
fn cancelling_what_has_ended_or_never_was_does_nothing() {
    let (mut world, _, [provider, user]) = World::star(7);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    world.serve(provider, |_| Some(HandlerResult::Response(Content::raw("done"))));
    world.at(user).cancel(1);
    world.at(user).cancel(2);
    assert_eq!(world.told(user).outcomes, [(1, Outcome::Response(Content::raw("done")))]);
    assert_eq!(world.told(provider), Told::default());
}

#[test]
fn a_response_that_crosses_a_cancel_is_dropped() {
    let (mut world, _, [provider, user]) = World::star(8);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    let running = world.told(provider).invoked;
    world.respond(provider, running[0].call, "crossing");
    world.at(user).cancel(1);
    assert_eq!(verdict(&world.told(user)), (RequestCode::Cancelled, Delivered::Unknown));
    assert!(world.told(provider).aborted.is_empty(), "it had responded already");
}

#[test]
fn the_death_of_the_caller_stops_its_handlers() {
    let (mut world, hub, [provider, user]) = World::star(9);
    world.create(provider, "x");
    world.create(hub, "y");
    world.settle();
    world.ask(user, 1, "x", "");
    world.ask(user, 2, "y", "");
    let there = world.told(provider).invoked;
    let here = world.told(hub).invoked;
    world.kill(user);
    assert_eq!(world.told(hub).aborted, [(here[0].call, AbortReason::CallerGone)]);
    let told = world.told(provider);
    assert_eq!(told.aborted.len(), 1);
    assert_eq!(told.aborted[0].0, there[0].call);
}

#[test]
fn a_tracked_caller_is_told_to_be_gone_once() {
    let (mut world, _, [provider, user]) = World::star(10);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    let caller = world.told(provider).only_invocation().caller;
    assert!(world.at(provider).track(caller));
    assert!(world.at(provider).track(caller));
    world.kill(user);
    let gone = netsvc_core::Event::ProcessGone(caller);
    assert_eq!(world.told(provider).others, [gone]);
    assert!(!world.at(provider).track(caller));
}

#[test]
fn a_deadline_that_has_passed_already_still_ends_in_one_outcome() {
    let (mut world, _, [provider, user]) = World::star(11);
    world.create(provider, "x");
    world.settle();
    world.ask_with(user, 1, &Target::Name("x".into()), "", Duration::ZERO);
    let told = world.told(user);
    assert_eq!(told.only_error().code, RequestCode::Deadline);
    world.ask_with(user, 2, &Target::Name("x".into()), "", Duration::MAX);
    let told = world.serve(provider, |_| Some(HandlerResult::Response(Content::raw(""))));
    assert!(told.invoked.iter().any(|call| call.remaining > Duration::from_secs(1 << 20)));
    assert_eq!(world.told(user).outcomes.len(), 1);
    assert!(world.at(user).poll_wake() > Time(0));
}

#[test]
fn a_frozen_hub_costs_the_caller_no_more_than_its_deadline() {
    let (mut world, hub, [provider, user]) = World::star(12);
    world.create(provider, "x");
    world.settle();
    world.host(hub).stopped = true;
    let asked = world.now();
    world.ask_with(user, 1, &Target::Name("x".into()), "", 3 * SECOND);
    assert!(world.until(60 * SECOND, |world| !world.host(user).events.is_empty()));
    assert_eq!(world.now(), asked + 3 * SECOND);
    assert_eq!(verdict(&world.told(user)), (RequestCode::Deadline, Delivered::Unknown));
    // When the hub goes on it finds request and cancel one after the other.
    world.host(hub).stopped = false;
    world.advance(SECOND);
    let told = world.told(provider);
    assert!(told.invoked.len() <= 1 && told.aborted.len() == told.invoked.len());
}
