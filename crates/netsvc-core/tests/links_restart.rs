//! Promise 11 and the links' side of 23: hubs and clients that come and go leave nothing behind and
//! lose nothing, and every service returns under its identity, announced once.

use std::time::Duration;

use netsvc_core::{ServiceId, Status};
use netsvc_testkit::{Node, Told, World, link_story};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn a_hub_restarted_ten_times_gets_every_service_back_once_under_its_identity() {
    let mut world = World::new(1);
    let [hub, one, two] = ["hub", "one", "two"].map(|label| world.process(label));
    world.hub(hub, "");
    let mut ids: Vec<ServiceId> = Vec::new();
    for client in [one, two] {
        world.connect(client, hub);
        ids.extend(["thermometer", "barometer"].map(|name| world.create(client, name).1));
    }
    world.settle();
    let watches = [one, two].map(|client| (client, world.watch_all(client)));
    world.settle();
    for client in [one, two] {
        world.host(client).take_events();
    }
    for round in 0..10 {
        world.restart(hub);
        world.advance(secs(2));
        for (client, watch) in watches {
            let own = world.at(client).id();
            let remote: Vec<_> = ids.iter().copied().filter(|id| id.process != own).collect();
            let told = Told::of(world.host(client).take_events());
            let changes: Vec<_> = told
                .changes_of(watch)
                .iter()
                .map(|change| (change.status, change.service.as_ref().unwrap().id))
                .collect();
            let gone = remote.iter().map(|id| (Status::Withdrawn, *id)).collect::<Vec<_>>();
            assert_eq!(changes, gone, "round {round}: remote services alone are withdrawn");
        }
        world.hub(hub, "");
        let watch = world.watch_all(hub);
        world.advance(secs(6));
        for (client, watch) in watches.into_iter().chain([(hub, watch)]) {
            let own = world.at(client).id();
            let remote: Vec<_> = ids.iter().copied().filter(|id| id.process != own).collect();
            let told = Told::of(world.host(client).take_events());
            let mut available: Vec<_> = told
                .changes_of(watch)
                .iter()
                .filter(|change| change.status != Status::Current)
                .map(|change| (change.status as u8, change.service.as_ref().unwrap().id))
                .collect();
            available.sort_unstable();
            let mut expected: Vec<_> =
                remote.iter().map(|id| (Status::Available as u8, *id)).collect();
            expected.sort_unstable();
            assert_eq!(available, expected, "round {round}: each returns once");
        }
    }
}

fn sizes(world: &mut World, nodes: [Node; 3]) -> Vec<Vec<(&'static str, usize)>> {
    nodes.map(|node| world.at(node).table_sizes()).to_vec()
}

#[test]
fn tables_return_to_their_start_after_links_come_and_go() {
    let mut world = World::new(2);
    let [hub, one, two] = ["hub", "one", "two"].map(|label| world.process(label));
    world.hub(hub, "");
    for client in [one, two] {
        world.connect(client, hub);
        world.create(client, "service");
        world.subscribe(client, "service", "*");
    }
    world.advance(secs(1));
    let start = sizes(&mut world, [hub, one, two]);
    for round in 0..30 {
        world.ask(one, round, "service", "");
        world.cut(hub, if round % 2 == 0 { one } else { two });
        world.advance(secs(3));
    }
    // Invocations of a caller that is gone end when their handlers do.
    for node in [one, two] {
        let invoked = Told::of(world.host(node).take_events()).invoked;
        for invocation in invoked {
            world.respond(node, invocation.call, "");
        }
    }
    world.advance(secs(10));
    assert_eq!(sizes(&mut world, [hub, one, two]), start);
}

#[test]
fn tables_of_a_hub_return_to_their_start_after_clients_come_and_go() {
    let mut world = World::new(3);
    let [hub, stays] = ["hub", "stays"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(stays, hub);
    world.create(stays, "stays");
    world.advance(secs(1));
    let start = sizes(&mut world, [hub, stays, stays]);
    for round in 0..20 {
        let guest = world.process(&format!("guest {round}"));
        world.connect(guest, hub);
        world.create(guest, "guest");
        world.subscribe(guest, "stays", "*");
        world.settle();
        world.ask(stays, round, "guest", "");
        world.settle();
        world.kill(guest);
        world.settle();
        let told = Told::of(world.host(stays).take_events());
        assert_eq!(told.outcomes.len(), 1);
    }
    world.advance(secs(10));
    assert_eq!(sizes(&mut world, [hub, stays, stays]), start);
    assert_eq!(world.table(hub, "links"), 1);
}

#[test]
fn a_process_that_restarts_is_another_one() {
    let mut world = World::new(4);
    let [hub, client] = ["hub", "client"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(client, hub);
    let (_, before) = world.create(client, "thermometer");
    world.settle();
    world.restart(client);
    world.connect(client, hub);
    let (_, after) = world.create(client, "thermometer");
    world.settle();
    assert_ne!(before, after);
    let known = world.at(hub).lookup(&netsvc_core::Filter::default());
    assert_eq!(known.iter().map(|service| service.id).collect::<Vec<_>>(), [after]);
    let told = link_story(&world.host(hub).take_events());
    assert_eq!(told, ["active", "inactive connection-lost", "active"]);
}
