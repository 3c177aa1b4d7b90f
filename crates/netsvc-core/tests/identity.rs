//! Promise 8: a process id belongs to whoever knows its secret. An attacker who knows the id of
//! another process, as every client does, cannot take it: whether that is linked, away, or yet to
//! come, and over no exchange group.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::time::Duration;

use netsvc_core::wire::{Announcement, Hello, Membership, Message, ProcessInfo, Role, Subscriber};
use netsvc_core::{
    Content, Event, ExchangeId, Filter, Heartbeat, Lifetime, LinkToken, Outcome, ProcessId,
    ReasonCode, Retry, ServiceId, ServiceNo, SubscriptionId,
};
use netsvc_testkit::{Node, RawPeer, Target, Told, World, link_event, link_story};

const TOKEN: LinkToken = LinkToken([7; 16]);

/// A hub with two exchange groups, a client that has a service, and one that uses it.
struct Scene {
    world: World,
    hub: Node,
    victim: Node,
    user: Node,
    service: ServiceId,
    reports: SubscriptionId,
    /// Of the default group, where victim and user are.
    exchange: ExchangeId,
    /// Of another.
    other: ExchangeId,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let (mut world, hub, [victim, user]) = World::star::<2>(seed);
        let exchange = world.exchange_of(hub, "");
        let other = world.hub(hub, "other");
        let (_, service) = world.create(victim, "meter");
        let reports = world.subscribe(user, "meter", "*");
        world.settle();
        world.host(hub).take_events();
        Self { world, hub, victim, user, service, reports, exchange, other }
    }

    fn victim_id(&mut self) -> ProcessId {
        self.world.at(self.victim).id()
    }

    /// Somebody says HELLO with the id of the victim. Without its secret, what is shown is the
    /// attacker's own. Returns what it hears.
    fn claim(&mut self, exchange: ExchangeId, group: &str, id: ProcessId) -> Vec<Message> {
        let (hub, now) = (self.hub, self.world.now());
        let mut peer = RawPeer::connect(self.world.at(hub), now, exchange, 66);
        let own = peer.hello(Role::Client, TOKEN, u32::MAX);
        let hello = Hello { process: id, group: group.into(), ..own };
        let service = Message::Service(announcement(1, "meter", 1));
        let all = [Message::Hello(hello), Message::Synced, service];
        peer.say(self.world.at(hub), now, all);
        peer.hear(self.world.at(hub), now)
    }

    /// All that the attacker hears is the refusal, and the hub's application is told why. Neither
    /// is anything kept of who it claimed to be.
    fn claim_in_vain(&mut self, exchange: ExchangeId, group: &str, id: ProcessId) {
        let hub = self.hub;
        self.world.host(hub).take_events();
        let before = self.world.at(hub).table_sizes();
        let heard = self.claim(exchange, group, id);
        let [Message::Refuse(reason)] = &heard[..] else { panic!("not a refusal: {heard:?}") };
        assert_eq!(reason.code, ReasonCode::Identity);
        self.world.advance(Duration::from_secs(1));
        let told = self.world.host(hub).take_events();
        assert_eq!(link_story(&told), ["failed identity"]);
        let failed = told.iter().find_map(link_event).unwrap();
        assert_eq!(failed.peer, None, "nobody has proved anything");
        let reason = failed.reason.as_ref().unwrap();
        assert!(reason.message.contains(&id.to_string()), "{}", reason.message);
        assert_eq!(self.world.at(hub).table_sizes(), before);
    }

    /// Requests by name and by identity, groups and reports reach and come from the victim.
    fn assert_unaffected(&mut self) {
        let Self { victim, user, service, reports, .. } = *self;
        let targets = [Target::Name("meter".into()), Target::Identity(service)];
        for (key, target) in targets.iter().enumerate() {
            self.world.ask_with(user, key as u64, target, "", Duration::from_secs(5));
            let told = self.world.told(victim);
            let call = told.only_invocation().call;
            self.world.respond(victim, call, "mine");
            let told = self.world.told(user);
            assert_eq!(*told.only_outcome(), Outcome::Response(Content::raw("mine")));
        }
        let (now, no) = (self.world.now(), self.number());
        let group = format!("group {}", now.0);
        let watch = self.world.watch_all(user);
        self.world.told(user);
        self.world.at(victim).join(now, no, group.as_str()).unwrap();
        self.world.publish(victim, no, "temperature", Lifetime::None);
        let told = self.world.told(user);
        assert_eq!(told.changes_of(watch).len(), 1, "{:?}", told.changes_of(watch));
        assert_eq!(told.changes_of(watch)[0].group.as_deref(), Some(group.as_str()));
        assert_eq!(told.subjects(reports), ["temperature"]);
        self.world.at(user).unwatch(watch);
        let no_links = |told: Told| told.others.iter().filter_map(link_event).count() == 0;
        assert!(no_links(told) && no_links(self.world.told(victim)), "a link was touched");
    }

    fn number(&mut self) -> ServiceNo {
        let filter = Filter { id: Some(self.service), ..Default::default() };
        self.world.at(self.victim).lookup(&filter)[0].no
    }
}

