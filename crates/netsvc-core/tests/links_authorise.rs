//! Links that the application of a server decides about: who is asked, and what each answer brings.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::wire::{Hello, Message};
use netsvc_core::{
    Event, ExchangeId, LinkEvent, LinkId, LinkToken, ProcessSecret, Reason, ReasonCode, Retry,
};
use netsvc_testkit::{Node, Wire, World, hello, link_story, story};

const STRANGER: ProcessSecret = ProcessSecret::new([0xee; 32]);
const TOKEN: LinkToken = LinkToken([7; 16]);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A hub that decides, with a client whose link must survive whatever else happens.
fn deciding_hub(world: &mut World) -> (Node, Node, ExchangeId) {
    let [hub, bystander] = ["hub", "bystander"].map(|label| world.process(label));
    let exchange = world.hub(hub, "");
    world.connect(bystander, hub);
    world.settle();
    world.host(bystander).take_events();
    world.host(hub).take_events();
    world.at(hub).require_authorisation(exchange, true);
    (hub, bystander, exchange)
}

/// What the application was asked, and takes out of what it was told.
fn asked(world: &mut World, hub: Node) -> Vec<LinkEvent> {
    world.settle();
    let events = &mut world.host(hub).events;
    let asked = events.extract_if(.., |event| matches!(event, Event::Authorise(_)));
    asked
        .map(|event| match event {
            Event::Authorise(about) => about,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn decide(world: &mut World, hub: Node, link: LinkId, may: bool) {
    let now = world.now();
    world.at(hub).authorise(now, link, may);
    world.settle();
}

/// Dials and says HELLO; nothing is answered until the application has decided.
fn apply(world: &mut World, hub: Node, hello: Hello) -> (Wire, LinkId) {
    let mut wire = world.dial(hub);
    world.say(&mut wire, &Message::Hello(hello));
    let about = asked(world, hub);
    let [about] = &about[..] else { panic!("not asked once: {about:?}") };
    assert_eq!(world.hear(&mut wire), []);
    (wire, about.link)
}

fn refusal(world: &mut World, wire: &mut Wire) -> Reason {
    let heard = world.hear(wire);
    let [Message::Refuse(reason)] = &heard[..] else { panic!("not a refusal: {heard:?}") };
    reason.clone()
}

fn untouched(world: &mut World, bystander: Node) {
    world.settle();
    assert_eq!(story(&world.host(bystander).take_events()), [] as [&str; 0]);
}

#[test]
fn it_is_asked_once_per_handshake_with_address_and_announced_identity() {
    let mut world = World::new(1);
    let (hub, bystander, exchange) = deciding_hub(&mut world);
    let client = world.process("sensor:7");
    world.connect(client, hub);
    let asked_about = asked(&mut world, hub);
    let [about] = &asked_about[..] else { panic!("not asked once: {asked_about:?}") };
    let peer = about.peer.clone().unwrap();
    assert_eq!(peer.process, world.at(client).id());
    assert_eq!(&*peer.label, "sensor:7");
    assert_eq!((&*about.address, about.exchange, about.attempt), ("virtual", exchange, 1));
    assert_eq!((about.reason.clone(), about.retry_in), (None, None));
    world.advance(secs(2));
    assert_eq!(asked(&mut world, hub), [], "once");
    assert_eq!(story(&world.host(client).take_events()), [] as [&str; 0], "not active meanwhile");
    world.create(client, "x");
    assert_eq!(world.sees(hub), [] as [&str; 0], "nothing of it exists meanwhile");

    decide(&mut world, hub, about.link, true);
    assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
    assert_eq!(link_story(&world.host(hub).take_events()), ["active"]);
    assert_eq!(world.sees(bystander), ["x"]);
    // A second answer, or the opposite, changes nothing.
    decide(&mut world, hub, about.link, false);
    decide(&mut world, hub, about.link, true);
    assert_eq!(link_story(&world.host(client).take_events()), [] as [&str; 0]);
    // The next handshake is another question.
    world.cut(client, hub);
    world.advance(secs(1));
    assert_eq!(asked(&mut world, hub).len(), 1);
}

#[test]
fn a_denied_client_learns_no_more_than_that_and_goes_on_trying_slowly() {
    let mut world = World::new(2);
    let (hub, bystander, _) = deciding_hub(&mut world);
    let client = world.process("client");
    world.connect(client, hub);
    for attempt in 1..=4 {
        let about = asked(&mut world, hub);
        let [about] = &about[..] else { panic!("not asked once: {about:?}") };
        assert_eq!(about.attempt, attempt);
        decide(&mut world, hub, about.link, false);
        let events = world.host(client).take_events();
        let [Event::AttemptFailed(failed)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(failed.reason.as_ref().unwrap().code, ReasonCode::Denied);
        let retry = failed.retry_in.unwrap();
        assert!(retry >= Duration::from_millis(2500) && retry <= secs(5), "{retry:?}");
        let events = world.host(hub).take_events();
        let [Event::AttemptFailed(failed)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(failed.reason.as_ref().unwrap().code, ReasonCode::Denied);
        let peer = failed.peer.as_ref().unwrap();
        assert_eq!(peer.process, world.at(client).id(), "the hub knows whom it denied");
        assert_eq!(failed.attempt, attempt);
        world.advance(retry);
    }
    let about = asked(&mut world, hub);
    decide(&mut world, hub, about[0].link, true);
    assert_eq!(link_story(&world.host(client).take_events()), ["active"], "it may change its mind");
    untouched(&mut world, bystander);
}

#[test]
fn without_an_answer_the_handshake_ends_at_its_deadline() {
    let mut world = World::new(3);
    let (hub, bystander, _) = deciding_hub(&mut world);
    let (wire, link) = apply(&mut world, hub, hello(&STRANGER, TOKEN, 1));
    world.advance(Duration::from_millis(4900));
    assert!(!world.is_hung_up(&wire));
    world.advance(Duration::from_millis(200));
    assert!(world.is_hung_up(&wire));
    let events = world.host(hub).take_events();
    let [Event::AttemptFailed(failed)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(failed.reason.as_ref().unwrap().code, ReasonCode::ConnectTimeout);
    assert_eq!(failed.peer.as_ref().unwrap().process, STRANGER.process());
    // Too late.
    decide(&mut world, hub, link, true);
    assert_eq!(story(&world.host(hub).take_events()), [] as [&str; 0]);
    untouched(&mut world, bystander);
}

#[test]
fn a_client_waits_for_an_answer_as_long_as_for_any_handshake() {
    let mut world = World::new(4);
    let (hub, _, _) = deciding_hub(&mut world);
    let client = world.process("client");
    world.connect(client, hub);
    world.advance(Duration::from_millis(4900));
    assert_eq!(story(&world.host(client).take_events()), [] as [&str; 0]);
    let about = asked(&mut world, hub);
    decide(&mut world, hub, about[0].link, true);
    assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
}

#[test]
fn who_could_not_be_linked_anyway_is_refused_without_a_question() {
    let mut world = World::new(5);
    let (hub, bystander, _) = deciding_hub(&mut world);
    let sound = hello(&STRANGER, TOKEN, 1);
    let own = hello(&world.host(hub).secret, TOKEN, 1);
    let linked = hello(&world.host(bystander).secret, TOKEN, 1);
    for (hello, code) in [
        (Hello { group: "other".into(), ..sound }, ReasonCode::GroupMismatch),
        (own, ReasonCode::OwnProcess),
        (linked, ReasonCode::AlreadyConnected),
    ] {
        let mut wire = world.dial(hub);
        world.say(&mut wire, &Message::Hello(hello));
        assert_eq!(asked(&mut world, hub), []);
        assert_eq!(refusal(&mut world, &mut wire).code, code);
    }
    untouched(&mut world, bystander);
}

#[test]
fn the_world_may_change_while_the_application_decides() {
    // Another link of the same process is taken meanwhile.
    let mut world = World::new(6);
    let (hub, bystander, _) = deciding_hub(&mut world);
    let (mut first, one) = apply(&mut world, hub, hello(&STRANGER, TOKEN, 1));
    let (mut second, two) = apply(&mut world, hub, hello(&STRANGER, LinkToken([8; 16]), 1));
    decide(&mut world, hub, two, true);
    assert!(matches!(world.hear(&mut second)[..], [Message::Welcome(_), ..]));
    decide(&mut world, hub, one, true);
    assert_eq!(refusal(&mut world, &mut first).code, ReasonCode::AlreadyConnected);
    world.say(&mut second, &Message::Flush { token: 5 });
    world.settle();
    assert_eq!(world.hear(&mut second), [Message::Flushed { token: 5 }], "it is untouched");
    untouched(&mut world, bystander);

    // A newer attempt of the same link is taken meanwhile: the older one is stale.
    let mut world = World::new(7);
    let (hub, _, _) = deciding_hub(&mut world);
    let (mut first, one) = apply(&mut world, hub, hello(&STRANGER, TOKEN, 1));
    let (mut second, two) = apply(&mut world, hub, hello(&STRANGER, TOKEN, 2));
    decide(&mut world, hub, two, true);
    assert!(matches!(world.hear(&mut second)[..], [Message::Welcome(_), ..]));
    decide(&mut world, hub, one, true);
    assert_eq!(refusal(&mut world, &mut first).code, ReasonCode::Stale);

    // The older one is taken first: the newer replaces it, once it is taken too.
    let mut world = World::new(8);
    let (hub, _, _) = deciding_hub(&mut world);
    let (mut first, one) = apply(&mut world, hub, hello(&STRANGER, TOKEN, 1));
    let (mut second, two) = apply(&mut world, hub, hello(&STRANGER, TOKEN, 2));
    decide(&mut world, hub, one, true);
    world.say(&mut first, &Message::Synced);
    world.settle();
    world.hear(&mut first);
    world.host(hub).take_events();
    decide(&mut world, hub, two, true);
    assert!(matches!(world.hear(&mut second)[..], [Message::Welcome(_), ..]));
    let heard = world.hear(&mut first);
    let [Message::Goodbye(reason)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(reason.code, ReasonCode::Replaced);
    assert_eq!(link_story(&world.host(hub).take_events()), ["inactive replaced"]);
}

#[test]
fn a_message_before_the_answer_breaks_the_protocol() {
    for message in [Message::Synced, Message::Heartbeat, Message::Hello(hello(&STRANGER, TOKEN, 1))]
    {
        let mut world = World::new(9);
        let (hub, bystander, _) = deciding_hub(&mut world);
        let (mut wire, link) = apply(&mut world, hub, hello(&STRANGER, TOKEN, 1));
        world.say(&mut wire, &message);
        world.settle();
        assert_eq!(refusal(&mut world, &mut wire).code, ReasonCode::Protocol);
        assert_eq!(link_story(&world.host(hub).take_events()), ["failed protocol"]);
        decide(&mut world, hub, link, true);
        assert_eq!(story(&world.host(hub).take_events()), [] as [&str; 0]);
        world.advance(secs(2));
        assert!(world.is_hung_up(&wire));
        untouched(&mut world, bystander);
    }
}

#[test]
fn a_client_that_leaves_before_the_answer_has_left() {
    for by_goodbye in [true, false] {
        let mut world = World::new(10);
        let (hub, bystander, _) = deciding_hub(&mut world);
        let client = world.process("client");
        let link = world.connect(client, hub);
        let about = asked(&mut world, hub);
        let reason = if by_goodbye {
            let now = world.now();
            world.at(client).close_link(now, link, secs(1));
            "failed peer-closed"
        } else {
            world.kill(client);
            "failed connection-lost"
        };
        world.settle();
        assert_eq!(link_story(&world.host(hub).take_events()), [reason]);
        decide(&mut world, hub, about[0].link, true);
        assert_eq!(story(&world.host(hub).take_events()), [] as [&str; 0]);
        untouched(&mut world, bystander);
        assert_eq!(world.table(hub, "links"), 1);
    }
}

#[test]
fn the_exchange_may_close_while_the_application_decides() {
    let mut world = World::new(11);
    let (hub, _, exchange) = deciding_hub(&mut world);
    let (mut wire, link) = apply(&mut world, hub, hello(&STRANGER, TOKEN, 1));
    let now = world.now();
    world.at(hub).close_exchange(now, exchange, secs(1));
    world.settle();
    assert_eq!(refusal(&mut world, &mut wire).code, ReasonCode::Closing);
    decide(&mut world, hub, link, true);
    world.advance(secs(2));
    assert!(world.is_hung_up(&wire));
    let told = link_story(&world.host(hub).take_events());
    assert_eq!(told.last().map(String::as_str), Some("exchange closed"), "{told:?}");
    assert_eq!(world.table(hub, "links"), 0);
}

#[test]
fn those_who_wait_for_an_answer_count_as_handshakes() {
    let mut world = World::new(12);
    let hub =
        world.process_with("hub", netsvc_core::Limits { handshakes: 2, ..Default::default() });
    let exchange = world.hub(hub, "");
    world.at(hub).require_authorisation(exchange, true);
    for number in 0..3 {
        let client = world.process(&format!("client {number}"));
        world.connect(client, hub);
    }
    let first = asked(&mut world, hub);
    assert_eq!(first.len(), 2, "the third waits in the backlog");
    decide(&mut world, hub, first[0].link, true);
    decide(&mut world, hub, first[1].link, false);
    assert_eq!(asked(&mut world, hub).len(), 1);
}

#[test]
fn what_is_no_longer_required_is_no_longer_asked() {
    let mut world = World::new(13);
    let (hub, _, exchange) = deciding_hub(&mut world);
    let client = world.process("client");
    world.at(hub).require_authorisation(exchange, false);
    world.connect_with(client, hub, "", Retry::Once, netsvc_core::Heartbeat::default());
    assert_eq!(asked(&mut world, hub), []);
    assert_eq!(link_story(&world.host(client).take_events()), ["active"]);
}
