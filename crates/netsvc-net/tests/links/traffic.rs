//! What is exchanged over links: through a hub, over its restarts, and in bulk.

use std::time::Duration;

use netsvc_core::{
    Content, ContentRef, ContentType, Event, Lifetime, Limits, Outcome, PublishOptions,
    RequestCode, RequestOptions, Role, ServiceId, Str, SubscriptionLimits, SubscriptionTarget,
};
use netsvc_testkit::{Target, Verbs};

use crate::support::{Node, SOON, answer_next, content};

const PATIENT: Duration = Duration::from_secs(60);

fn request(node: &Node, key: u64, target: &Target, content: Content) {
    node.engine.with(|process, now| {
        process.ask(now, key, target.clone(), "say", content, RequestOptions::within(PATIENT));
    });
}

fn named(name: &str) -> Target {
    Target::Name(name.into())
}

#[test]
fn two_clients_work_together_through_a_hub() {
    let (_hub, port) = Node::hub(Limits::default());
    let provider = Node::client("provider", port);
    let user = Node::client("user", port);
    let (number, id) = provider.service("thermometer", &["say"]);
    user.sees("thermometer", &[id]);

    request(&user, 1, &named("thermometer"), content("how warm?"));
    answer_next(&provider);
    assert_eq!(user.outcome(1), Outcome::Response(content("how warm?")));
    request(&user, 2, &Target::Identity(id), content("and now?"));
    answer_next(&provider);
    assert_eq!(user.outcome(2), Outcome::Response(content("and now?")));

    user.engine.with(|process, now| {
        let target = SubscriptionTarget::Name("thermometer".into());
        let limits = SubscriptionLimits { reports: 100, bytes: 1 << 20, latest: false };
        process.subscribe(now, target, "temperature.*", limits).unwrap()
    });
    // What is published before the publisher has heard of the subscriber is not for it.
    provider.wait("the subscriber", |event| match event {
        Event::Subscriber { service, present: true, .. } => Some(*service == number),
        _ => None,
    });
    for value in ["20", "21", "22"] {
        provider.engine.with(|process, now| {
            let subject = "temperature.kitchen";
            process.report(now, number, subject, content(value), Lifetime::None).unwrap()
        });
    }
    for value in ["20", "21", "22"] {
        let report = user.wait("a report", |event| match event {
            Event::Report { report, .. } => Some(report.clone()),
            _ => None,
        });
        assert_eq!((report.id, report.content), (id, content(value)));
    }
}

#[test]
fn the_hub_itself_asks_and_answers() {
    let (hub, port) = Node::hub(Limits::default());
    let client = Node::client("client", port);
    let (_, at_hub) = hub.service("at hub", &["say"]);
    let (_, at_client) = client.service("at client", &["say"]);
    client.sees("at hub", &[at_hub]);
    hub.sees("at client", &[at_client]);
    request(&client, 1, &named("at hub"), content("up"));
    answer_next(&hub);
    assert_eq!(client.outcome(1), Outcome::Response(content("up")));
    request(&hub, 1, &named("at client"), content("down"));
    answer_next(&client);
    assert_eq!(hub.outcome(1), Outcome::Response(content("down")));
}

#[test]
fn contents_of_any_size_arrive_whole() {
    let limits = || Limits { payload: 16 << 20, outbox: 64 << 20, ..Limits::default() };
    let (_hub, port) = Node::hub(limits());
    let [provider, user] = ["provider", "user"].map(|label| {
        let node = Node::start_with(label, limits(), None);
        node.connect(node.exchange(Role::Client), port, SOON);
        node.active();
        node
    });
    let (_, id) = provider.service("store", &["say"]);
    user.sees("store", &[id]);
    let sizes = [0, 1, 65_535, 65_536, 65_537, 1 << 20, 10 << 20];
    for (key, size) in (1..).zip(sizes) {
        let bytes: Vec<u8> = (0..size).map(|index: u32| (index % 251) as u8).collect();
        let sent = Content::raw(bytes);
        request(&user, key, &named("store"), sent.clone());
        answer_next(&provider);
        assert!(user.outcome(key) == Outcome::Response(sent), "{size} bytes");
    }
}

#[test]
fn many_requests_in_flight_are_answered_each() {
    let (_hub, port) = Node::hub(Limits::default());
    let provider = Node::client("provider", port);
    let user = Node::client("user", port);
    let (_, id) = provider.service("busy", &["say"]);
    user.sees("busy", &[id]);
    let keys = 0..500_u64;
    for key in keys.clone() {
        request(&user, key, &named("busy"), content(&key.to_string()));
    }
    for _ in keys.clone() {
        answer_next(&provider);
    }
    for key in keys {
        assert_eq!(user.outcome(key), Outcome::Response(content(&key.to_string())));
    }
}