fn announcement(number: u32, name: &str, revision: u64) -> Announcement {
    Announcement {
        service: number,
        process: 0,
        counter: number,
        revision,
        name: name.into(),
        audience: "*".into(),
        groups: Vec::new(),
        methods: vec!["run".into()],
        extensions: bytes::Bytes::new(),
    }
}

#[test]
fn nobody_takes_the_id_of_a_process_that_is_linked() {
    let mut scene = Scene::new(1);
    let id = scene.victim_id();
    scene.claim_in_vain(scene.exchange, "", id);
    scene.assert_unaffected();
}

#[test]
fn nobody_takes_the_id_of_a_process_over_an_exchange_of_another_group() {
    let mut scene = Scene::new(2);
    let id = scene.victim_id();
    scene.claim_in_vain(scene.other, "other", id);
    scene.assert_unaffected();
}

#[test]
fn nobody_takes_the_id_of_a_process_that_is_away_and_it_comes_back_as_itself() {
    let mut scene = Scene::new(3);
    let (hub, victim, user) = (scene.hub, scene.victim, scene.user);
    let id = scene.victim_id();
    scene.world.stop_listening(hub);
    scene.world.cut(victim, hub);
    scene.world.settle();
    assert_eq!(scene.world.sees(user), [] as [&str; 0], "it is away");
    for (exchange, group) in [(scene.exchange, ""), (scene.other, "other")] {
        scene.claim_in_vain(exchange, group, id);
    }
    assert_eq!(scene.world.sees(user), [] as [&str; 0], "nobody took its place");
    scene.world.listen_again(hub, "");
    scene.world.advance(Duration::from_secs(10));
    assert_eq!(scene.world.sees(user), ["meter"]);
    scene.world.told(user);
    scene.world.told(victim);
    // Nor after that.
    scene.claim_in_vain(scene.exchange, "", id);
    scene.assert_unaffected();
}

#[test]
fn nobody_takes_the_id_of_a_process_before_it_comes() {
    let mut scene = Scene::new(4);
    let late = scene.world.process("late");
    let id = scene.world.at(late).id();
    for (exchange, group) in [(scene.exchange, ""), (scene.other, "other")] {
        scene.claim_in_vain(exchange, group, id);
    }
    scene.world.connect(late, scene.hub);
    scene.world.settle();
    assert_eq!(link_story(&scene.world.host(late).take_events()), ["active"]);
    scene.assert_unaffected();
}

#[test]
fn nobody_takes_the_id_of_the_hub() {
    let mut scene = Scene::new(5);
    let id = scene.world.at(scene.hub).id();
    scene.claim_in_vain(scene.exchange, "", id);
    scene.assert_unaffected();
}

