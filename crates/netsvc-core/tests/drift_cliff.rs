//! What is special about one report costs no other: kept values by service, extension fields by
//! report.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use bytes::Bytes;
use netsvc_core::wire::{Message, Report};
use netsvc_core::{Content, Lifetime, LinkToken, ProcessSecret, Str};
use netsvc_testkit::{Ways, World, announcement, hello};

/// That it costs no more is what the step "publish, values kept" of the instruction counts shows.
#[test]
fn a_kept_value_is_replaced_by_its_own_subject_only() {
    let (mut world, _, [publisher, subscriber]) = World::star(1);
    let (keeping, _) = world.create(publisher, "keeping");
    let (live, _) = world.create(publisher, "live");
    let subscriptions = ["keeping", "live"].map(|name| world.subscribe(subscriber, name, "*"));
    world.settle();
    world.publish(publisher, live, "state", Lifetime::None);
    world.publish(publisher, keeping, "state", Lifetime::Forever);
    world.publish(publisher, live, "state", Lifetime::None);
    world.publish(publisher, keeping, "other", Lifetime::None);
    assert_eq!(world.table(publisher, "kept values"), 1);
    let told = world.told(subscriber);
    assert_eq!(told.sequences(subscriptions[0]), [1, 2]);
    assert_eq!(told.sequences(subscriptions[1]), [1, 2]);
    world.publish(publisher, keeping, "state", Lifetime::None);
    assert_eq!(world.table(publisher, "kept values"), 0);
}

#[test]
fn a_report_with_a_short_extension_field_is_relayed_where_it_lies() {
    let (mut world, hub, [subscriber]) = World::star(2);
    let subscription = world.subscribe(subscriber, "x", "*");
    world.settle();
    world.host(hub).ways = Ways::Quick;
    let mut publisher = world.dial(hub);
    let greeting = hello(&ProcessSecret::new([9; 32]), LinkToken([9; 16]), 1);
    // Nothing is kept, so that reports are told at once.
    let end =
        Message::ReplayEnd { process: 1, replay: 1, sequence: 0, more_after: 0, complete_after: 0 };
    for message in [Message::Hello(greeting), announcement("x", &[]), Message::Synced, end] {
        world.say(&mut publisher, &message);
        world.settle();
    }
    let report = |sequence, extensions: &'static [u8]| {
        Message::Report(Report {
            service: 1,
            subject: Str::from("s"),
            sequence,
            content: Content::raw("21"),
            extensions: Bytes::from_static(extensions),
        })
    };
    let mut in_place = Vec::new();
    // Extension 2 is reserved for the trace context: even, and relayed unread.
    for (sequence, extensions) in (1..).zip([&b""[..], b"", &[2, 0, 4, 0, 1, 2, 3, 4]]) {
        let before = world.host(hub).applied_in_place;
        world.say(&mut publisher, &report(sequence, extensions));
        world.settle();
        in_place.push(world.host(hub).applied_in_place > before);
    }
    assert_eq!(world.told(subscriber).sequences(subscription), [1, 2, 3]);
    // The first one comes behind the definition of its symbol.
    assert_eq!(in_place[1..], [true, true], "without an extension field, and with one");
}
