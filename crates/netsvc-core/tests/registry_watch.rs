//! Promises 10 and 11: what a watcher is told, and what the loss of a link does to the registry.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::limits::MAX_WATCH_BACKLOG;
use netsvc_core::{Change, Event, Filter, NewService, ServiceId, Status};
use netsvc_testkit::{World, service};

type Brief<'a> = (Status, &'a str, Option<&'a str>, bool);

/// Status, name, group, replayed.
fn brief(changes: &[Change]) -> Vec<Brief<'_>> {
    changes
        .iter()
        .map(|change| {
            let name = change.service.as_ref().map_or("", |info| &*info.name);
            (change.status, name, change.group.as_deref(), change.replayed)
        })
        .collect()
}

fn grouped(name: &str, groups: &[&str]) -> NewService {
    NewService { groups: groups.iter().map(|group| (*group).into()).collect(), ..service(name) }
}

#[test]
fn a_watch_tells_what_exists_then_current_then_each_change_once_in_order() {
    let (mut world, _, [a, b]) = World::star(1);
    world.create_with(a, grouped("old", &["g"]));
    world.settle();
    let watch = world.watch_all(b);
    let (no, _) = world.create_with(a, grouped("new", &["g"]));
    let now = world.now();
    world.at(a).join(now, no, "h").unwrap();
    assert!(!world.at(a).join(now, no, "h").unwrap(), "joining twice is not a change");
    world.at(a).leave(now, no, "g").unwrap();
    assert!(!world.at(a).leave(now, no, "g").unwrap());
    world.at(a).close_service(now, no);

    let told = world.told(b);
    assert_eq!(
        brief(told.changes_of(watch)),
        [
            (Status::Available, "old", None, true),
            (Status::Joined, "old", Some("g"), true),
            (Status::Current, "", None, false),
            (Status::Available, "new", None, false),
            (Status::Joined, "new", Some("g"), false),
            (Status::Joined, "new", Some("h"), false),
            (Status::Left, "new", Some("g"), false),
            (Status::Left, "new", Some("h"), false),
            (Status::Withdrawn, "new", None, false),
        ]
    );
    let revisions: Vec<u64> =
        told.changes_of(watch).iter().skip(2).map(|change| change.revision).collect();
    let first = revisions[0];
    assert_eq!(revisions, (first..first + 7).collect::<Vec<_>>(), "each change has its number");
}

#[test]
fn all_watches_number_a_change_alike() {
    let (mut world, _, [a, b]) = World::star(2);
    let everything = world.watch_all(b);
    world.create(a, "x");
    world.settle();
    let group = world.at(b).watch(Filter { group: Some("g".into()), ..Filter::default() });
    world.create_with(a, grouped("y", &["g"]));
    let told = world.told(b);
    let joined = told.changes_of(everything).last().unwrap();
    assert_eq!(told.changes_of(group).last(), Some(joined));
}

#[test]
fn a_watch_by_name_identity_or_group_tells_only_of_that() {
    let (mut world, _, [a, b]) = World::star(3);
    let (no, id) = world.create_with(a, grouped("x", &["g"]));
    let (_, other) = world.create_with(a, grouped("x", &["h"]));
    world.create_with(a, grouped("y", &["g"]));
    world.settle();
    let filter = |name: Option<&str>, id: Option<ServiceId>, group: Option<&str>| Filter {
        name: name.map(Into::into),
        id,
        group: group.map(Into::into),
    };
    let by_name = world.at(b).watch(filter(Some("x"), None, None));
    let by_id = world.at(b).watch(filter(None, Some(other), None));
    let by_group = world.at(b).watch(filter(None, None, Some("g")));
    let unknown = ServiceId { counter: 99, ..id };
    let nothing = world.at(b).watch(filter(None, Some(unknown), None));
    let now = world.now();
    world.at(a).close_service(now, no);

    let told = world.told(b);
    assert_eq!(
        brief(told.changes_of(by_name)),
        [
            (Status::Available, "x", None, true),
            (Status::Joined, "x", Some("g"), true),
            (Status::Available, "x", None, true),
            (Status::Joined, "x", Some("h"), true),
            (Status::Current, "", None, false),
            (Status::Left, "x", Some("g"), false),
            (Status::Withdrawn, "x", None, false),
        ]
    );
    assert_eq!(
        brief(told.changes_of(by_id)),
        [
            (Status::Available, "x", None, true),
            (Status::Joined, "x", Some("h"), true),
            (Status::Current, "", None, false),
        ]
    );
    assert_eq!(
        brief(told.changes_of(by_group)),
        [
            (Status::Joined, "x", Some("g"), true),
            (Status::Joined, "y", Some("g"), true),
            (Status::Current, "", None, false),
            (Status::Left, "x", Some("g"), false),
        ]
    );
    assert_eq!(brief(told.changes_of(nothing)), [(Status::Current, "", None, false)]);
}

