//! Processes come, do everything, and are cut off: of what they did, nothing stays in any table.

use std::time::Duration;

use netsvc_core::{
    CallId, Content, Event, HandlerResult, Lifetime, Limits, RequestOptions, Role, ServiceNo,
    SubscriptionLimits, SubscriptionTarget,
};
use netsvc_testkit::{Target, Verbs};

use crate::support::{Node, SOON, answer_next, content, eventually};

const ROUNDS: usize = 40;
const PATIENT: Duration = Duration::from_secs(60);

fn tables(node: &Node) -> Vec<(&'static str, usize)> {
    node.engine.with(|process, _| process.table_sizes())
}

fn ask(node: &Node, key: u64, name: &str, content: Content) {
    node.engine.with(|process, now| {
        let target = Target::Name(name.into());
        process.ask(now, key, target, "say", content, RequestOptions::within(PATIENT));
    });
}

fn subscribe(node: &Node, name: &str) {
    node.engine.with(|process, now| {
        let target = SubscriptionTarget::Name(name.into());
        let limits = SubscriptionLimits { reports: 100, bytes: 1 << 20, latest: false };
        process.subscribe(now, target, "*", limits).unwrap()
    });
}

fn publish(node: &Node, service: ServiceNo, lifetime: Lifetime) {
    node.engine
        .with(|process, now| process.report(now, service, "s", content("said"), lifetime).unwrap());
}

/// The next request to it, which it does not answer.
fn invoked(node: &Node) -> CallId {
    node.wait("a request", |event| match event {
        Event::Invoke(invocation) => Some(invocation.call),
        _ => None,
    })
}

fn hear(node: &Node) {
    node.wait("a report", |event| matches!(event, Event::Report { .. }).then_some(()));
}

#[test]
fn after_any_number_of_processes_that_came_and_were_cut_off_every_table_is_as_before() {
    let (hub, port) = Node::hub(Limits::default());
    let stays = Node::client("stays", port);
    let (lasting, id) = stays.service("lasting", &["say"]);
    hub.sees("lasting", &[id]);
    subscribe(&stays, "passing");
    let mut before = None;
    for round in 0..=ROUNDS {
        let unanswered = {
            let passing = Node::client("passing", port);
            passing.sees("lasting", &[id]);
            subscribe(&passing, "lasting");
            let (number, own) = passing.service("passing", &["say"]);
            stays.sees("passing", &[own]);
            stays.wait("a subscriber", |event| {
                matches!(event, Event::Subscriber { present: true, .. }).then_some(())
            });
            publish(&stays, lasting, Lifetime::None);
            hear(&passing);
            publish(&passing, number, Lifetime::Forever);
            hear(&stays);
            ask(&passing, 1, "lasting", content("?"));
            answer_next(&stays);
            passing.outcome(1);
            // Two requests are under way, one in each direction, when it is gone.
            ask(&passing, 2, "lasting", content("never answered"));
            ask(&stays, 3, "passing", content("never answered"));
            invoked(&passing);
            invoked(&stays)
        };
        stays.outcome(3);
        stays.sees("passing", &[]);
        stays.wait("the end of the request", |event| {
            matches!(event, Event::Abort { .. }).then_some(())
        });
        // Its slot is free when the handler has settled.
        stays.engine.with(|process, _| {
            process.answer(unanswered, HandlerResult::Response(content("too late")));
        });
        stays.wait("the end of the interest", |event| {
            matches!(event, Event::Subscriber { present: false, .. }).then_some(())
        });
        eventually("the hub has forgotten it", || hub.lookup("passing").is_empty());
        match &before {
            // What the first leaves behind, as timers that are in use from now on, stays.
            None => before = Some([&hub, &stays].map(tables)),
            Some(before) => eventually(&format!("as before, round {round}"), || {
                [&hub, &stays].map(tables) == *before
            }),
        }
    }
}

#[test]
fn a_link_that_is_cut_again_and_again_leaves_every_table_as_before() {
    let (mut hub, port) = Node::hub(Limits::default());
    let client = Node::start("client");
    client.connect(client.exchange(Role::Client), port, SOON);
    let (number, id) = client.service("lasting", &["say"]);
    subscribe(&client, "at hub");
    let mut before: Option<Vec<_>> = None;
    for round in 0..=10 {
        client.active();
        hub.sees("lasting", &[id]);
        let (_, at_hub) = hub.service("at hub", &["say"]);
        client.sees("at hub", &[at_hub]);
        subscribe(&hub, "lasting");
        client.wait("a subscriber", |event| {
            matches!(event, Event::Subscriber { present: true, .. }).then_some(())
        });
        publish(&client, number, Lifetime::None);
        hear(&hub);
        ask(&client, 1, "at hub", content("?"));
        invoked(&hub);
        drop(hub);
        client.outcome(1);
        client.inactive();
        client.sees("at hub", &[]);
        match &before {
            None => before = Some(tables(&client)),
            Some(before) => {
                eventually(&format!("as before, round {round}"), || tables(&client) == *before);
            }
        }
        hub = Node::start("hub");
        hub.listen_tcp(hub.exchange(Role::Server), port);
    }
}
