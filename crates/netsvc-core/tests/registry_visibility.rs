//! Promise 9: who sees which service, in every direction; that exporter and importer both apply
//! the audience; that a service arrives whole; and that a client can speak for itself only.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use netsvc_core::wire::{Announcement, Membership, Message, ProcessInfo};
use netsvc_core::{
    Config, Event, Filter, Heartbeat, Limits, NewService, Process, ProcessId, ProcessSecret,
    ReasonCode, Retry, Time,
};
use netsvc_testkit::{RawPeer, Told, World, service};

fn for_audience(name: &str, audience: &str) -> NewService {
    NewService { audience: audience.into(), ..service(name) }
}

fn announcement(service: u32, counter: u32, name: &str, audience: &str) -> Announcement {
    Announcement {
        service,
        process: 0,
        counter,
        revision: u64::from(counter),
        name: name.into(),
        audience: audience.into(),
        groups: Vec::new(),
        methods: Vec::new(),
        extensions: bytes::Bytes::new(),
    }
}

fn lone_process() -> Process {
    let config = Config {
        secret: ProcessSecret::new([9; 32]),
        label: "".into(),
        limits: Limits::default(),
        seed: 1,
    };
    Process::new(config, Time(1))
}

#[test]
fn a_service_for_everybody_is_seen_by_hub_and_all_clients_whoever_creates_it() {
    let (mut world, hub, [a, b]) = World::star(1);
    world.create(hub, "of hub");
    world.create(a, "of a");
    world.create(b, "of b");
    for node in [hub, a, b] {
        assert_eq!(world.sees(node), ["of a", "of b", "of hub"]);
    }
}

#[test]
fn a_client_that_joins_last_sees_everything_once_with_all_memberships() {
    let (mut world, hub, [a]) = World::star(2);
    let grouped = NewService { groups: vec!["g".into(), "h".into()], ..service("of a") };
    let (no, _) = world.create_with(a, grouped);
    world.create(hub, "of hub");
    world.settle();
    let now = world.now();
    world.at(a).join(now, no, "later").unwrap();
    world.settle();

    let late = world.process("late");
    world.connect(late, hub);
    assert_eq!(world.sees(late), ["of a", "of hub"]);
    let info =
        &world.at(late).lookup(&Filter { name: Some("of a".into()), ..Filter::default() })[0];
    let groups: Vec<&str> = info.groups.iter().map(|group| &**group).collect();
    assert_eq!(groups, ["g", "h", "later"]);
    assert_eq!(&*info.label, "client 0");
    assert!(!info.local);
    assert_eq!(info.exchange_group.as_deref(), Some(""));
}

#[test]
fn a_service_for_its_own_process_is_seen_nowhere_else() {
    let (mut world, hub, [a, b]) = World::star(3);
    world.create_with(a, for_audience("private of a", ""));
    world.create_with(hub, for_audience("private of hub", ""));
    assert_eq!(world.sees(a), ["private of a"]);
    assert_eq!(world.sees(hub), ["private of hub"]);
    assert!(world.sees(b).is_empty());
    let late = world.process("late");
    world.connect(late, hub);
    assert!(world.sees(late).is_empty());
}

#[test]
fn a_service_for_one_group_crosses_the_links_of_that_group_only() {
    // A front end is client of the default group and hub of the group "plant".
    let (mut world, hub, [front]) = World::star(4);
    world.hub(front, "plant");
    let [one, other] = ["one", "other"].map(|label| world.process(label));
    for back in [one, other] {
        world.connect_with(back, front, "plant", Retry::Backoff, Heartbeat::default());
    }
    world.create_with(one, for_audience("plant's", "plant"));
    world.create_with(front, for_audience("front's for plant", "plant"));
    world.create_with(hub, for_audience("hub's for plant", "plant"));
    world.create_with(front, for_audience("front's for all", "*"));

    assert_eq!(world.sees(one), ["front's for all", "front's for plant", "plant's"]);
    assert_eq!(world.sees(other), ["front's for all", "front's for plant", "plant's"]);
    assert_eq!(world.sees(front), ["front's for all", "front's for plant", "plant's"]);
    assert_eq!(world.sees(hub), ["front's for all", "hub's for plant"]);
}

