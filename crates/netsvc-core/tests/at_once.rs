//! What is said straight from a borrowed buffer: all of it or nothing, and the same as the general way.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    CallId, Content, ContentRef, ContentType, Delivered, HandlerResult, Lifetime, NewService,
    Outcome, RequestCode, RequestOptions, ServiceNo, Str, Target, TargetRef,
};
use netsvc_testkit::{Node, World, assert_nothing_pending, service, verdict};

const WITHIN: Duration = Duration::from_secs(5);

fn content(bytes: &[u8]) -> ContentRef<'_> {
    ContentRef { kind: ContentType::CBOR, bytes }
}

/// Asks `run` of a name; false: it has to be asked the general way.
fn ask_now(world: &mut World, node: Node, key: u64, name: &str, bytes: &[u8]) -> bool {
    let (now, options) = (world.now(), RequestOptions::within(WITHIN));
    let (name, method) = (Str::from(name), Str::from("run"));
    let target = TargetRef::Name(&name);
    world.at(node).request_now(now, key, target, &method, content(bytes), options)
}

fn echo(world: &mut World, node: Node) -> usize {
    let answer = |content: &Content| Some(HandlerResult::Response(content.clone()));
    world.serve(node, |invocation| answer(&invocation.content)).invoked.len()
}

#[test]
fn a_request_and_its_result_arrive_as_they_would_otherwise() {
    let (mut world, hub, [provider, user]) = World::star(1);
    let (_, id) = world.create(provider, "x");
    world.settle();
    let method = Str::from("run");
    let (now, options) = (world.now(), RequestOptions::within(WITHIN));
    assert!(ask_now(&mut world, user, 1, "x", b"by name"));
    let target = TargetRef::Identity(id);
    let at = world.at(user);
    assert!(at.request_now(now, 2, target, &method, content(b"by id"), options));
    assert_eq!(Target::from(target), Target::Identity(id));
    let told = world.told(provider);
    assert_eq!(told.invoked.len(), 2);
    for invocation in &told.invoked {
        assert_eq!((&*invocation.method, invocation.remaining), ("run", WITHIN));
        let borrowed = invocation.content.by_ref();
        assert!(world.at(provider).respond_now(invocation.call, borrowed));
        assert!(!world.at(provider).respond_now(invocation.call, borrowed), "it has ended");
    }
    let expected = [(1, &b"by name"[..]), (2, b"by id")].map(|(key, bytes)| {
        let content = Content { kind: ContentType::CBOR, bytes: bytes.into() };
        (key, Outcome::Response(content))
    });
    assert_eq!(world.told(user).outcomes, expected);
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn a_request_that_takes_more_than_that_leaves_no_trace() {
    let (mut world, hub, [provider, user]) = World::star(2);
    world.create(provider, "x");
    world.create(user, "own");
    world.settle();
    world.host(user).take_events();
    let method = Str::from("run");
    let now = world.now();
    assert!(!ask_now(&mut world, user, 1, "own", b""), "told here");
    assert!(!ask_now(&mut world, user, 1, "nobody", b""), "an error is told");
    assert!(!ask_now(&mut world, user, 1, "x", &[0; 5000]), "large");
    let plain = RequestOptions::within(WITHIN);
    for options in [RequestOptions { wait: true, ..plain }, RequestOptions { parts: 1, ..plain }] {
        let (name, user) = (Str::from("x"), world.at(user));
        let target = TargetRef::Name(&name);
        assert!(!user.request_now(now, 1, target, &method, content(b""), options));
    }
    assert!(!world.at(hub).respond_now(CallId(7), content(b"")), "no such invocation");
    let told = world.told(user);
    assert!(told.outcomes.is_empty() && told.invoked.is_empty());
    assert!(world.told(provider).invoked.is_empty());
    assert_nothing_pending(&mut world, &[hub, provider, user]);
    // The same key can be used.
    world.ask(user, 1, "nobody", "");
    assert_eq!(verdict(&world.told(user)), (RequestCode::NoService, Delivered::No));
}

#[test]
fn what_does_not_flow_waits_its_turn_in_the_general_way() {
    let (mut world, hub, [provider, user]) = World::star(3);
    world.create(provider, "x");
    world.settle();
    // Nothing is written before the world settles.
    let at_once = (0..200).take_while(|key| ask_now(&mut world, user, *key, "x", &[7; 4000]));
    let at_once = at_once.count() as u64;
    assert!((1..100).contains(&at_once), "{at_once} requests ahead of the transport");
    for key in at_once..at_once + 10 {
        world.ask(user, key, "x", "waits");
    }
    assert_eq!(echo(&mut world, provider) as u64, at_once + 10);
    let keys: Vec<u64> = world.told(user).outcomes.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, (0..at_once + 10).collect::<Vec<_>>());
    assert!(ask_now(&mut world, user, 1000, "x", b"flows again"));
    assert_eq!(echo(&mut world, provider), 1);
    world.told(user);
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn a_result_for_a_caller_in_the_same_process_is_told_the_general_way() {
    let (mut world, _, [user]) = World::star(4);
    world.create(user, "own");
    world.ask(user, 1, "own", "q");
    let told = world.told(user);
    let call = told.only_invocation().call;
    assert!(!world.at(user).respond_now(call, content(b"a")));
    world.respond(user, call, "a");
    assert!(matches!(world.told(user).only_outcome(), Outcome::Response(_)));
}

#[test]
fn the_way_of_earlier_requests_is_not_taken_when_services_have_changed() {
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
fn a_report_arrives_as_it_would_otherwise_and_counts_the_same() {
    let (mut world, _, [publisher, reader]) = World::star(6);
    let (no, _) = world.create(publisher, "p");
    let subscription = world.subscribe(reader, "p", "a.*");
    world.settle();
    let subject = Str::from("a.b");
    assert!(world.at(publisher).publish_now(no, &subject, content(b"1")));
    world.publish(publisher, no, "a.c", Lifetime::None);
    assert!(world.at(publisher).publish_now(no, &subject, content(b"3")));
    let large = vec![0; 5000];
    assert!(!world.at(publisher).publish_now(no, &subject, content(&large)), "large");
    assert!(!world.at(publisher).publish_now(ServiceNo(99), &subject, content(b"")));
    let told = world.told(reader);
    assert_eq!(told.sequences(subscription), [1, 2, 3]);
    assert_eq!(told.subjects(subscription), ["a.b", "a.c", "a.b"]);
    let first = &told.reports_of(subscription)[0];
    assert_eq!((first.content.kind, &first.content.bytes[..]), (ContentType::CBOR, &b"1"[..]));
    // What is published now replaces a kept value; and what is subscribed here is told here.
    world.publish(publisher, no, "a.b", Lifetime::Forever);
    assert!(!world.at(publisher).publish_now(no, &subject, content(b"")), "values are kept");
    world.publish(publisher, no, "a.b", Lifetime::None);
    assert!(world.at(publisher).publish_now(no, &subject, content(b"")));
    world.subscribe(publisher, "p", "other");
    assert!(!world.at(publisher).publish_now(no, &subject, content(b"")), "subscribed here");
    world.publish(publisher, no, "a.b", Lifetime::None);
    let told = world.told(reader);
    assert_eq!(told.sequences(subscription), [4, 5, 6, 7]);
    assert!(told.reports_of(subscription).iter().all(|report| report.missed == 0));
}
