//! The bound of a subscription in bytes means the same whether a report is told while it is read or
//! queued first.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use netsvc_core::{Content, Lifetime, SubscriptionLimits, SubscriptionTarget};
use netsvc_testkit::{Ways, World};

/// Sequences that a subscription of at most 100 bytes was told of contents of these sizes, each
/// with what it missed before, and what it missed in all.
fn told(ways: Ways, sizes: &[usize], latest: bool) -> (Vec<(u64, u64)>, u64) {
    let (mut world, _, [publisher, subscriber]) = World::star(1);
    let (no, _) = world.create(publisher, "x");
    let limits = SubscriptionLimits { reports: 10, bytes: 100, latest };
    let target = SubscriptionTarget::Name("x".into());
    let subscription = world.subscribe_to(subscriber, target, "*", limits);
    world.settle();
    world.host(subscriber).ways = ways;
    let mut reports = Vec::new();
    for size in sizes {
        let (now, content) = (world.now(), Content::raw(vec![7; *size]));
        let host = world.host(publisher);
        host.publish(now, no, &"s".into(), &content, Lifetime::None).unwrap();
        let told = world.told(subscriber);
        let news = told.reports_of(subscription).iter();
        reports.extend(news.map(|report| (report.sequence, report.missed)));
    }
    (reports, world.at(subscriber).missed(subscription))
}

#[test]
fn a_report_over_the_bound_fares_alike_whichever_way_it_is_told() {
    for latest in [false, true] {
        let sizes = [50, 200, 50, 101, 100, 3];
        let (quick, general) =
            (told(Ways::Quick, &sizes, latest), told(Ways::General, &sizes, latest));
        assert_eq!(quick, general, "latest: {latest}");
    }
}
