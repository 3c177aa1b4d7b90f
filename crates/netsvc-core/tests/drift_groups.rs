//! Promise 9 where a service is known over one link and announced over another: of one origin the
//! higher revision wins, whatever way it took.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use netsvc_core::{Filter, Heartbeat, Retry, Str};
use netsvc_testkit::{Node, World, story};

fn groups(world: &mut World, node: Node) -> Vec<Str> {
    let [service] = &world.at(node).lookup(&Filter::default())[..] else { return Vec::new() };
    service.groups.clone()
}

#[test]
fn a_change_of_group_that_one_link_holds_back_is_learned_from_the_announcement_over_another() {
    let mut world = World::new(1);
    let [provider, user] = ["provider", "user"].map(|label| world.process(label));
    let hubs = ["a", "b"].map(|group| {
        let hub = world.process(group);
        world.hub(hub, group);
        hub
    });
    let connect = |world: &mut World, node, index: usize| {
        let group = ["a", "b"][index];
        world.connect_with(node, hubs[index], group, Retry::Backoff, Heartbeat::default())
    };
    connect(&mut world, provider, 0);
    connect(&mut world, provider, 1);
    connect(&mut world, user, 0);
    let (no, _) = world.create(provider, "x");
    world.settle();
    let now = world.now();
    world.at(provider).join(now, no, "old").unwrap();
    world.watch_all(user);
    world.settle();
    assert_eq!(groups(&mut world, user), ["old".into()]);
    world.host(user).take_events();
    // What the first hub hears from now on does not get through to the user.
    world.freeze(hubs[0], user, true);
    world.at(provider).leave(now, no, "old").unwrap();
    world.at(provider).join(now, no, "new").unwrap();
    world.settle();
    assert_eq!(groups(&mut world, user), ["old".into()]);
    connect(&mut world, user, 1);
    world.settle();
    assert_eq!(groups(&mut world, user), ["new".into()]);
    // What was held back is old news then.
    world.freeze(hubs[0], user, false);
    world.settle();
    assert_eq!(groups(&mut world, user), ["new".into()]);
    let told = story(&world.host(user).take_events());
    let told: Vec<&str> = told.iter().map(String::as_str).filter(|it| it.contains(" x")).collect();
    assert_eq!(told, ["left x old", "joined x new"]);
}