#[test]
fn an_ended_watch_tells_nothing_more() {
    let (mut world, _, [a, b]) = World::star(4);
    let watch = world.watch_all(b);
    world.create(a, "x");
    world.host(b).listening = false;
    world.settle();
    world.at(b).unwatch(watch);
    world.host(b).listening = true;
    assert!(world.told(b).changes.is_empty());
}

#[test]
fn a_watch_without_credit_waits_and_one_with_credit_goes_on() {
    let (mut world, _, [a, b]) = World::star(5);
    for n in 0..600 {
        world.create(a, &format!("a{n}"));
        world.create(b, &format!("b{n}"));
    }
    world.settle();
    let watch = world.at(b).watch(Filter::default());
    let first = world.told(b);
    let told = first.changes_of(watch).len();
    assert!(told < 1201, "it stops at its credit");
    world.at(b).grant_watch(watch, 10);
    assert_eq!(world.told(b).changes_of(watch).len(), 10);
    world.at(b).grant_watch(watch, 1000);
    assert_eq!(world.told(b).changes_of(watch).len(), 1201 - told - 10);
}

/// What a watcher that followed every change knows.
fn follow(changes: &[Change]) -> Vec<(String, Vec<String>)> {
    let mut known: Vec<(ServiceId, String, Vec<String>)> = Vec::new();
    for change in changes {
        match (change.status, &change.service) {
            (Status::Reset, _) => known.clear(),
            (Status::Available, Some(info)) => {
                assert!(known.iter().all(|(id, ..)| *id != info.id), "available twice");
                known.push((info.id, info.name.to_string(), Vec::new()));
            }
            (Status::Joined, Some(info)) => {
                let entry = known.iter_mut().find(|(id, ..)| *id == info.id).unwrap();
                entry.2.push(change.group.clone().unwrap().to_string());
            }
            (Status::Left, Some(info)) => {
                let entry = known.iter_mut().find(|(id, ..)| *id == info.id).unwrap();
                let group = change.group.clone().unwrap();
                entry.2.retain(|known| **known != *group);
            }
            (Status::Withdrawn, Some(info)) => {
                let at = known.iter().position(|(id, ..)| *id == info.id).unwrap();
                assert!(known.remove(at).2.is_empty(), "withdrawn while in a group");
            }
            _ => {}
        }
    }
    known.into_iter().map(|(_, name, groups)| (name, groups)).collect()
}

#[test]
fn a_watch_too_far_behind_is_reset_and_its_new_replay_is_consistent() {
    let (mut world, _, [a, b]) = World::star(6);
    let (no, _) = world.create_with(a, grouped("flapping", &[]));
    world.create_with(a, grouped("steady", &["g"]));
    world.settle();
    let watch = world.watch_all(b);
    world.told(b);
    world.host(b).listening = false;
    for _ in 0..=MAX_WATCH_BACKLOG / 2 {
        let now = world.now();
        world.at(a).join(now, no, "h").unwrap();
        world.at(a).leave(now, no, "h").unwrap();
    }
    let now = world.now();
    world.at(a).join(now, no, "end").unwrap();
    world.settle();
    world.host(b).listening = true;
    let told = world.told(b);
    let changes = told.changes_of(watch);
    assert_eq!(changes[0].status, Status::Reset);
    assert_eq!(changes.iter().filter(|change| change.status == Status::Reset).count(), 1);
    let replayed = brief(&changes[1..]);
    assert_eq!(
        replayed,
        [
            (Status::Available, "flapping", None, true),
            (Status::Joined, "flapping", Some("end"), true),
            (Status::Available, "steady", None, true),
            (Status::Joined, "steady", Some("g"), true),
            (Status::Current, "", None, false),
        ]
    );
    world.at(a).leave(now, no, "end").unwrap();
    let after = world.told(b);
    assert_eq!(after.changes_of(watch).len(), 1, "it goes on after the replay");
    let all: Vec<Change> = [changes, after.changes_of(watch)].concat();
    let expected = [("flapping".to_owned(), vec![]), ("steady".to_owned(), vec!["g".to_owned()])];
    assert_eq!(follow(&all), expected);
}

