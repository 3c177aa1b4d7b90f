//! Each verb has one way: what is said from a borrowed buffer arrives whole, once and in order,
//! whether it leaves at once or has to wait, with its extension fields.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    CallId, CommandError, Content, ContentRef, ContentType, Delivered, HandlerResult,
    HandlerResultRef, Lifetime, NewService, Outcome, PublishOptions, RequestCode, RequestOptions,
    ServiceNo, Str, TargetRef,
};
use netsvc_testkit::{Node, World, assert_nothing_pending, service, verdict};

const WITHIN: Duration = Duration::from_secs(5);
/// One extension field of even id.
const FIELD: &[u8] = &[2, 0, 3, 0, 7, 7, 7];

fn content(bytes: &[u8]) -> ContentRef<'_> {
    ContentRef::new(ContentType::CBOR, bytes)
}

/// Asks `run` of a name from a buffer that is written again.
fn ask(world: &mut World, node: Node, key: u64, name: &str, bytes: &[u8]) {
    let (now, options) = (world.now(), RequestOptions::within(WITHIN));
    let (name, method) = (Str::from(name), Str::from("run"));
    let mut buffer = bytes.to_vec();
    let target = TargetRef::Name(&name);
    world.at(node).request(now, key, target, &method, content(&buffer), options);
    buffer.fill(0xff);
}

fn publish(world: &mut World, node: Node, no: ServiceNo, subject: &Str, bytes: &[u8]) {
    let now = world.now();
    let options = PublishOptions::default();
    let mut buffer = bytes.to_vec();
    world.at(node).publish(now, no, subject, content(&buffer), options).unwrap();
    buffer.fill(0xff);
}

fn echo(world: &mut World, node: Node) -> usize {
    let answer = |content: &Content| Some(HandlerResult::Response(content.clone()));
    world.serve(node, |invocation| answer(&invocation.content)).invoked.len()
}

/// Worlds in which everything may leave at once, and in which everything has to wait.
fn worlds<const N: usize>(seed: u64) -> [(World, Node, [Node; N]); 2] {
    [false, true].map(|waits| {
        let (mut world, hub, nodes) = World::star(seed);
        for node in nodes.into_iter().chain([hub]).filter(|_| waits) {
            world.at(node).forbid_quick_ways();
        }
        (world, hub, nodes)
    })
}

#[test]
fn a_request_and_its_result_arrive_whole_by_name_and_by_identity() {
    for (mut world, hub, [provider, user]) in worlds(1) {
        let (_, id) = world.create(provider, "x");
        world.settle();
        let method = Str::from("run");
        let (now, options) = (world.now(), RequestOptions::within(WITHIN));
        ask(&mut world, user, 1, "x", b"by name");
        let target = TargetRef::Identity(id);
        world.at(user).request(now, 2, target, &method, content(b"by id"), options);
        let told = world.told(provider);
        assert_eq!(told.invoked.len(), 2);
        for invocation in &told.invoked {
            assert_eq!((&*invocation.method, invocation.remaining), ("run", WITHIN));
            let result = HandlerResultRef::Response(invocation.content.by_ref());
            world.at(provider).respond(invocation.call, result, &[]);
            // It has ended.
            world.at(provider).respond(invocation.call, result, &[]);
        }
        let expected = [(1, &b"by name"[..]), (2, b"by id")].map(|(key, bytes)| {
            let content = Content { kind: ContentType::CBOR, bytes: bytes.into() };
            (key, Outcome::Response(content))
        });
        assert_eq!(world.told(user).outcomes, expected);
        assert_nothing_pending(&mut world, &[hub, provider, user]);
    }
}

#[test]
fn requests_to_services_of_the_same_process_large_ones_and_hopeless_ones_end_once() {
    for (mut world, hub, [provider, user]) in worlds(2) {
        world.create(provider, "x");
        world.create(user, "own");
        world.settle();
        world.host(user).take_events();
        ask(&mut world, user, 1, "own", b"here");
        ask(&mut world, user, 2, "nobody", b"");
        ask(&mut world, user, 3, "x", &[5; 5000]);
        let result = HandlerResultRef::Response(content(b""));
        world.at(hub).respond(CallId(7), result, &[]);
        let told = world
            .serve(user, |invocation| Some(HandlerResult::Response(invocation.content.clone())));
        assert_eq!(told.invoked.len(), 1);
        assert_eq!(echo(&mut world, provider), 1);
        let mut outcomes = told.outcomes;
        outcomes.extend(world.told(user).outcomes);
        outcomes.sort_by_key(|(key, _)| *key);
        let sizes: Vec<_> = outcomes
            .iter()
            .map(|(key, outcome)| match outcome {
                Outcome::Response(content) => (*key, content.bytes.len()),
                _ => (*key, usize::MAX),
            })
            .collect();
        assert_eq!(sizes, [(1, 4), (2, usize::MAX), (3, 5000)]);
        assert_nothing_pending(&mut world, &[hub, provider, user]);
    }
}

