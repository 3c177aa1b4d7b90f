//! How engines end, and what does not end them.

use netsvc_core::{Event, Limits, Role, SubscriptionLimits, SubscriptionTarget};
use netsvc_core::{Heartbeat, Lifetime};
use netsvc_net::{Engine, EngineOptions, Patience, Reading, Runtime};
use netsvc_testkit::Verbs;

use crate::support::{Node, assert_reason, content, loopback};

#[test]
fn what_fits_into_the_sockets_is_written_at_exit() {
    let (hub, port) = Node::hub(Limits::default());
    let client = Node::client("client", port);
    let (service, _) = client.service("hasty", &[]);
    hub.engine.with(|process, now| {
        let limits = SubscriptionLimits { reports: 1000, bytes: 1 << 20, latest: false };
        process.subscribe(now, SubscriptionTarget::Name("hasty".into()), "*", limits).unwrap()
    });
    client.wait("the subscriber", |event| {
        matches!(event, Event::Subscriber { present: true, .. }).then_some(())
    });
    client.engine.with(|process, now| {
        for number in 0..100 {
            let text = content(&number.to_string());
            process.report(now, service, "last words", text, Lifetime::None).unwrap();
        }
    });
    client.engine.shutdown_now(Patience::at_exit());
    client.engine.shutdown_now(Patience::at_exit());
    for number in 0..100 {
        let said = hub.wait("a report", |event| match event {
            Event::Report { report, .. } => Some(report.content.clone()),
            _ => None,
        });
        assert_eq!(said, content(&number.to_string()));
    }
    assert_reason(&hub.inactive(), netsvc_core::ReasonCode::PeerClosed);
}

#[test]
fn a_panicking_callback_harms_nobody() {
    let engine = Engine::start(
        Runtime::shared().unwrap(),
        EngineOptions {
            label: "careless".to_owned(),
            limits: Limits::default(),
            resolver: None,
            reading: Reading::Thread,
            on_events: Box::new(|| panic!("on purpose")),
        },
    )
    .unwrap();
    let exchange = engine
        .with(|process, _| process.create_exchange(Role::Server, "", Heartbeat::default()))
        .unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    engine.listen(
        exchange,
        loopback(0),
        Box::new(move |bound| {
            sender.send(bound.unwrap()).unwrap();
            panic!("on purpose");
        }),
    );
    let bound = receiver.recv().unwrap();
    let [netsvc_net::ListenAddress::Tcp(address)] = bound[..] else { panic!("{bound:?}") };
    // Its link becomes active although the event's signal panics.
    let client = Node::client("client", address.port());
    assert_eq!(client.lookup("nobody"), []);
    drop(engine);
    client.inactive();
}
