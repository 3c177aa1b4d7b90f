//! docs/reports.md, "What a subscriber gets, in order": reports of one process in the order
//! published, also while kept values of one of its services are under way.

use std::time::Duration;

use netsvc_core::{Content, Event, Lifetime, ServiceNo};
use netsvc_testkit::{Node, World};

fn publish(world: &mut World, node: Node, no: ServiceNo, subject: &str, lifetime: Lifetime) {
    let (now, content) = (world.now(), Content::raw(vec![7; 1000]));
    let result = world.host(node).publish(now, no, &subject.into(), &content, lifetime);
    assert_eq!(result, Ok(true));
}

#[test]
fn live_reports_of_two_services_of_one_process_keep_their_order_during_a_replay() {
    let (mut world, _, [publisher, subscriber]) = World::star(1);
    let (with_kept_values, _) = world.create(publisher, "x");
    let (without, _) = world.create(publisher, "y");
    for number in 0..600 {
        publish(
            &mut world,
            publisher,
            with_kept_values,
            &format!("kept.{number}"),
            Lifetime::Forever,
        );
    }
    world.settle();
    for name in ["y", "x"] {
        world.subscribe(subscriber, name, "*");
    }
    // The kept values are on their way, in pages of 256 KiB, each asked for by itself.
    for number in 0..20 {
        for (no, name) in [(with_kept_values, 'x'), (without, 'y')] {
            publish(&mut world, publisher, no, &format!("live {name} {number}"), Lifetime::None);
        }
        world.advance(Duration::from_millis(1));
    }
    world.settle();
    let told = world.host(subscriber).take_events().into_iter().filter_map(|event| match event {
        Event::Report { report, .. } => {
            Some(report.subject.to_string()).filter(|it| it.starts_with("live"))
        }
        _ => None,
    });
    let told: Vec<String> = told.collect();
    // Whatever came before the subscription was known is not wanted.
    let number = |told: &String| told.rsplit(' ').next().map(str::to_owned);
    let first = told.first().and_then(number).and_then(|text| text.parse().ok()).unwrap_or(0);
    let expected: Vec<String> = (first..20)
        .flat_map(|number| [format!("live x {number}"), format!("live y {number}")])
        .collect();
    assert_eq!(told, expected);
}
