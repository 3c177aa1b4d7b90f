//! Promises 9, 11, 13, 14 and 19 for a process that is linked with one hub process twice, in two
//! exchange groups: what the hub tells the clients of a group depends on the link of that group,
//! and on no other.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{Delivered, Heartbeat, Lifetime, LinkId, Outcome, RequestCode, Retry, ServiceNo};
use netsvc_testkit::{Node, World, story, verdict};

const GROUPS: [&str; 2] = ["a", "b"];

struct TwoGroups {
    world: World,
    hub: Node,
    provider: Node,
    /// Of the provider, one for each group.
    links: [LinkId; 2],
    /// One for each group.
    clients: [Node; 2],
    no: ServiceNo,
}

/// A provider of the service `x`, a client of one hub in both groups, and a client in each.
fn two_groups(seed: u64) -> TwoGroups {
    let mut world = World::new(seed);
    let [hub, provider] = ["hub", "provider"].map(|label| world.process(label));
    for group in GROUPS {
        world.hub(hub, group);
    }
    let mut connect =
        |node, group| world.connect_with(node, hub, group, Retry::Backoff, Heartbeat::default());
    let links = GROUPS.map(|group| connect(provider, group));
    let clients = ["in a", "in b"].map(|label| world.process(label));
    for (client, group) in clients.into_iter().zip(GROUPS) {
        world.connect_with(client, hub, group, Retry::Backoff, Heartbeat::default());
    }
    let (no, _) = world.create(provider, "x");
    world.settle();
    for node in clients.into_iter().chain([hub, provider]) {
        world.host(node).take_events();
    }
    TwoGroups { world, hub, provider, links, clients, no }
}

impl TwoGroups {
    fn cut(&mut self, group: usize) {
        self.world.cut_link(self.provider, self.links[group]);
    }

    /// Cuts one link until `during` is over.
    fn without(&mut self, group: usize, during: impl FnOnce(&mut Self)) {
        self.world.stop_listening(self.hub);
        self.cut(group);
        during(self);
    }

    fn seen(&mut self) -> [usize; 2] {
        self.clients.map(|client| self.world.sees(client).len())
    }
}

#[test]
fn clients_of_both_groups_see_the_service() {
    let mut groups = two_groups(1);
    assert_eq!(groups.seen(), [1, 1]);
}

#[test]
fn clients_of_both_groups_reach_the_service() {
    let TwoGroups { mut world, provider, clients, .. } = two_groups(2);
    for client in clients {
        world.ask(client, 1, "x", "");
    }
    for call in world.told(provider).invoked {
        world.respond(provider, call.call, "21");
    }
    let answered = clients.map(|client| {
        let told = world.told(client);
        matches!(told.only_outcome(), Outcome::Response(_))
    });
    assert_eq!(answered, [true, true]);
}

#[test]
fn clients_of_both_groups_get_kept_values_and_reports() {
    let TwoGroups { mut world, provider, clients, no, .. } = two_groups(3);
    world.publish(provider, no, "kept", Lifetime::Forever);
    let subscriptions = clients.map(|client| world.subscribe(client, "x", "*"));
    world.settle();
    world.publish(provider, no, "live", Lifetime::None);
    let told = [0, 1].map(|index| world.told(clients[index]).sequences(subscriptions[index]));
    assert_eq!(told, [[1, 2], [1, 2]]);
}

#[test]
fn who_loses_the_link_of_its_group_sees_the_service_no_more_and_the_others_still_do() {
    for lost in [0, 1] {
        let mut groups = two_groups(4);
        groups.without(lost, |groups| {
            let expected = if lost == 0 { [0, 1] } else { [1, 0] };
            assert_eq!(groups.seen(), expected, "without the link of group {lost}");
        });
    }
}

#[test]
fn who_sees_the_service_without_one_of_its_links_may_ask_it() {
    let mut groups = two_groups(5);
    groups.without(0, |groups| {
        groups.world.settle();
        let TwoGroups { world, provider, clients: [first, second], .. } = groups;
        world.ask(*first, 1, "x", "");
        let told = world.told(*first);
        assert_eq!(verdict(&told), (RequestCode::NoService, Delivered::No));
        world.ask(*second, 1, "x", "");
        let call = world.told(*provider).only_invocation().call;
        world.respond(*provider, call, "21");
        let told = world.told(*second);
        assert!(matches!(told.only_outcome(), Outcome::Response(_)));
    });
}

#[test]
fn a_closed_service_is_withdrawn_from_the_clients_of_both_groups() {
    let TwoGroups { mut world, provider, clients, no, .. } = two_groups(6);
    for client in clients {
        world.watch_all(client);
        world.settle();
        world.host(client).take_events();
    }
    let now = world.now();
    world.at(provider).close_service(now, no);
    world.settle();
    let told = clients.map(|client| story(&world.host(client).take_events()));
    assert_eq!(told, [["withdrawn x"], ["withdrawn x"]]);
}

#[test]
fn a_service_is_told_to_the_clients_of_a_group_when_its_link_there_comes_later() {
    let mut groups = two_groups(7);
    let (provider, hub, clients) = (groups.provider, groups.hub, groups.clients);
    groups.cut(0);
    groups.cut(1);
    groups.world.advance(Duration::from_secs(30));
    assert_eq!(groups.seen(), [1, 1], "both are back");
    let subscription = groups.world.subscribe(clients[0], "x", "*");
    groups.world.settle();
    let no = groups.no;
    groups.world.publish(provider, no, "live", Lifetime::None);
    assert_eq!(groups.world.told(clients[0]).sequences(subscription), [1]);
    assert_eq!(groups.world.at(hub).ignored(), 0);
}

#[test]
fn a_replay_asked_over_a_link_that_is_lost_holds_up_no_later_reports() {
    let TwoGroups { mut world, hub, provider, links, clients: [client, _], no } = two_groups(8);
    world.publish(provider, no, "kept", Lifetime::Forever);
    world.settle();
    // The request for kept values comes to the hub, and not to the provider.
    world.freeze(hub, provider, true);
    let subscription = world.subscribe(client, "x", "*");
    world.settle();
    world.cut_link(provider, links[0]);
    world.freeze(hub, provider, false);
    world.advance(Duration::from_secs(30));
    for _ in 0..3 {
        world.publish(provider, no, "live", Lifetime::None);
        world.settle();
    }
    assert_eq!(world.told(client).sequences(subscription), [1, 2, 3, 4]);
    assert_eq!(world.table(client, "replays"), 0);
}
