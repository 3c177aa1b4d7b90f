//! Promise 12: what one process sends arrives in the order sent.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{Content, Event, Filter, HandlerResult, Lifetime, NewService, Outcome, Status};
use netsvc_testkit::{Node, Verbs, World, service};

const LIVE: Lifetime = Lifetime::None;

/// What an application was told, in order, in short.
fn brief(world: &mut World, node: Node) -> Vec<String> {
    world.settle();
    let events = world.host(node).take_events();
    events
        .iter()
        .map(|event| match event {
            Event::Change { change, .. } => match change.status {
                Status::Available => "available".to_owned(),
                Status::Withdrawn => "withdrawn".to_owned(),
                Status::Joined => format!("joined {}", change.group.as_deref().unwrap()),
                Status::Left => format!("left {}", change.group.as_deref().unwrap()),
                Status::Current => "current".to_owned(),
                Status::Reset => "reset".to_owned(),
            },
            Event::Report { report, .. } => format!("report {}", report.subject),
            Event::Outcome { outcome: Outcome::Response(content), .. } => {
                format!("response {}", String::from_utf8_lossy(&content.bytes))
            }
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn announcements_reports_and_withdrawal_of_one_process_stay_in_order() {
    let (mut world, hub, [a, b]) = World::star(1);
    for node in [hub, b] {
        world.watch_all(node);
        world.subscribe(node, "x", "*");
        brief(&mut world, node);
    }
    let (no, _) = world.create(a, "x");
    // The replay is over: until then reports are held, while changes of group are not.
    world.settle();
    let now = world.now();
    world.publish(a, no, "1", LIVE);
    world.at(a).join(now, no, "g").unwrap();
    world.publish(a, no, "2", LIVE);
    world.settle();
    world.publish(a, no, "3", LIVE);
    world.at(a).leave(now, no, "g").unwrap();
    world.publish(a, no, "4", LIVE);
    world.at(a).close_service(now, no);
    for node in [hub, b] {
        assert_eq!(
            brief(&mut world, node),
            [
                "available",
                "report 1",
                "joined g",
                "report 2",
                "report 3",
                "left g",
                "report 4",
                "withdrawn",
            ]
        );
    }
}

#[test]
fn a_service_created_used_and_closed_in_one_breath_is_told_in_order() {
    let (mut world, hub, [a, b]) = World::star(2);
    for node in [hub, b] {
        world.watch_all(node);
        world.subscribe(node, "x", "*");
        brief(&mut world, node);
    }
    let (no, _) = world.create_with(a, NewService { groups: vec!["g".into()], ..service("x") });
    world.publish(a, no, "only", LIVE);
    let now = world.now();
    world.at(a).close_service(now, no);
    for node in [hub, b] {
        let told = brief(&mut world, node);
        let report = told.iter().position(|event| event == "report only");
        let withdrawn = told.iter().position(|event| event == "withdrawn");
        assert!(report.is_some(), "{told:?}");
        assert!(report < withdrawn, "{told:?}");
        assert_eq!(told.last().map(String::as_str), Some("withdrawn"));
    }
}

#[test]
fn a_subscription_made_before_a_request_is_in_force_when_its_handler_runs() {
    for by_hub in [false, true] {
        let (mut world, hub, [a, b]) = World::star(3);
        let provider = if by_hub { hub } else { a };
        let (no, _) = world.create(provider, "x");
        world.settle();
        world.subscribe(b, "x", "*");
        world.ask(b, 1, "x", "");
        let invoked = world.until(Duration::from_secs(1), |world| {
            let events = &world.host(provider).events;
            events.iter().any(|event| matches!(event, Event::Invoke(_)))
        });
        assert!(invoked);
        // The handler publishes, then answers.
        world.publish(provider, no, "from the handler", LIVE);
        let events = world.host(provider).take_events();
        for event in events {
            if let Event::Invoke(invocation) = event {
                world.respond(provider, invocation.call, "done");
            }
        }
        assert_eq!(brief(&mut world, b), ["report from the handler", "response done"]);
    }
}

#[test]
fn reports_and_responses_of_one_process_stay_in_order() {
    let (mut world, _, [a, b]) = World::star(4);
    let (no, _) = world.create(a, "x");
    world.subscribe(b, "x", "*");
    world.settle();
    for key in 0..4 {
        world.ask(b, key, "x", "");
    }
    let running = world.told(a).invoked;
    let mut expected = Vec::new();
    for (n, invocation) in running.iter().enumerate() {
        world.publish(a, no, &n.to_string(), LIVE);
        let result = HandlerResult::Response(Content::raw(n.to_string()));
        world.at(a).answer(invocation.call, result);
        expected.extend([format!("report {n}"), format!("response {n}")]);
    }
    assert_eq!(brief(&mut world, b), expected);
}

#[test]
fn requests_reach_their_handlers_in_the_order_sent() {
    let (mut world, _, [a, b]) = World::star(5);
    world.create(a, "x");
    world.settle();
    for key in 0..100_u64 {
        world.ask(b, key, "x", &key.to_string());
        if key % 9 == 0 {
            world.advance(Duration::from_micros(300));
        }
    }
    let told = world.told(a);
    let order: Vec<String> = told
        .invoked
        .iter()
        .map(|invocation| String::from_utf8_lossy(&invocation.content.bytes).into_owned())
        .collect();
    assert_eq!(order, (0..100).map(|key| key.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_snapshot_of_a_new_link_comes_before_what_happens_meanwhile() {
    let mut world = World::new(6);
    world.capacity = 500;
    let [hub, a, b] = ["hub", "a", "b"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(a, hub);
    let services: Vec<_> = (0..50).map(|n| world.create(a, &format!("s{n}")).0).collect();
    world.settle();
    let watch = world.watch_all(b);
    world.connect(b, hub);
    // The snapshot is on its way through a narrow pipe while groups change and services end.
    for (n, no) in services.iter().enumerate() {
        let now = world.now();
        world.at(a).join(now, *no, "g").unwrap();
        if n % 3 == 0 {
            world.at(a).close_service(now, *no);
        }
        if n % 10 == 0 {
            let late = NewService { groups: vec!["g".into()], ..service("late") };
            world.create_with(a, late);
        }
        world.advance(Duration::from_micros(150));
    }
    world.settle();
    let told = world.told(b);
    let mut known = std::collections::BTreeMap::new();
    for change in told.changes_of(watch) {
        let Some(info) = &change.service else { continue };
        match change.status {
            Status::Available => assert!(known.insert(info.id, false).is_none()),
            Status::Joined => assert_eq!(known.insert(info.id, true), Some(false)),
            Status::Left => assert_eq!(known.insert(info.id, false), Some(true)),
            Status::Withdrawn => assert!(known.remove(&info.id).is_some()),
            _ => {}
        }
    }
    let seen = world.at(b).lookup(&Filter::default());
    assert_eq!(seen.len(), 38);
    assert!(seen.iter().all(|info| info.groups.len() == 1));
    assert_eq!(known.len(), 38);
    assert!(known.values().all(|joined| *joined));
}