#[test]
fn two_services_of_one_name_are_two_and_end_one_by_one() {
    let (mut world, hub, [a, b]) = World::star(5);
    let (no, first) = world.create(a, "x");
    let (_, second) = world.create(b, "x");
    assert_ne!(first, second);
    world.settle();
    let filter = Filter { name: Some("x".into()), ..Filter::default() };
    let seen: Vec<_> = world.at(hub).lookup(&filter).iter().map(|info| info.id).collect();
    assert_eq!(seen, [first, second]);
    let now = world.now();
    world.at(a).close_service(now, no);
    world.settle();
    let seen: Vec<_> = world.at(hub).lookup(&filter).iter().map(|info| info.id).collect();
    assert_eq!(seen, [second]);
}

#[test]
fn a_server_drops_and_counts_a_forbidden_announcement_of_a_client() {
    let mut world = World::new(6);
    let [hub, user] = ["hub", "user"].map(|label| world.process(label));
    let exchange = world.hub(hub, "");
    world.connect(user, hub);
    world.settle();
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    let bad = ["", "plant"].map(|audience| announcement(1, 1, "forbidden", audience));
    let [private, foreign] = bad;
    let foreign = Announcement { service: 2, ..foreign };
    let joined = Membership { service: 2, revision: 9, group: "g".into() };
    peer.say(
        world.at(hub),
        now,
        [
            Message::Service(private),
            Message::Service(foreign),
            Message::Joined(joined),
            Message::Service(announcement(3, 3, "allowed", "*")),
        ],
    );
    assert_eq!(world.sees(hub), ["allowed"]);
    assert_eq!(world.sees(user), ["allowed"]);
    // The two announcements, and the membership that has nothing to refer to.
    assert_eq!(world.at(hub).ignored(), 3);
}

#[test]
fn a_client_drops_and_counts_a_forbidden_announcement_of_its_server() {
    let mut process = lone_process();
    let (mut peer, _) = RawPeer::server(&mut process, Time(1), 7);
    let foreign = announcement(1, 1, "forbidden", "plant");
    let ours = announcement(2, 2, "allowed", "*");
    peer.say(&mut process, Time(2), [Message::Service(foreign), Message::Service(ours)]);
    let seen = process.lookup(&Filter::default());
    assert_eq!(seen.iter().map(|info| &*info.name).collect::<Vec<_>>(), ["allowed"]);
    assert_eq!(process.ignored(), 1);
}

