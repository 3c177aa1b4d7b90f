//! Streamed results: parts in order, credit from end to end, and the same outcomes as any request.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{Message, Request, RequestTarget, Role};
use netsvc_core::{
    AbortReason, CallId, CommandError, Content, Delivered, HandlerResult, Limits, LinkToken,
    Outcome, ReasonCode, RequestCode, RequestOptions,
};
use netsvc_testkit::{
    Node, RawPeer, Target, Told, Verbs, World, announcement, assert_nothing_pending, link_event,
    service, verdict,
};

const FIVE: Duration = Duration::from_secs(5);

fn taking(parts: u32) -> RequestOptions<'static> {
    RequestOptions { parts, ..RequestOptions::within(FIVE) }
}

/// Asks for a stream; returns the handler's side of it.
fn open(world: &mut World, caller: Node, provider: Node, key: u64, parts: u32) -> CallId {
    world.ask_for(caller, key, &Target::Name("x".into()), "", taking(parts));
    world.settle();
    let told = Told::of(world.host(provider).take_events());
    let invocation = told.only_invocation();
    assert_eq!(invocation.parts, parts, "the handler knows what it may send");
    invocation.call
}

fn send(world: &mut World, provider: Node, call: CallId, part: &str) -> Result<u32, CommandError> {
    let now = world.now();
    world.at(provider).part(now, call, Content::raw(part.to_owned()))
}

fn grant(world: &mut World, caller: Node, key: u64, parts: u32) {
    let now = world.now();
    world.at(caller).grant_parts(now, key, parts);
}

fn texts(told: &Told, key: u64) -> Vec<String> {
    let parts = told.parts.get(&key).map_or(&[][..], Vec::as_slice);
    parts.iter().map(|part| String::from_utf8_lossy(&part.bytes).into_owned()).collect()
}

fn no_credit() -> Result<u32, CommandError> {
    Err(CommandError::Limit { what: "parts granted by the caller", limit: 0 })
}

fn ended() -> Result<u32, CommandError> {
    Err(CommandError::Closed { what: "the request" })
}

/// Every way a stream can take: through the hub, from and to the hub, within one process.
fn ways(mut test: impl FnMut(&mut World, Node, Node)) {
    for way in 0..4 {
        let (mut world, hub, [provider, user]) = World::star(way);
        let (caller, at) =
            [(user, provider), (hub, provider), (user, hub), (user, user)][way as usize];
        world.create(at, "x");
        for node in [hub, provider, user] {
            world.told(node);
        }
        test(&mut world, caller, at);
        assert_nothing_pending(&mut world, &[hub, provider, user]);
    }
}

/// What caller and provider were told, which may be one process.
fn told_both(world: &mut World, caller: Node, provider: Node) -> [Told; 2] {
    let told = world.told(caller);
    if caller == provider { [told.clone(), told] } else { [told, world.told(provider)] }
}

#[test]
fn parts_come_in_order_and_then_the_outcome() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 100);
        for part in 0..10 {
            assert_eq!(send(world, provider, call, &part.to_string()), Ok(99 - part));
        }
        world.respond(provider, call, "end");
        world.settle();
        let story = netsvc_testkit::story(&world.host(caller).take_events());
        let mut expected = vec!["part 1"; 10];
        expected.push("outcome 1 response");
        assert_eq!(story, expected);
        assert_eq!(send(world, provider, call, "late"), ended());
    });
}

#[test]
fn interleaved_streams_keep_their_parts_apart() {
    ways(|world, caller, provider| {
        let calls = [1, 2].map(|key| (key, open(world, caller, provider, key, 100)));
        for part in 0..20 {
            for (key, call) in calls {
                send(world, provider, call, &format!("{key}.{part}")).unwrap();
            }
        }
        let told = world.told(caller);
        for (key, call) in calls {
            let expected: Vec<_> = (0..20).map(|part| format!("{key}.{part}")).collect();
            assert_eq!(texts(&told, key), expected);
            world.respond(provider, call, "");
        }
        assert_eq!(world.told(caller).outcomes.len(), 2);
    });
}