#[test]
fn what_does_not_flow_waits_its_turn() {
    for (mut world, hub, [provider, user]) in worlds(3) {
        world.create(provider, "x");
        world.settle();
        // Nothing is written before the world settles: the first are encoded at once, the others
        // wait.
        for key in 0..200 {
            ask(&mut world, user, key, "x", &[7; 4000]);
        }
        assert_eq!(echo(&mut world, provider), 200);
        let keys: Vec<u64> = world.told(user).outcomes.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, (0..200).collect::<Vec<_>>());
        ask(&mut world, user, 1000, "x", b"flows again");
        assert_eq!(echo(&mut world, provider), 1);
        world.told(user);
        assert_nothing_pending(&mut world, &[hub, provider, user]);
    }
}

#[test]
fn the_route_of_earlier_requests_is_not_taken_when_services_have_changed() {
    let (mut world, hub, [provider, other, user]) = World::star(5);
    let (first, _) = world.create(provider, "x");
    world.settle();
    for key in 0..3 {
        world.ask(user, key, "x", "q");
        assert_eq!(echo(&mut world, provider), 1);
    }
    // A second one of the name gets its share.
    world.create(other, "x");
    world.settle();
    for key in 10..20 {
        world.ask(user, key, "x", "q");
    }
    assert_eq!((echo(&mut world, provider), echo(&mut world, other)), (5, 5));
    let now = world.now();
    world.at(provider).close_service(now, first);
    world.settle();
    world.told(user);
    world.ask(user, 30, "x", "q");
    assert_eq!((echo(&mut world, provider), echo(&mut world, other)), (0, 1));
    // Nobody is left, and then somebody who cannot do it.
    world.kill(other);
    world.settle();
    world.told(user);
    world.ask(user, 40, "x", "q");
    assert_eq!(verdict(&world.told(user)), (RequestCode::NoService, Delivered::No));
    world.create_with(provider, NewService { methods: Vec::new(), ..service("x") });
    world.settle();
    world.ask(user, 41, "x", "q");
    assert_eq!(verdict(&world.told(user)), (RequestCode::NoMethod, Delivered::No));
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn reports_count_the_same_whether_kept_heard_here_or_large() {
    for (mut world, _, [publisher, reader]) in worlds(6) {
        let (no, _) = world.create(publisher, "p");
        let subscription = world.subscribe(reader, "p", "a.*");
        world.settle();
        let subject = Str::from("a.b");
        publish(&mut world, publisher, no, &subject, b"1");
        world.publish(publisher, no, "a.c", Lifetime::None);
        publish(&mut world, publisher, no, &subject, &[3; 5000]);
        let (now, options) = (world.now(), PublishOptions::default());
        let closed = Err(CommandError::Closed { what: "the service" });
        let nobody = ServiceNo(99);
        let refused = world.at(publisher).publish(now, nobody, &subject, content(b""), options);
        assert_eq!(refused, closed);
        let told = world.told(reader);
        assert_eq!(told.sequences(subscription), [1, 2, 3]);
        assert_eq!(told.subjects(subscription), ["a.b", "a.c", "a.b"]);
        let reports = told.reports_of(subscription);
        let first = &reports[0].content;
        assert_eq!((first.kind, &first.bytes[..]), (ContentType::CBOR, &b"1"[..]));
        assert_eq!(reports[2].content.bytes, [3; 5000][..]);
        // What is published without a lifetime replaces a kept value.
        world.publish(publisher, no, "a.b", Lifetime::Forever);
        assert_eq!(world.table(publisher, "kept values"), 1);
        publish(&mut world, publisher, no, &subject, b"5");
        assert_eq!(world.table(publisher, "kept values"), 0);
        // And what is subscribed here is told here, too.
        let here = world.subscribe(publisher, "p", "a.*");
        publish(&mut world, publisher, no, &subject, b"6");
        assert_eq!(world.told(publisher).sequences(here), [6]);
        let told = world.told(reader);
        assert_eq!(told.sequences(subscription), [4, 5, 6]);
        assert!(told.reports_of(subscription).iter().all(|report| report.missed == 0));
    }
}

#[test]
fn extension_fields_travel_with_reports_kept_ones_too() {
    for (mut world, _, [publisher, reader, late]) in worlds(7) {
        let (no, _) = world.create(publisher, "p");
        let subscription = world.subscribe(reader, "p", "*");
        world.settle();
        let (now, subject) = (world.now(), Str::from("s"));
        for (number, lifetime) in [(0, Lifetime::None), (1, Lifetime::None), (2, Lifetime::Forever)]
        {
            let extensions = if number == 1 { &[] } else { FIELD };
            let options = PublishOptions { lifetime, extensions, ..PublishOptions::default() };
            world.at(publisher).publish(now, no, &subject, content(&[number]), options).unwrap();
        }
        let large = vec![9; 40_000];
        let options = PublishOptions { extensions: FIELD, ..PublishOptions::default() };
        let other = Str::from("other");
        world.at(publisher).publish(now, no, &other, content(&large), options).unwrap();
        let told = world.told(reader);
        let fields: Vec<_> =
            told.reports_of(subscription).iter().map(|report| &report.extensions[..]).collect();
        assert_eq!(fields, [FIELD, &[], FIELD, FIELD]);
        let subscription = world.subscribe(late, "p", "*");
        let told = world.told(late);
        let [kept] = told.reports_of(subscription) else { panic!("{told:?}") };
        assert_eq!((kept.replayed, &kept.extensions[..]), (true, FIELD));
    }
}

#[test]
fn extension_fields_travel_with_requests_and_outcomes() {
    for (mut world, hub, [provider, user]) in worlds(8) {
        world.create(provider, "x");
        world.settle();
        let (name, method, now) = (Str::from("x"), Str::from("run"), world.now());
        for key in 0..2 {
            let options = RequestOptions { extensions: FIELD, ..RequestOptions::within(WITHIN) };
            let target = TargetRef::Name(&name);
            world.at(user).request(now, key, target, &method, content(b""), options);
        }
        let told = world.told(provider);
        for (invocation, extensions) in told.invoked.iter().zip([FIELD, &[]]) {
            assert_eq!(invocation.extensions, FIELD);
            let result = HandlerResultRef::Response(content(b""));
            world.at(provider).respond(invocation.call, result, extensions);
        }
        world.settle();
        let fields: Vec<_> = world
            .host(user)
            .take_events()
            .into_iter()
            .filter_map(|event| match event {
                netsvc_core::Event::Outcome { key, extensions, .. } => Some((key, extensions)),
                _ => None,
            })
            .collect();
        assert_eq!(fields, [(0, FIELD.into()), (1, (&[][..]).into())]);
        assert_nothing_pending(&mut world, &[hub, provider, user]);
    }
}

#[test]
fn extension_fields_that_no_receiver_accepts_are_refused_where_they_are_given() {
    let (mut world, _, [publisher, user]) = World::star(9);
    let (no, _) = world.create(publisher, "p");
    world.settle();
    let (now, subject) = (world.now(), Str::from("s"));
    let too_long = [&[2, 0, 0, 16][..], &[0; 4096]].concat();
    for extensions in [&[2, 0, 9, 0, 7][..], &[3, 0, 0, 0], &too_long] {
        let options = PublishOptions { extensions, ..PublishOptions::default() };
        let refused = world.at(publisher).publish(now, no, &subject, content(b""), options);
        assert!(
            matches!(refused, Err(CommandError::Invalid { .. } | CommandError::Limit { .. })),
            "{refused:?}"
        );
        let options = RequestOptions { extensions, ..RequestOptions::within(WITHIN) };
        let (name, method) = (Str::from("p"), Str::from("run"));
        let target = TargetRef::Name(&name);
        world.at(user).request(now, 1, target, &method, content(b""), options);
        assert_eq!(verdict(&world.told(user)), (RequestCode::Encoding, Delivered::No));
    }
    publish(&mut world, publisher, no, &subject, b"");
}
