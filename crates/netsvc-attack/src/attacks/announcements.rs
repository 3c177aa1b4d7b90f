//! Services that come and go, many of them, and who asks for all of them.

use std::time::{Duration, Instant};

use netsvc_core::wire::{Membership, Message};

use crate::attack::Attack;
use crate::messages;
use crate::raw_peer::{RawPeer, linger};
use crate::scene::{Scene, Stop};

pub(super) const ALL: &[Attack] = &[
    Attack::new("announcements", "100 clients with 1,000 services each", announcements)
        .seconds(5)
        .cpu(4.0),
    Attack::new("large-services", "10 clients with 100 services of 60 KiB each", large_services)
        .seconds(4)
        .mebibytes(80)
        .cpu(2.0),
    Attack::new("announce-withdraw", "a service that is announced and withdrawn", toggling).flood(),
    Attack::new("join-leave", "a service that joins a group and leaves it", memberships).flood(),
    Attack::new(
        "snapshots",
        "20 clients with 1,000 services each, and 50 links/s that are told of them",
        snapshots,
    )
    .seconds(5)
    .cpu(4.0),
];

fn announcements(scene: &Scene) -> Result<(), Stop> {
    let mut clients = announcing(scene, 100)?;
    linger(&mut clients, scene)
}

/// So many clients with 1,000 services each.
fn announcing(scene: &Scene, many: usize) -> Result<Vec<RawPeer>, Stop> {
    let mut clients: Vec<_> =
        RawPeer::clients(scene, many)?.into_iter().map(RawPeer::blind).collect();
    for client in &mut clients {
        // One that is cut off does not hinder the others.
        if let Err(Stop::Over) = client.announce("a service of a name as long as usual", 1000) {
            return Err(Stop::Over);
        }
    }
    Ok(clients)
}

fn large_services(scene: &Scene) -> Result<(), Stop> {
    let methods: Vec<_> = (0..240).map(|n| format!("{n}.{}", "x".repeat(240)).into()).collect();
    let mut clients: Vec<_> =
        RawPeer::clients(scene, 10)?.into_iter().map(RawPeer::blind).collect();
    for client in &mut clients {
        for number in 1..=100 {
            let large = messages::service_with(number, "large", methods.clone());
            match client.say(&large) {
                Err(Stop::Cut(_)) => break,
                other => other?,
            }
        }
    }
    linger(&mut clients, scene)
}

fn toggling(scene: &Scene) -> Result<(), Stop> {
    let mut client = RawPeer::client(scene)?.blind();
    for number in 1.. {
        client.say(&messages::service(number, "toggled"))?;
        let revision = u64::from(number);
        client.say(&Message::Withdrawn { service: number, revision })?;
    }
    Ok(())
}

fn memberships(scene: &Scene) -> Result<(), Stop> {
    let mut client = RawPeer::client(scene)?.blind();
    client.announce("joiner", 1)?;
    for revision in 2.. {
        let membership = Membership { service: 1, revision, group: "joined".into() };
        client.say(&if revision % 2 == 0 {
            Message::Joined(membership)
        } else {
            Message::Left(membership)
        })?;
    }
    Ok(())
}

fn snapshots(scene: &Scene) -> Result<(), Stop> {
    let mut announcing = announcing(scene, 20)?;
    let mut told = Vec::new();
    let mut next = Instant::now();
    loop {
        if Instant::now() > next {
            next += Duration::from_millis(20);
            told.push(RawPeer::client(scene)?.blind());
        }
        if told.len() > 50 {
            told.remove(0);
        }
        for client in announcing.iter_mut().chain(&mut told) {
            client.read()?;
        }
        scene.pause(Duration::from_millis(1))?;
    }
}
