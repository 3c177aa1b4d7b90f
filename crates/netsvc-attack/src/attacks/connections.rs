//! What strangers do before they are clients, and clients that do nothing but be there.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::attack::Attack;
use crate::greeting::Identity;
use crate::messages;
use crate::random;
use crate::raw_peer::{RawPeer, linger};
use crate::scene::{Scene, Stop};

pub(super) const ALL: &[Attack] = &[
    Attack::new("nothing", "nothing: what good clients see on this machine", nothing),
    Attack::new("garbage", "10,000 connections with 64 random bytes each", garbage)
        .seconds(6)
        .cpu(4.0),
    Attack::new(
        "slowloris",
        "500 connections that send a greeting at 1 byte/s, and come back when cut off",
        slowloris,
    )
    .seconds(5),
    Attack::new("silent-links", "1,024 links with a heartbeat of 49 days, silent", silent_links)
        .seconds(4)
        .takes_links(),
    Attack::new("link-storm", "links that are cut as soon as they are active", link_storm).flood(),
    Attack::new(
        "ungreeted",
        "64 strangers send 4,096 symbols of 1 KiB and a piece of a report of 1 MiB behind HELLO",
        ungreeted,
    )
    .mebibytes(512)
    .cpu(3.0),
    Attack::new(
        "ungreeted-undecided",
        "the same while the application decides who may be linked",
        ungreeted_undecided,
    )
    .mebibytes(512)
    .cpu(3.0)
    .other_group(),
    Attack::new(
        "promises",
        "64 links announce a report of 1 MiB each, of which nothing follows",
        promises,
    ),
];

fn nothing(scene: &Scene) -> Result<(), Stop> {
    scene.pause(Duration::from_secs(60))
}

fn garbage(scene: &Scene) -> Result<(), Stop> {
    for _ in 0..10_000 {
        let bytes: [u8; 64] = random::bytes();
        let greet = |mut stranger: RawPeer| {
            stranger.say_bytes(bytes.to_vec())?;
            stranger.flush()
        };
        // The hub may let it wait, or have seen enough before all of it is there.
        match RawPeer::stranger(scene.hub, &scene.budget).and_then(greet) {
            Err(Stop::Cut(_)) => {}
            other => other?,
        }
    }
    Ok(())
}

fn slowloris(scene: &Scene) -> Result<(), Stop> {
    let greeting = b"netsvc\x00\x01\x01\x00\x00\x00\x40\x00\x00\x00";
    let mut strangers: Vec<(RawPeer, usize)> = Vec::new();
    loop {
        while strangers.len() < 500 {
            match RawPeer::stranger(scene.hub, &scene.budget) {
                Ok(stranger) => strangers.push((stranger, 0)),
                // The listener's backlog is full.
                Err(Stop::Cut(_)) => break,
                Err(stop) => return Err(stop),
            }
        }
        strangers.retain_mut(|(stranger, said)| {
            let byte = greeting[*said % greeting.len()];
            *said += 1;
            stranger.discard(1).is_ok()
                && stranger.say_bytes(vec![byte]).and_then(|()| stranger.flush()).is_ok()
        });
        scene.pause(Duration::from_secs(1))?;
    }
}

fn silent_links(scene: &Scene) -> Result<(), Stop> {
    let heartbeat = Duration::from_millis(u64::from(u32::MAX - 1));
    let mut links = Vec::new();
    let refused = loop {
        let identity = Identity { heartbeat, ..Identity::own() };
        match RawPeer::linked(scene.hub, "", &identity, &scene.budget) {
            Ok(link) => links.push(link),
            Err(stop) => break stop,
        }
        if links.len() == 1024 {
            break Stop::Over;
        }
    };
    match linger(&mut links, scene) {
        Err(Stop::Over) => Err(refused),
        other => other,
    }
}

fn link_storm(scene: &Scene) -> Result<(), Stop> {
    loop {
        drop(RawPeer::client(scene)?);
    }
}

fn ungreeted(scene: &Scene) -> Result<(), Stop> {
    fill(scene, scene.hub, "")
}

fn ungreeted_undecided(scene: &Scene) -> Result<(), Stop> {
    fill(scene, scene.other.unwrap_or(scene.hub), "other")
}

fn fill(scene: &Scene, hub: SocketAddr, group: &str) -> Result<(), Stop> {
    let mut strangers = Vec::new();
    for _ in 0..64 {
        let mut stranger = RawPeer::stranger(hub, &scene.budget)?.blind();
        stranger.say(&Identity::own().hello(group))?;
        // Cut off, it has not got what it wanted.
        match (0..4096)
            .try_for_each(|slot| stranger.say_bytes(messages::symbol(slot, &[b'x'; 1024])))
        {
            Err(Stop::Cut(_)) => continue,
            other => other?,
        }
        let piece = Bytes::from(vec![0; 1 << 20]);
        let fragment = messages::first_fragment((1 << 20) + 16, &piece);
        if stranger.say_bytes(fragment).and_then(|()| stranger.flush()).is_ok() {
            strangers.push(stranger);
        }
        scene.budget.left()?;
    }
    linger(&mut strangers, scene)
}

fn promises(scene: &Scene) -> Result<(), Stop> {
    let mut links = RawPeer::clients(scene, 64)?;
    for link in &mut links {
        link.say_bytes(messages::promised_report(1 << 20))?;
        link.flush()?;
    }
    linger(&mut links, scene)
}