/// What an attacker says of a service that it has seen: under its own name, as it is who it is.
#[test]
fn news_of_a_process_is_taken_from_itself_alone() {
    let mut scene = Scene::new(6);
    let (hub, now, victim) = (scene.hub, scene.world.now(), scene.victim_id());
    let of_hub = {
        let filter = Filter { id: Some(scene.service), ..Default::default() };
        scene.world.at(hub).lookup(&filter)[0].no.0
    };
    for (exchange, group) in [(scene.exchange, ""), (scene.other, "other")] {
        let change = |number| Membership { service: number, revision: u64::MAX, group: "x".into() };
        let subscriber =
            |process| Subscriber { service: of_hub, process, pattern: "*".into(), latest: false };
        let info = ProcessInfo { process: 1, id: victim, label: "me".into() };
        // Numbers that it has not announced mean nothing; processes that it has not introduced,
        // and may not, end its link.
        let attempts: [(Message, bool); 8] = [
            (Message::Joined(change(of_hub)), false),
            (Message::Left(change(of_hub)), false),
            (Message::Withdrawn { service: of_hub, revision: u64::MAX }, false),
            (Message::ProcessGone { process: 1 }, false),
            (Message::ProcessGone { process: 0 }, true),
            (Message::Process(info), true),
            (Message::Service(Announcement { process: 1, ..announcement(9, "meter", 1) }), true),
            (Message::SubscriberAdded(subscriber(1)), true),
        ];
        for (message, ends) in attempts {
            let world = &mut scene.world;
            let mut peer = RawPeer::connect(world.at(hub), now, exchange, 66);
            let own = peer.hello(Role::Client, TOKEN, 1);
            let hello = Message::Hello(Hello { group: group.into(), ..own });
            let shown = format!("{message:?}");
            peer.say(world.at(hub), now, [hello, Message::Synced, message]);
            let heard = peer.hear(world.at(hub), now);
            let ended = heard.iter().any(|said| matches!(said, Message::Goodbye(_)));
            assert_eq!(ended, ends, "{shown}: {heard:?}");
            world.at(hub).handle_closed(now, peer.conn);
            world.settle();
            scene.assert_unaffected();
        }
    }
}

/// It numbers its own changes as it likes; that is no business of other processes.
#[test]
fn a_revision_at_the_end_of_its_range_freezes_the_groups_of_its_sender_only() {
    let mut scene = Scene::new(7);
    let (hub, now) = (scene.hub, scene.world.now());
    let mut peer = RawPeer::client(scene.world.at(hub), now, scene.exchange, 66);
    let mut say = |world: &mut World, message| peer.say(world.at(hub), now, [message]);
    say(&mut scene.world, Message::Service(announcement(1, "forger", u64::MAX)));
    let change = Membership { service: 1, revision: u64::MAX, group: "x".into() };
    say(&mut scene.world, Message::Joined(change));
    scene.assert_unaffected();
    assert_eq!(scene.world.sees(scene.user), ["forger", "meter"]);
    say(&mut scene.world, Message::Withdrawn { service: 1, revision: u64::MAX });
    assert_eq!(scene.world.sees(scene.user), ["meter"]);
    scene.assert_unaffected();
}

#[test]
fn one_process_may_be_a_client_of_two_groups_of_a_hub() {
    let mut scene = Scene::new(8);
    let (hub, victim) = (scene.hub, scene.victim);
    let other = scene.world.process("other");
    for node in [victim, other] {
        scene.world.connect_with(node, hub, "other", Retry::Backoff, Heartbeat::default());
    }
    assert_eq!(scene.world.sees(other), ["meter"]);
    scene.world.told(victim);
    scene.world.told(scene.user);
    scene.assert_unaffected();
    scene.world.ask(other, 9, "meter", "");
    let told = scene.world.told(victim);
    scene.world.respond(victim, told.only_invocation().call, "mine");
    let told = scene.world.told(other);
    assert_eq!(*told.only_outcome(), Outcome::Response(Content::raw("mine")));
}

#[test]
fn the_secret_is_told_in_hello_alone_and_never_shown() {
    let mut scene = Scene::new(9);
    let (hub, now) = (scene.hub, scene.world.now());
    let secret = scene.world.host(hub).secret.clone();
    let mut peer = RawPeer::client(scene.world.at(hub), now, scene.exchange, 66);
    let hello = Message::Hello(peer.hello(Role::Client, TOKEN, 1));
    assert!(!format!("{hello:?} {peer:?}").contains("66, 66"), "{hello:?} {peer:?}");
    let welcome = peer.hear(scene.world.at(hub), now);
    let Some(Message::Welcome(welcome)) = welcome.into_iter().next() else { panic!("no answer") };
    assert_eq!((welcome.process, welcome.secret), (secret.process(), None));
    // Not even to those whom the application asks about, or fails.
    scene.world.at(hub).require_authorisation(scene.exchange, true);
    let mut peer = RawPeer::connect(scene.world.at(hub), now, scene.exchange, 67);
    let hello = peer.hello(Role::Client, TOKEN, 1);
    peer.say(scene.world.at(hub), now, [Message::Hello(hello)]);
    scene.world.settle();
    let told = scene.world.host(hub).take_events();
    assert!(told.iter().any(|event| matches!(event, Event::Authorise(_))), "{told:?}");
    assert!(!format!("{told:?}").contains("67, 67"), "{told:?}");
}
