//! Numbers that stand for things begin again after the last, and none means two things at once:
//! whoever makes a process count through all of them takes nothing from others.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::collections::BTreeSet;
use std::time::Duration;

use netsvc_core::wire::{Announcement, Hello, Message, Report, Role};
use netsvc_core::{
    CommandError, Content, Event, Filter, Lifetime, LinkToken, Outcome, Process, RequestOptions,
    ServiceNo, SubscriptionTarget,
};
use netsvc_testkit::{Node, ROOMY, RawPeer, Target, World, link_story, service, story};

fn announcement(number: u32) -> Message {
    Message::Service(Announcement {
        service: number,
        process: 0,
        counter: number,
        revision: number.into(),
        name: format!("of the attacker {number}").into(),
        audience: "*".into(),
        groups: Vec::new(),
        methods: vec!["run".into()],
        extensions: bytes::Bytes::new(),
    })
}

fn numbers(process: &Process) -> Vec<ServiceNo> {
    process.lookup(&Filter::default()).iter().map(|info| info.no).collect()
}

/// A request by name and one by identity are answered by the one that is meant.
fn assert_answers(world: &mut World, user: Node, victim: Node, targets: &[Target]) {
    for (key, target) in targets.iter().enumerate() {
        world.ask_with(user, key as u64, target, "", Duration::from_secs(5));
        let told = world.told(victim);
        world.respond(victim, told.only_invocation().call, "mine");
        let told = world.told(user);
        assert_eq!(*told.only_outcome(), Outcome::Response(Content::raw("mine")), "{target:?}");
    }
}

#[test]
fn a_service_keeps_its_number_whoever_counts_through_all() {
    let (mut world, hub, [victim, user]) = World::star::<2>(1);
    let (no, id) = world.create(victim, "meter");
    let subscription = world.subscribe(user, "meter", "*");
    world.settle();
    let before = numbers(world.at(hub));
    assert_eq!(before, [ServiceNo(1)], "the next one after the last would be this");
    let (now, exchange) = (world.now(), world.listening_exchange(hub));
    let mut attacker = RawPeer::client(world.at(hub), now, exchange, 66);
    for process in [hub, user] {
        world.at(process).skip_numbers(3);
    }
    for number in 1..=20 {
        attacker.say(world.at(hub), now, [announcement(number)]);
        world.settle();
        if number % 2 == 0 {
            let withdrawn = Message::Withdrawn { service: number, revision: number.into() };
            attacker.say(world.at(hub), now, [withdrawn]);
        }
        world.publish(victim, no, "temperature", Lifetime::None);
        assert_eq!(world.told(user).subjects(subscription), ["temperature"]);
        let targets = [Target::Name("meter".into()), Target::Identity(id)];
        assert_answers(&mut world, user, victim, &targets);
    }
    for process in [hub, user] {
        let all = numbers(world.at(process));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 11);
        assert!(all.contains(&ServiceNo(3)), "they have begun again: {all:?}");
    }
}

#[test]
fn a_process_keeps_its_number_and_its_link_whoever_comes_and_goes() {
    let (mut world, hub, [victim, user]) = World::star::<2>(2);
    let (_, id) = world.create(victim, "meter");
    let (now, exchange) = (world.now(), world.listening_exchange(hub));
    world.settle();
    for process in [hub, user, victim] {
        world.at(process).skip_numbers(3);
    }
    let sizes = world.at(hub).table_sizes();
    for each in 0..20 {
        let mut passer = RawPeer::client(world.at(hub), now, exchange, 100 + each);
        passer.say(world.at(hub), now, [announcement(1)]);
        assert_eq!(world.sees(user).len(), 2);
        if each % 2 == 0 {
            // It asks, so that it is introduced to the victim.
            let name = Target::Name(format!("of the attacker {}", 1).into());
            world.ask_with(victim, 50, &name, "", Duration::from_secs(1));
        }
        world.at(hub).handle_closed(now, passer.conn);
        world.told(victim);
        let targets = [Target::Name("meter".into()), Target::Identity(id)];
        assert_answers(&mut world, user, victim, &targets);
    }
    assert_eq!(world.at(hub).table_sizes(), sizes);
}