/// What a server does about a client that says `messages`: the reason of the end of its link.
/// Everybody else must stay as they are.
fn punished(messages: Vec<Message>) -> ReasonCode {
    let mut world = World::new(7);
    let [hub, provider, user] = ["hub", "provider", "user"].map(|label| world.process(label));
    let exchange = world.hub(hub, "");
    world.connect(provider, hub);
    world.connect(user, hub);
    world.create(provider, "innocent");
    world.settle();
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    world.settle();
    world.host(hub).take_events();
    world.host(user).take_events();
    peer.say(world.at(hub), now, messages);
    assert_eq!(world.sees(hub), ["innocent"]);
    assert_eq!(world.sees(user), ["innocent"]);
    assert_eq!(world.told(user), Told::default());
    let ends: Vec<_> = world
        .told(hub)
        .others
        .into_iter()
        .map(|event| match event {
            Event::LinkInactive(event) => event.reason.unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    let [end] = &ends[..] else { panic!("{ends:?}") };
    // Told to the peer too.
    let farewell = peer.hear(world.at(hub), now).pop();
    assert_eq!(farewell, Some(Message::Goodbye(end.clone())));
    end.code
}

#[test]
fn a_client_that_announces_for_another_process_loses_its_link_and_nobody_else_is_touched() {
    let foreign = Announcement { process: 1, ..announcement(1, 1, "x", "*") };
    assert_eq!(punished(vec![Message::Service(foreign)]), ReasonCode::Protocol);
    let info = ProcessInfo { process: 1, id: ProcessId([1; 16]), label: "".into() };
    assert_eq!(punished(vec![Message::Process(info)]), ReasonCode::Protocol);
}

#[test]
fn a_client_that_uses_a_number_or_a_counter_twice_loses_its_link() {
    let twice = [announcement(1, 1, "x", "*"), announcement(1, 2, "y", "*")];
    assert_eq!(punished(twice.map(Message::Service).into()), ReasonCode::Protocol);
    let twice = [announcement(1, 1, "x", "*"), announcement(2, 1, "x", "*")];
    assert_eq!(punished(twice.map(Message::Service).into()), ReasonCode::Protocol);
}

#[test]
fn a_client_with_more_services_than_allowed_loses_its_link() {
    let limit = u32::try_from(Limits::default().services).unwrap();
    let many = (1..=limit + 1).map(|no| Message::Service(announcement(no, no, "x", "*")));
    assert_eq!(punished(many.collect()), ReasonCode::Limit);
}

#[test]
fn a_group_told_twice_in_one_announcement_counts_once() {
    let mut world = World::new(8);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    let watch = world.watch_all(hub);
    world.told(hub);
    let groups = vec!["g".into(), "g".into()];
    let doubled = Announcement { groups, ..announcement(1, 1, "x", "*") };
    peer.say(world.at(hub), now, [Message::Service(doubled)]);
    let told = world.told(hub);
    assert_eq!(told.changes_of(watch).len(), 2, "available, joined: {told:?}");
    let members = Filter { group: Some("g".into()), ..Filter::default() };
    assert_eq!(world.at(hub).lookup(&members).len(), 1);
    let left = Membership { service: 1, revision: 2, group: "g".into() };
    peer.say(world.at(hub), now, [Message::Left(left)]);
    assert!(world.at(hub).lookup(&members).is_empty());
}

#[test]
fn of_one_origin_the_higher_revision_wins() {
    let mut world = World::new(9);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    let first = Announcement { revision: 5, ..announcement(1, 1, "x", "*") };
    let change = |revision, group: &str| Membership { service: 1, revision, group: group.into() };
    peer.say(
        world.at(hub),
        now,
        [
            Message::Service(first),
            Message::Joined(change(5, "stale")),
            Message::Joined(change(7, "new")),
            Message::Left(change(6, "new")),
        ],
    );
    let seen = world.at(hub).lookup(&Filter::default());
    assert_eq!(seen[0].groups, ["new".into()]);
}

#[test]
fn a_relay_passes_revisions_on_unchanged() {
    let mut world = World::new(10);
    let [hub, provider] = ["hub", "provider"].map(|label| world.process(label));
    let exchange = world.hub(hub, "");
    world.connect(provider, hub);
    world.create_with(provider, for_audience("private", ""));
    let (no, _) = world.create(provider, "x");
    world.settle();
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    let heard = peer.hear(world.at(hub), now);
    let revision = heard.iter().find_map(|message| match message {
        Message::Service(service) => Some(service.revision),
        _ => None,
    });
    assert_eq!(revision, Some(2));
    assert_eq!(heard.last(), Some(&Message::Synced), "the snapshot ends with a mark");
    world.at(provider).join(now, no, "g").unwrap();
    world.settle();
    let heard = peer.hear(world.at(hub), now);
    let [Message::Joined(joined)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(joined.revision, 3);
    let now = world.now();
    world.at(provider).close_service(now, no);
    world.settle();
    let heard = peer.hear(world.at(hub), now);
    let [Message::Withdrawn { revision, .. }] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(*revision, 4, "a withdrawal is a change of its process too");
}