#[test]
fn a_stream_may_end_without_parts_and_in_a_failure() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 8);
        send(world, provider, call, "one").unwrap();
        let failure = Content::raw("failure");
        world.at(provider).answer(call, HandlerResult::Failure(failure.clone()));
        let told = world.told(caller);
        assert_eq!(texts(&told, 1), ["one"]);
        assert_eq!(told.outcomes, [(1, Outcome::Failure(failure))]);
        let call = open(world, caller, provider, 2, 8);
        world.respond(provider, call, "empty");
        assert_eq!(world.told(caller).outcomes.len(), 1);
    });
}

#[test]
fn nobody_sends_more_than_was_granted_and_a_slow_reader_stops_the_handler() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 2);
        assert_eq!(send(world, provider, call, "1"), Ok(1));
        assert_eq!(send(world, provider, call, "2"), Ok(0));
        assert_eq!(send(world, provider, call, "3"), no_credit());
        let told = world.told(caller);
        assert_eq!(texts(&told, 1), ["1", "2"]);
        // However long it takes: nothing more comes, and no deadline passes at the caller's.
        world.advance(10 * FIVE);
        assert_eq!(world.told(caller), Told::default());
        assert_eq!(send(world, provider, call, "3"), no_credit());
        grant(world, caller, 1, 3);
        let told = world.told(provider);
        assert_eq!(told.credits, [(call, 3)], "the handler is told to go on");
        for (part, left) in [("3", 2), ("4", 1), ("5", 0)] {
            assert_eq!(send(world, provider, call, part), Ok(left));
        }
        assert_eq!(send(world, provider, call, "6"), no_credit());
        assert_eq!(texts(&world.told(caller), 1), ["3", "4", "5"]);
        world.respond(provider, call, "");
        assert_eq!(world.told(caller).outcomes.len(), 1);
    });
}

#[test]
fn a_request_for_one_result_takes_no_parts() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 0);
        assert_eq!(send(world, provider, call, "part"), no_credit());
        world.respond(provider, call, "whole");
        let told = world.told(caller);
        assert_eq!(told.parts.len(), 0);
        assert_eq!(told.outcomes, [(1, Outcome::Response(Content::raw("whole")))]);
    });
}

#[test]
fn parts_granted_before_the_request_was_sent_travel_with_it() {
    let (mut world, _, [user]) = World::star(10);
    world.ask_for(
        user,
        1,
        &Target::Name("x".into()),
        "",
        RequestOptions { wait: true, ..taking(2) },
    );
    grant(&mut world, user, 1, 3);
    world.create(user, "x");
    let told = world.told(user);
    assert_eq!(told.only_invocation().parts, 5);
    assert_eq!(told.credits, []);
}

#[test]
fn the_deadline_is_the_longest_wait_for_the_next_part() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 100);
        for part in 0..5 {
            world.advance(Duration::from_secs(4));
            send(world, provider, call, &part.to_string()).unwrap();
            world.settle();
        }
        // Twenty seconds in all, and still under way.
        let told = world.told(caller);
        assert_eq!((told.parts[&1].len(), told.outcomes.len()), (5, 0));
        world.advance(Duration::from_millis(5100));
        let [at_caller, at_provider] = told_both(world, caller, provider);
        assert_eq!(verdict(&at_caller), (RequestCode::Deadline, Delivered::Unknown));
        // Elsewhere nobody knows how long the caller waits for a part.
        let here = caller == provider;
        let reason = if here { AbortReason::Deadline } else { AbortReason::Cancelled };
        assert_eq!(at_provider.aborted, [(call, reason)]);
        assert_eq!(send(world, provider, call, "late"), ended());
        world.respond(provider, call, "late");
        assert_eq!(world.told(caller), Told::default());
    });
}