#[test]
fn callers_are_introduced_anew_where_their_numbers_are_used_again() {
    let (mut world, hub, [provider]) = World::star::<1>(3);
    world.create(provider, "asked");
    world.at(hub).skip_numbers(2);
    let mut callers = BTreeSet::new();
    for each in 0..8 {
        let caller = world.process(&format!("caller {each}"));
        world.connect(caller, hub);
        world.settle();
        world.ask(caller, 1, "asked", "");
        let told = world.told(provider);
        let invocation = told.only_invocation();
        assert_eq!(invocation.caller, world.at(caller).id());
        assert_eq!(&*invocation.caller_label, format!("caller {each}"));
        callers.insert(invocation.caller);
        let call = invocation.call;
        world.respond(provider, call, "");
        world.told(caller);
        world.kill(caller);
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(callers.len(), 8);
}

#[test]
fn subscriptions_watches_and_flushes_in_use_keep_their_ids() {
    let (mut world, _, [publisher, user]) = World::star::<2>(4);
    let (no, _) = world.create(publisher, "meter");
    let first = world.subscribe(user, "meter", "first*");
    let watch = world.watch_all(user);
    world.settle();
    world.told(user);
    world.at(user).skip_numbers(2);
    let mut ids = BTreeSet::from([first]);
    let mut watches = BTreeSet::from([watch]);
    for each in 0..6 {
        let target = SubscriptionTarget::Name("meter".into());
        ids.insert(world.subscribe_to(user, target, &format!("{each}*"), ROOMY));
        watches.insert(world.watch_all(user));
    }
    assert_eq!((ids.len(), watches.len()), (7, 7), "{ids:?} {watches:?}");
    world.told(user);
    world.publish(publisher, no, "first", Lifetime::None);
    for each in 0..6 {
        world.publish(publisher, no, &each.to_string(), Lifetime::None);
    }
    let told = world.told(user);
    assert_eq!(told.subjects(first), ["first"]);
    let others: Vec<_> = ids.iter().filter(|id| **id != first).collect();
    assert!(others.iter().all(|id| told.subjects(**id).len() == 1), "{:?}", told.reports);
    // Interests that the hub knows end one by one.
    let now = world.now();
    for id in others {
        world.at(user).unsubscribe(*id);
    }
    world.publish(publisher, no, "first", Lifetime::None);
    world.publish(publisher, no, "3", Lifetime::None);
    let told = world.told(user);
    assert_eq!(told.reports.len(), 1);
    assert_eq!(told.subjects(first), ["first"]);
    let exchange = world.exchange_of(user, "");
    let flushes: BTreeSet<_> =
        (0..6).map(|_| world.at(user).flush(now, exchange, Duration::from_secs(1))).collect();
    assert_eq!(flushes.len(), 6);
    world.settle();
    let told = world.host(user).take_events();
    assert_eq!(told.iter().filter(|event| matches!(event, Event::Flushed { .. })).count(), 6);
}

#[test]
fn kept_values_reach_each_subscription_where_replays_begin_again() {
    let (mut world, _, [publisher, user]) = World::star::<2>(5);
    let (no, _) = world.create(publisher, "meter");
    for subject in ["a", "b", "c", "d", "e"] {
        world.publish(publisher, no, subject, Lifetime::Forever);
    }
    world.settle();
    world.at(user).skip_numbers(2);
    let subjects = ["a", "b", "c", "d", "e"];
    let made = subjects.map(|subject| world.subscribe(user, "meter", subject));
    let told = world.told(user);
    for (id, subject) in made.into_iter().zip(subjects) {
        assert_eq!(told.subjects(id), [subject]);
    }
}

#[test]
fn requests_end_with_their_own_outcome_where_their_ids_begin_again() {
    let (mut world, hub, [provider, user]) = World::star::<2>(6);
    world.create(provider, "asked");
    world.settle();
    for process in [hub, provider, user] {
        world.at(process).skip_numbers(2);
    }
    for key in 0..6 {
        world.ask(user, key, "asked", &key.to_string());
    }
    let mut invoked = world.told(provider).invoked;
    assert_eq!(invoked.len(), 6);
    invoked.reverse();
    for invocation in invoked {
        let content = String::from_utf8(invocation.content.bytes.to_vec()).unwrap();
        world.respond(provider, invocation.call, &content);
    }
    let outcomes = world.told(user).outcomes;
    assert_eq!(outcomes.len(), 6);
    for (key, outcome) in outcomes {
        assert_eq!(outcome, Outcome::Response(Content::raw(key.to_string())));
    }
}

#[test]
fn requests_that_wait_are_asked_in_their_order_where_their_ids_begin_again() {
    let (mut world, _, [provider, user]) = World::star::<2>(7);
    world.at(user).skip_numbers(2);
    let options = RequestOptions { wait: true, ..RequestOptions::within(Duration::from_secs(5)) };
    for key in 0..6 {
        world.ask_for(user, key, &Target::Name("late".into()), &key.to_string(), options);
    }
    world.settle();
    world.create(provider, "late");
    let invoked = world.told(provider).invoked;
    let contents: Vec<_> = invoked.iter().map(|call| call.content.bytes.to_vec()).collect();
    assert_eq!(contents, [b"0", b"1", b"2", b"3", b"4", b"5"].map(Vec::from));
}

/// Identities are no numbers of that kind: they are never used twice.
#[test]
fn a_process_that_has_used_all_its_identities_creates_no_more_services() {
    let (mut world, _, [user]) = World::star::<1>(8);
    world.at(user).exhaust_services(1);
    let (no, id) = world.create(user, "last");
    assert_eq!(id.counter, u32::MAX);
    let now = world.now();
    world.at(user).close_service(now, no);
    let error = world.at(user).create_service(now, service("one more")).unwrap_err();
    assert!(matches!(error, CommandError::Limit { .. }), "{error}");
    assert_eq!(world.sees(user), [] as [&str; 0]);
    let events = world.host(user).take_events();
    assert_eq!(story(&events), [] as [&str; 0]);
}

/// Sums and differences of what peers say stay within their range, here and at those who are told.
#[test]
fn the_largest_numbers_that_a_peer_can_say_harm_nobody() {
    let (mut world, hub, [user]) = World::star::<1>(9);
    let (no, _) = world.create(user, "meter");
    world.publish(user, no, "kept", Lifetime::Forever);
    let subscription = world.subscribe(user, "of the attacker 1", "*");
    let (now, exchange) = (world.now(), world.listening_exchange(hub));
    world.settle();
    let of_meter = numbers(world.at(hub))[0].0;
    let mut attacker = RawPeer::connect(world.at(hub), now, exchange, 66);
    let hello = Hello {
        heartbeat: Duration::from_millis(u32::MAX.into()),
        max_payload: u32::MAX,
        ..attacker.hello(Role::Client, LinkToken([1; 16]), u32::MAX)
    };
    attacker.say(world.at(hub), now, [Message::Hello(hello), Message::Synced, announcement(1)]);
    world.settle();
    let report = |sequence| {
        Message::Report(Report {
            service: 1,
            subject: "s".into(),
            sequence,
            content: Content::raw("x"),
            extensions: bytes::Bytes::new(),
        })
    };
    let lost = Message::Lost { service: 1, subject: None, count: u64::MAX };
    let ask = |replay, after, upto| Message::ReplayRequest {
        service: of_meter,
        process: 0,
        replay,
        pattern: "*".into(),
        after,
        upto,
    };
    let end = Message::ReplayEnd {
        process: 0,
        replay: 1,
        sequence: u64::MAX,
        more_after: 0,
        complete_after: 0,
    };
    let heard = attacker.hear(world.at(hub), now);
    let asked = heard.iter().find_map(|said| match said {
        Message::ReplayRequest { process, replay, .. } => Some((*process, *replay)),
        _ => None,
    });
    let (process, replay) = asked.unwrap();
    for message in [
        Message::ReplayEnd { process, replay, sequence: 0, more_after: 0, complete_after: 0 },
        report(1),
        lost.clone(),
        lost.clone(),
        report(u64::MAX - 1),
        lost,
        report(u64::MAX),
        report(u64::MAX),
        report(0),
        ask(u32::MAX, u64::MAX, 0),
        ask(0, u64::MAX, u64::MAX),
        ask(1, 0, u64::MAX),
        end,
        Message::Credit { call: u64::MAX, parts: u32::MAX },
        Message::Flushed { token: u32::MAX },
    ] {
        attacker.say(world.at(hub), now, [message]);
        world.settle();
    }
    let heard = attacker.hear(world.at(hub), now);
    assert!(!heard.iter().any(|said| matches!(said, Message::Goodbye(_))), "{heard:?}");
    let told = world.told(user);
    assert_eq!(told.sequences(subscription), [1, u64::MAX - 1, u64::MAX]);
    world.advance(Duration::from_secs(60));
    assert_eq!(link_story(&world.host(user).take_events()), [] as [&str; 0]);
}
