//! Clients that have much sent to them and do not read it, or hardly.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::Message;

use crate::attack::Attack;
use crate::messages;
use crate::names::{PROVIDER, SLOW};
use crate::raw_peer::RawPeer;
use crate::scene::{Scene, Stop};

pub(super) const ALL: &[Attack] = &[
    Attack::new(
        "unread-outboxes",
        "40 MiB of reports for each of 16 clients that do not read",
        unread_outboxes,
    )
    .seconds(5)
    .mebibytes(700)
    .cpu(3.0),
    Attack::new(
        "trickling-readers",
        "the same for 16 clients that read 10 bytes/s",
        trickling_readers,
    )
    .seconds(8)
    .mebibytes(700)
    .cpu(3.0)
    .not_quick(),
    Attack::new(
        "unread-answers",
        "4,000 requests for 64 KiB each of the good provider, and nothing is read",
        unread_answers,
    )
    .seconds(4)
    .cpu(2.0),
    Attack::new(
        "unread-flushes",
        "questions whether all has been applied, and nothing is read",
        flushes,
    )
    .flood(),
    Attack::new(
        "held-arguments",
        "8,000 requests with 64 KiB of arguments of a client that reads slowly",
        held_arguments,
    )
    .seconds(4)
    .mebibytes(512)
    .cpu(3.0),
];

fn unread_outboxes(scene: &Scene) -> Result<(), Stop> {
    let _readers = outboxes(scene)?;
    scene.pause(Duration::from_secs(60))
}

fn trickling_readers(scene: &Scene) -> Result<(), Stop> {
    let mut readers = outboxes(scene)?;
    loop {
        // One that is cut off holds no memory any more.
        readers.retain_mut(|reader| reader.discard(1).is_ok());
        scene.pause(Duration::from_millis(100))?;
    }
}

/// Clients that had 40 MiB of reports sent to each, all of them different.
fn outboxes(scene: &Scene) -> Result<Vec<RawPeer>, Stop> {
    const READERS: u32 = 16;
    let mut publisher = RawPeer::client(scene)?;
    let mut readers = RawPeer::clients(scene, READERS as usize)?;
    for (number, reader) in (1..).zip(&mut readers) {
        let name = format!("loud.{number}");
        publisher.say(&messages::service(number, &name))?;
        reader.say(&messages::interest(1, &name, "*"))?;
        reader.applied()?;
    }
    publisher.applied()?;
    let content = Bytes::from(vec![0; 4000]);
    for sequence in 1..=10 << 10 {
        for service in 1..=READERS {
            let report = messages::report(service, "loud", sequence, &content);
            publisher.say(&Message::Report(report))?;
        }
    }
    publisher.flush()?;
    Ok(readers)
}

fn unread_answers(scene: &Scene) -> Result<(), Stop> {
    let mut client = RawPeer::client(scene)?;
    let service = client.find(PROVIDER)?.service;
    let mut client = client.deaf();
    // An array of one number in CBOR: 65,536.
    let arguments = Bytes::from_static(&[0x81, 0x1a, 0, 1, 0, 0]);
    for call in 1..=4000 {
        client.say(&messages::request(call, service, "blob", &arguments))?;
    }
    client.flush()?;
    scene.pause(Duration::from_secs(60))
}

fn flushes(scene: &Scene) -> Result<(), Stop> {
    let mut client = RawPeer::client(scene)?.deaf();
    for token in 0.. {
        client.say(&Message::Flush { token })?;
    }
    Ok(())
}

fn held_arguments(scene: &Scene) -> Result<(), Stop> {
    let mut client = RawPeer::client(scene)?;
    let service = client.find(SLOW)?.service;
    let mut client = client.blind();
    let arguments = Bytes::from(vec![0; 64 << 10]);
    for call in 1..=8000 {
        client.say(&messages::request(call, service, "hold", &arguments))?;
    }
    client.flush()?;
    scene.pause(Duration::from_secs(60))
}
