//! Promises 4 and 11: a loss is told in one piece and in one order, to everybody whom it concerns,
//! and what is one's own stays.

use netsvc_core::{Event, NewService};
use netsvc_testkit::{Node, World, service, story};

struct Scene {
    world: World,
    hub: Node,
    lost: Node,
    other: Node,
}

/// Three processes, each with a service, each asking and being asked by each, each subscribing to
/// each. Nobody has answered; all that was told so far is taken.
fn scene() -> Scene {
    let mut world = World::new(1);
    let [hub, lost, other] = ["hub", "lost", "other"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(lost, hub);
    world.connect(other, hub);
    for (node, name) in [(hub, "display"), (lost, "thermometer"), (other, "lamp")] {
        let groups = vec!["devices".into()];
        world.create_with(node, NewService { groups, ..service(name) });
    }
    world.create_with(lost, NewService { groups: vec!["more".into()], ..service("barometer") });
    world.settle();
    for (node, others) in [
        (hub, ["thermometer", "lamp"]),
        (lost, ["display", "lamp"]),
        (other, ["display", "thermometer"]),
    ] {
        world.watch_all(node);
        for (key, name) in (1..).zip(others) {
            world.subscribe(node, name, &format!("{key}*"));
            world.ask(node, key, name, "please");
        }
    }
    world.settle();
    for node in [hub, lost, other] {
        let events = world.host(node).take_events();
        let invoked = events.iter().filter(|event| matches!(event, Event::Invoke(_))).count();
        assert_eq!(invoked, 2, "{:?}", story(&events));
    }
    Scene { world, hub, lost, other }
}

#[test]
fn the_hub_tells_a_loss_in_one_piece_and_in_order() {
    let Scene { mut world, hub, lost, .. } = scene();
    world.kill(lost);
    world.settle();
    let expected = [
        "outcome 1 lost",
        "abort CallerGone",
        "left thermometer devices",
        "left barometer more",
        "withdrawn thermometer",
        "withdrawn barometer",
        "subscriber 1* gone",
        "inactive connection-lost",
    ];
    assert_eq!(story(&world.host(hub).take_events()), expected);
}

#[test]
fn the_other_clients_hear_of_a_loss_in_one_piece_and_in_order() {
    let Scene { mut world, lost, other, .. } = scene();
    world.kill(lost);
    world.settle();
    let told = story(&world.host(other).take_events());
    let expected = [
        "outcome 2 lost",
        "abort CallerGone",
        "left thermometer devices",
        "left barometer more",
        "withdrawn thermometer",
        "withdrawn barometer",
        "subscriber 2* gone",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_client_that_loses_its_hub_hears_so_in_one_piece_and_keeps_what_is_its_own() {
    let Scene { mut world, hub, lost, .. } = scene();
    world.stop_listening(hub);
    world.cut(hub, lost);
    world.settle();
    let told = story(&world.host(lost).take_events());
    let expected = [
        "outcome 1 link-lost",
        "outcome 2 link-lost",
        "abort CallerGone",
        "abort CallerGone",
        "left display devices",
        "left lamp devices",
        "withdrawn display",
        "withdrawn lamp",
        "subscriber 1* gone",
        "subscriber 2* gone",
        "inactive connection-lost",
    ];
    assert_eq!(told[..expected.len()], expected);
    let left = world.at(lost).lookup(&netsvc_core::Filter::default());
    let names: Vec<&str> = left.iter().map(|service| &*service.name).collect();
    assert_eq!(names, ["thermometer", "barometer"]);

    world.ask(lost, 9, "thermometer", "yourself");
    let invocation = world.told(lost).only_invocation().clone();
    world.respond(lost, invocation.call, "21");
    world.settle();
    let outcomes = world.told(lost).outcomes;
    assert_eq!(outcomes.len(), 1);
}

#[test]
fn nothing_of_a_loss_is_told_twice() {
    let Scene { mut world, hub, lost, other } = scene();
    world.kill(lost);
    world.settle();
    world.host(hub).take_events();
    world.host(other).take_events();
    world.advance(std::time::Duration::from_secs(60));
    for node in [hub, other] {
        let told = story(&world.host(node).take_events());
        let unexpected: Vec<_> = told.iter().filter(|what| !what.starts_with("outcome")).collect();
        // The two that survive still wait for each other, and their deadlines pass.
        assert_eq!(unexpected, ["abort Deadline"], "{told:?}");
        assert_eq!(told.len(), 2);
    }
}