#[test]
fn no_first_part_within_the_deadline_ends_the_stream() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 100);
        world.advance(FIVE + Duration::from_millis(100));
        assert_eq!(verdict(&world.told(caller)), (RequestCode::Deadline, Delivered::Unknown));
        world.respond(provider, call, "");
    });
}

#[test]
fn granting_nothing_changes_no_deadline() {
    let (mut world, _, [provider, user]) = World::star(11);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    grant(&mut world, user, 1, 0);
    world.advance(FIVE + Duration::from_millis(100));
    assert_eq!(verdict(&world.told(user)), (RequestCode::Deadline, Delivered::Unknown));
}

#[test]
fn granting_more_does_not_put_off_the_deadline_of_the_part_that_is_waited_for() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 2);
        for _ in 0..4 {
            world.advance(Duration::from_secs(1));
            grant(world, caller, 1, 1);
        }
        assert!(world.told(caller).outcomes.is_empty());
        world.advance(Duration::from_millis(1100));
        assert_eq!(verdict(&world.told(caller)), (RequestCode::Deadline, Delivered::Unknown));
        world.respond(provider, call, "");
    });
}

#[test]
fn the_caller_cancels_and_the_handler_is_told() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 100);
        send(world, provider, call, "one").unwrap();
        world.settle();
        assert_eq!(world.at(caller).cancel(1), Some(Delivered::Unknown));
        // Crosses the cancellation.
        if caller != provider {
            send(world, provider, call, "two").unwrap();
        }
        let [at_caller, at_provider] = told_both(world, caller, provider);
        assert_eq!(texts(&at_caller, 1), ["one"], "what comes after the outcome is dropped");
        assert_eq!(at_caller.only_error().code, RequestCode::Cancelled);
        assert_eq!(at_provider.aborted, [(call, AbortReason::Cancelled)]);
        assert_eq!(send(world, provider, call, "three"), ended());
        grant(world, caller, 1, 5);
        world.respond(provider, call, "");
        assert_eq!(world.told(caller), Told::default());
        assert_eq!(world.told(provider), Told::default());
    });
}

#[test]
fn a_stream_given_up_long_after_its_first_deadline_was_cancelled() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 1);
        send(world, provider, call, "one").unwrap();
        world.advance(2 * FIVE);
        world.at(caller).cancel(1);
        let [at_caller, at_provider] = told_both(world, caller, provider);
        assert_eq!(at_caller.only_error().code, RequestCode::Cancelled);
        assert_eq!(at_provider.aborted, [(call, AbortReason::Cancelled)]);
        world.respond(provider, call, "");
    });
}

#[test]
fn the_handler_ends_early_and_credit_under_way_finds_nobody() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 4);
        grant(world, caller, 1, 4);
        world.respond(provider, call, "enough");
        let told = world.told(caller);
        assert_eq!(told.outcomes, [(1, Outcome::Response(Content::raw("enough")))]);
        world.settle();
    });
}

#[test]
fn the_death_of_the_caller_stops_the_handler() {
    let (mut world, hub, [provider, user]) = World::star(12);
    world.create(provider, "x");
    world.settle();
    let call = open(&mut world, user, provider, 1, 100);
    send(&mut world, provider, call, "one").unwrap();
    world.settle();
    world.kill(user);
    assert_eq!(world.told(provider).aborted, [(call, AbortReason::CallerGone)]);
    assert_eq!(send(&mut world, provider, call, "two"), ended());
    world.respond(provider, call, "");
    assert_nothing_pending(&mut world, &[hub, provider]);
}

#[test]
fn the_death_of_the_provider_ends_the_stream_as_lost() {
    let (mut world, hub, [provider, user]) = World::star(13);
    world.create(provider, "x");
    world.settle();
    let call = open(&mut world, user, provider, 1, 100);
    send(&mut world, provider, call, "one").unwrap();
    world.settle();
    world.kill(provider);
    let told = world.told(user);
    assert_eq!(texts(&told, 1), ["one"]);
    assert_eq!(verdict(&told), (RequestCode::Lost, Delivered::Unknown));
    assert_nothing_pending(&mut world, &[hub, user]);
}