#[test]
fn a_watch_exactly_at_the_bound_is_not_reset() {
    let (mut world, _, [a]) = World::star(7);
    let (no, _) = world.create(a, "flapping");
    let watch = world.watch_all(a);
    world.told(a);
    world.host(a).listening = false;
    let now = world.now();
    for _ in 0..MAX_WATCH_BACKLOG / 2 {
        world.at(a).join(now, no, "h").unwrap();
        world.at(a).leave(now, no, "h").unwrap();
    }
    world.settle();
    world.host(a).listening = true;
    let told = world.told(a);
    assert_eq!(told.changes_of(watch).len(), MAX_WATCH_BACKLOG);
    assert!(told.changes_of(watch).iter().all(|change| change.status != Status::Reset));
}

#[test]
fn the_loss_of_the_hub_withdraws_remote_services_only_and_they_return_under_their_identities() {
    let (mut world, hub, [a, b]) = World::star(8);
    let (_, mine) = world.create_with(a, grouped("mine", &["g"]));
    let (_, yours) = world.create_with(b, grouped("yours", &["g"]));
    world.create(hub, "the hub's");
    world.settle();
    let watch = world.watch_all(a);
    world.told(a);

    world.restart(hub);
    world.settle();
    assert_eq!(world.sees(a), ["mine"]);
    let told = world.told(a);
    // All leaves come before all withdrawals, and the link's end comes last.
    assert_eq!(
        brief(told.changes_of(watch)),
        [
            (Status::Left, "yours", Some("g"), false),
            (Status::Withdrawn, "the hub's", None, false),
            (Status::Withdrawn, "yours", None, false),
        ]
    );

    world.hub(hub, "");
    world.advance(Duration::from_secs(10));
    assert_eq!(world.sees(a), ["mine", "yours"]);
    assert_eq!(world.sees(b), ["mine", "yours"]);
    let told = world.told(a);
    assert_eq!(
        brief(told.changes_of(watch)),
        [(Status::Available, "yours", None, false), (Status::Joined, "yours", Some("g"), false),]
    );
    let id_at = |world: &mut World, node, name: &str| {
        let filter = Filter { name: Some(name.into()), ..Filter::default() };
        world.at(node).lookup(&filter)[0].id
    };
    assert_eq!(id_at(&mut world, a, "yours"), yours);
    assert_eq!(id_at(&mut world, b, "mine"), mine);
}

#[test]
fn a_dead_client_is_withdrawn_everywhere_once_with_its_group_leaves_first_and_its_link_last() {
    let (mut world, hub, [a, b]) = World::star(9);
    world.create_with(a, grouped("one", &["g"]));
    world.create_with(a, grouped("two", &["g"]));
    world.settle();
    let nodes = [hub, b];
    let watches = nodes.map(|node| (node, world.watch_all(node)));
    for (node, _) in watches {
        world.told(node);
    }
    world.kill(a);
    world.settle();
    for (node, watch) in watches {
        let events = world.host(node).take_events();
        let changes: Vec<Change> = events
            .iter()
            .filter_map(|event| match event {
                Event::Change { watch: of, change } if *of == watch => Some(change.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(
            brief(&changes),
            [
                (Status::Left, "one", Some("g"), false),
                (Status::Left, "two", Some("g"), false),
                (Status::Withdrawn, "one", None, false),
                (Status::Withdrawn, "two", None, false),
            ]
        );
        if node == hub {
            assert!(matches!(events.last(), Some(Event::LinkInactive(_))), "{events:?}");
        }
    }
}

#[test]
fn a_restarted_client_is_somebody_else() {
    let (mut world, hub, [a, b]) = World::star(10);
    let (_, before) = world.create(a, "x");
    world.settle();
    world.restart(a);
    world.connect(a, hub);
    let (_, after) = world.create(a, "x");
    assert_ne!(before, after);
    assert_eq!(world.sees(b), ["x"]);
    let filter = Filter { id: Some(before), ..Filter::default() };
    assert!(world.at(b).lookup(&filter).is_empty());
}

#[test]
fn an_active_link_is_told_after_everything_the_peer_had() {
    let (mut world, hub, [a]) = World::star(11);
    for n in 0..2000 {
        if n < 1000 {
            world.create(a, &format!("a{n}"));
        } else {
            world.create(hub, &format!("h{n}"));
        }
    }
    let late = world.process("late");
    let watch = world.watch_all(late);
    world.connect(late, hub);
    world.settle();
    let events = world.host(late).take_events();
    let active = events.iter().position(|event| matches!(event, Event::LinkActive(_))).unwrap();
    let before = events[..active]
        .iter()
        .filter(|event| {
            matches!(event, Event::Change { watch: of, change }
            if *of == watch && change.status == Status::Available)
        })
        .count();
    assert_eq!(before, 2000);
}
