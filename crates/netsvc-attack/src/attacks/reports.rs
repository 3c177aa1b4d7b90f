//! Reports that make the hub remember, or work.

use bytes::Bytes;
use netsvc_core::wire::Message;

use crate::attack::Attack;
use crate::messages;
use crate::raw_peer::{RawPeer, linger};
use crate::scene::{Scene, Stop};

pub(super) const ALL: &[Attack] = &[
    Attack::new(
        "report-plans",
        "reports of 1,024 services with 1,024 subjects each, which somebody wants",
        report_plans,
    )
    .seconds(6)
    .flood(),
    Attack::new(
        "new-subjects",
        "reports with subjects of 1 KiB that were never there before, which somebody wants",
        new_subjects,
    )
    .flood()
    .not_quick(),
    Attack::new("report-flood", "reports of 16 bytes that somebody wants", report_flood)
        .flood()
        .not_quick(),
];

/// A publisher of so many services, and a client that wants all of their reports.
fn wanted(scene: &Scene, services: u32) -> Result<(RawPeer, RawPeer), Stop> {
    let mut publisher = RawPeer::client(scene)?;
    publisher.announce("wanted", services)?;
    publisher.applied()?;
    let mut subscriber = RawPeer::client(scene)?;
    subscriber.say(&messages::interest(1, "wanted", "*"))?;
    subscriber.applied()?;
    Ok((publisher.blind(), subscriber.blind()))
}

fn report_plans(scene: &Scene) -> Result<(), Stop> {
    let (mut publisher, mut subscriber) = wanted(scene, 1024)?;
    for subject in 0..1024 {
        let subject = format!("subject.{subject}");
        for service in 1..=1024 {
            let report = messages::report(service, &subject, subject.len() as u64, &Bytes::new());
            publisher.say(&Message::Report(report))?;
        }
        subscriber.read()?;
    }
    publisher.flush()?;
    linger(&mut vec![publisher, subscriber], scene)
}

fn new_subjects(scene: &Scene) -> Result<(), Stop> {
    let (mut publisher, mut subscriber) = wanted(scene, 1)?;
    let padding = "x".repeat(1000);
    for sequence in 1.. {
        let subject = format!("{sequence}.{padding}");
        let report = messages::report(1, &subject, sequence, &Bytes::new());
        publisher.say(&Message::Report(report))?;
        subscriber.read()?;
    }
    Ok(())
}

fn report_flood(scene: &Scene) -> Result<(), Stop> {
    let (mut publisher, mut subscriber) = wanted(scene, 1)?;
    let content = Bytes::from_static(&[0; 16]);
    for sequence in 1.. {
        let report = messages::report(1, "flood", sequence, &content);
        publisher.say(&Message::Report(report))?;
        if sequence % 1000 == 0 {
            subscriber.read()?;
        }
    }
    Ok(())
}