#[test]
fn a_lost_provider_fails_its_requests_at_once() {
    let (_hub, port) = Node::hub(Limits::default());
    let provider = Node::client("provider", port);
    let user = Node::client("user", port);
    let (_, id) = provider.service("fragile", &["say"]);
    user.sees("fragile", &[id]);
    request(&user, 1, &named("fragile"), content("?"));
    provider.wait("the request", |event| matches!(event, Event::Invoke(_)).then_some(()));
    drop(provider);
    let Outcome::Error(error) = user.outcome(1) else { panic!("a response from nobody") };
    assert_eq!(error.code, RequestCode::Lost);
    user.sees("fragile", &[]);
}

#[test]
fn a_hub_that_restarts_ten_times_finds_everybody_again() {
    let (mut hub, port) = Node::hub(Limits::default());
    let provider = Node::client("provider", port);
    let user = Node::client("user", port);
    let ids: Vec<ServiceId> =
        ["first", "second"].map(|name| provider.service(name, &["say"]).1).to_vec();
    for round in 1..=10 {
        user.sees("first", &ids[..1]);
        user.sees("second", &ids[1..]);
        request(&user, round, &named("second"), content("still there?"));
        answer_next(&provider);
        assert_eq!(user.outcome(round), Outcome::Response(content("still there?")));
        drop(hub);
        user.inactive();
        provider.inactive();
        assert!(user.lookup("first").is_empty());
        assert_eq!(provider.lookup("first").len(), 1);
        hub = Node::start("hub");
        assert_eq!(hub.listen_tcp(hub.exchange(Role::Server), port), port);
        user.active();
        provider.active();
    }
}

#[test]
fn what_several_threads_send_at_once_arrives_completely_and_in_order() {
    let (hub, port) = Node::hub(Limits::default());
    let client = Node::client("client", port);
    let services = ["a", "b", "c", "d"].map(|name| client.service(name, &[]));
    for name in ["a", "b", "c", "d"] {
        hub.engine.with(|process, now| {
            let limits = SubscriptionLimits { reports: 100_000, bytes: 1 << 30, latest: false };
            let target = SubscriptionTarget::Name(name.into());
            process.subscribe(now, target, "*", limits).unwrap()
        });
        client.wait("the subscriber", |event| {
            matches!(event, Event::Subscriber { present: true, .. }).then_some(())
        });
    }
    // Small ones and such that fill the socket, so that writing changes hands.
    let sizes = [1, 100, 20_000];
    let rounds = 600;
    std::thread::scope(|scope| {
        for (service, _) in services {
            let client = &client;
            scope.spawn(move || {
                for size in sizes.into_iter().cycle().take(rounds) {
                    let content = Content::raw(vec![7; size]);
                    client.engine.with(|process, now| {
                        process.report(now, service, "all", content, Lifetime::None).unwrap()
                    });
                }
            });
        }
    });
    let mut last = [0; 4];
    for _ in 0..rounds * services.len() {
        let report = hub.wait("a report", |event| match event {
            Event::Report { report, .. } => Some(report.clone()),
            _ => None,
        });
        let publisher = services.iter().position(|(_, id)| *id == report.id).unwrap();
        assert_eq!((report.sequence, report.missed), (last[publisher] + 1, 0));
        last[publisher] = report.sequence;
    }
}

#[test]
fn large_reports_written_from_where_they_lie_arrive_whole_and_in_order() {
    let (_hub, port) = Node::hub(Limits::default());
    let publisher = Node::client("publisher", port);
    let user = Node::client("user", port);
    let (number, id) = publisher.service("camera", &[]);
    user.sees("camera", &[id]);
    user.engine.with(|process, now| {
        let target = SubscriptionTarget::Name("camera".into());
        let limits = SubscriptionLimits { reports: 10_000, bytes: 1 << 30, latest: false };
        process.subscribe(now, target, "*", limits).unwrap()
    });
    publisher.wait("the subscriber", |event| match event {
        Event::Subscriber { present: true, .. } => Some(()),
        _ => None,
    });
    // Faster than the socket takes them, so that some are left over in part, and small ones
    // between.
    let bytes = |n: usize| vec![n as u8; [900_000, 10, 70_000, 300_000, 5_000][n % 5]];
    let mut seen = 0;
    let mut buffer = Vec::new();
    while seen < 200 {
        for n in seen..seen + 20 {
            buffer.clone_from(&bytes(n));
            let lying = ContentRef::new(ContentType::BYTES, &buffer);
            let subject = Str::from(format!("frame.{}", n % 3));
            let options = PublishOptions::default();
            publisher.engine.publish(number, &subject, lying, &options).unwrap();
        }
        for n in seen..seen + 20 {
            let report = user.wait("a report", |event| match event {
                Event::Report { report, .. } => Some(report.clone()),
                _ => None,
            });
            assert_eq!((report.sequence, report.missed), (n as u64 + 1, 0));
            assert_eq!(*report.subject, *format!("frame.{}", n % 3));
            assert!(report.content.bytes == bytes(n), "report {n}");
        }
        seen += 20;
    }
}