#[test]
fn the_close_of_the_service_ends_the_stream_as_lost() {
    let (mut world, hub, [provider, user]) = World::star(14);
    let (no, _) = world.create(provider, "x");
    world.settle();
    let call = open(&mut world, user, provider, 1, 100);
    send(&mut world, provider, call, "one").unwrap();
    let now = world.now();
    world.at(provider).close_service(now, no);
    let told = world.told(user);
    assert_eq!(texts(&told, 1), ["one"], "what was sent before arrives");
    assert_eq!(verdict(&told), (RequestCode::Lost, Delivered::Unknown));
    assert_eq!(world.told(provider).aborted, [(call, AbortReason::ServiceClosed)]);
    assert_eq!(send(&mut world, provider, call, "two"), ended());
    world.respond(provider, call, "");
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn the_loss_of_the_callers_own_link_ends_the_stream_and_parts_do_not_come_back() {
    let (mut world, hub, [provider, user]) = World::star(15);
    world.create(provider, "x");
    world.settle();
    let call = open(&mut world, user, provider, 1, 100);
    world.cut(user, hub);
    send(&mut world, provider, call, "one").unwrap();
    let told = world.told(user);
    assert_eq!(verdict(&told), (RequestCode::LinkLost, Delivered::Unknown));
    world.advance(Duration::from_secs(2));
    assert_eq!(send(&mut world, provider, call, "two"), ended());
    world.respond(provider, call, "");
    let told = world.told(user);
    assert!(told.parts.is_empty() && told.outcomes.is_empty());
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn a_part_that_this_process_may_not_send_is_refused_and_the_stream_goes_on() {
    ways(|world, caller, provider| {
        let call = open(world, caller, provider, 1, 2);
        let (now, limit) = (world.now(), 1 << 20);
        let content = Content::raw(vec![0; limit + 1]);
        let refused = world.at(provider).part(now, call, content);
        assert_eq!(refused, Err(CommandError::TooLarge { size: limit + 1, limit }));
        assert_eq!(send(world, provider, call, "fits"), Ok(1), "it cost no credit");
        world.respond(provider, call, "");
        assert_eq!(texts(&world.told(caller), 1), ["fits"]);
    });
}

#[test]
fn a_part_that_the_caller_does_not_accept_ends_the_stream_as_too_large() {
    let mut world = World::new(16);
    let [hub, provider] = ["hub", "provider"].map(|label| world.process(label));
    let user = world.process_with("user", Limits { payload: 1000, ..Limits::default() });
    world.hub(hub, "");
    world.connect(provider, hub);
    world.connect(user, hub);
    world.create(provider, "x");
    world.settle();
    for node in [provider, user] {
        world.host(node).take_events();
    }
    let call = open(&mut world, user, provider, 1, 100);
    send(&mut world, provider, call, "small").unwrap();
    send(&mut world, provider, call, &"l".repeat(1001)).unwrap();
    send(&mut world, provider, call, "after").unwrap();
    let told = world.told(user);
    assert_eq!(texts(&told, 1), ["small"]);
    assert_eq!(verdict(&told), (RequestCode::TooLarge, Delivered::Yes));
    assert!(told.others.is_empty(), "no link is lost over it");
    assert_eq!(world.told(provider).aborted, [(call, AbortReason::Cancelled)]);
    world.respond(provider, call, "");
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

/// A hub with a client and a provider made by hand that was asked for a stream of two parts.
fn by_hand(seed: u64) -> (World, Node, Node, RawPeer, u64) {
    let mut world = World::new(seed);
    let [hub, user] = ["hub", "user"].map(|label| world.process(label));
    let exchange = world.hub(hub, "");
    world.connect(user, hub);
    world.settle();
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    peer.say(world.at(hub), now, [announcement("x", &["run"])]);
    for node in [hub, user] {
        world.told(node);
    }
    world.ask_for(user, 1, &Target::Name("x".into()), "", taking(2));
    world.settle();
    let now = world.now();
    let heard = peer.hear(world.at(hub), now);
    let asked = heard.iter().find_map(|message| match message {
        Message::Request(Request { call, parts: 2, .. }) => Some(*call),
        _ => None,
    });
    let call = asked.unwrap_or_else(|| panic!("{heard:?}"));
    (world, hub, user, peer, call)
}

fn part(call: u64, text: &'static str) -> Message {
    Message::Part { call, content: Content::raw(text), extensions: Bytes::new() }
}

#[test]
fn more_parts_than_granted_end_the_link_that_they_come_over_and_no_other() {
    let (mut world, hub, user, mut peer, call) = by_hand(17);
    let now = world.now();
    peer.say(world.at(hub), now, ["1", "2", "3"].map(|text| part(call, text)));
    let told = world.told(user);
    assert_eq!(texts(&told, 1), ["1", "2"]);
    assert_eq!(verdict(&told), (RequestCode::Lost, Delivered::Unknown));
    assert!(told.others.is_empty(), "the caller's link is untouched: {told:?}");
    let events = world.told(hub).others;
    let reasons: Vec<_> = events
        .iter()
        .filter_map(|event| link_event(event)?.reason.as_ref().map(|reason| reason.code))
        .collect();
    assert_eq!(reasons, [ReasonCode::Protocol]);
    assert_nothing_pending(&mut world, &[hub, user]);
}

#[test]
fn parts_of_requests_that_are_over_or_never_were_are_ignored() {
    let (mut world, hub, user, mut peer, call) = by_hand(18);
    assert_eq!(world.at(user).cancel(1), Some(Delivered::Unknown));
    world.settle();
    let now = world.now();
    let late = [part(call, "late"), part(call, "late"), part(call, "late"), part(4711, "never")];
    peer.say(world.at(hub), now, late);
    peer.say(world.at(hub), now, [Message::Credit { call: 4711, parts: 1 }]);
    let told = world.told(user);
    assert!(told.parts.is_empty());
    assert!(world.told(hub).others.is_empty(), "the link stays");
    assert_eq!(world.at(hub).ignored(), 5);
    assert_nothing_pending(&mut world, &[hub, user]);
}

#[test]
fn a_part_for_another_links_request_is_ignored() {
    let (mut world, hub, user, _, call) = by_hand(19);
    let exchange = world.listening_exchange(hub);
    let now = world.now();
    let mut thief = RawPeer::client(world.at(hub), now, exchange, 8);
    thief.say(world.at(hub), now, [part(call, "stolen")]);
    assert!(world.told(user).parts.is_empty());
    assert_eq!(world.at(hub).ignored(), 1);
}

#[test]
fn credit_without_end_saturates() {
    let mut world = World::new(20);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    world.create_with(hub, service("x"));
    let now = world.now();
    let mut peer = RawPeer::connect(world.at(hub), now, exchange, 7);
    let hello = peer.hello(Role::Client, LinkToken([7; 16]), 1);
    peer.say(world.at(hub), now, [Message::Hello(hello), Message::Synced]);
    world.told(hub);
    let request = Request {
        call: 1,
        caller: 0,
        target: RequestTarget::Name("x".into()),
        method: "run".into(),
        remaining: FIVE,
        parts: u32::MAX,
        content: Content::raw(""),
        extensions: Bytes::new(),
    };
    peer.say(world.at(hub), now, [Message::Request(request)]);
    let call = world.told(hub).only_invocation().call;
    peer.say(world.at(hub), now, [Message::Credit { call: 1, parts: u32::MAX }]);
    assert_eq!(send(&mut world, hub, call, "part"), Ok(u32::MAX - 1));
}
