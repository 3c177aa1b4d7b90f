//! The shortest way through everything: three processes, one service, one request, one report.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::{
    Content, Event, HandlerResult, Lifetime, NewService, Outcome, RequestOptions, Status,
    SubscriptionLimits, SubscriptionTarget,
};
use netsvc_testkit::{Target, Verbs, World};

#[test]
fn three_processes_find_each_other_and_work_together() {
    let mut world = World::new(1);
    let [hub, provider, user] = ["hub", "provider", "user"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(provider, hub);
    world.connect(user, hub);
    let now = world.now();
    let service = NewService {
        name: "thermometer".into(),
        audience: "*".into(),
        groups: vec!["sensors".into()],
        methods: vec!["read".into()],
    };
    let (no, id) = world.at(provider).create_service(now, service).unwrap();
    let watch = world.at(user).watch(netsvc_core::Filter::default());
    let limits = SubscriptionLimits { reports: 10, bytes: 1000, latest: false };
    let target = SubscriptionTarget::Name("thermometer".into());
    world.at(user).subscribe(now, target, "temperature.*", limits).unwrap();
    let kept = Lifetime::Forever;
    world.at(provider).report(now, no, "temperature.kitchen", Content::raw("21"), kept).unwrap();
    world.settle();

    let events = world.host(user).take_events();
    let told: Vec<Status> = events
        .iter()
        .filter_map(|event| match event {
            Event::Change { watch: of, change } if *of == watch => Some(change.status),
            _ => None,
        })
        .collect();
    assert_eq!(told, [Status::Current, Status::Available, Status::Joined]);
    let reports: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Report { report, .. } => Some((&*report.subject, report.id, report.replayed)),
            _ => None,
        })
        .collect();
    assert_eq!(reports, [("temperature.kitchen", id, true)]);

    let now = world.now();
    let target = Target::Name("thermometer".into());
    let timeout = Duration::from_secs(5);
    world.at(user).ask(now, 7, target, "read", Content::raw("C"), RequestOptions::within(timeout));
    world.settle();
    let invoked = world.host(provider).take_events().into_iter().find_map(|event| match event {
        Event::Invoke(invocation) => Some(invocation),
        _ => None,
    });
    let invocation = invoked.expect("the handler is told");
    assert_eq!(&*invocation.caller_label, "user");
    assert_eq!(invocation.content, Content::raw("C"));
    world.at(provider).answer(invocation.call, HandlerResult::Response(Content::raw("21.5")));
    world.settle();
    let outcomes = world.host(user).take_events();
    let outcome = Outcome::Response(Content::raw("21.5"));
    assert_eq!(outcomes, [Event::Outcome { key: 7, outcome, extensions: Bytes::new() }]);
}
