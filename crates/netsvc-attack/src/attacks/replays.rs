//! Questions for kept values: short ones with long answers.

use std::time::Duration;

use netsvc_core::wire::Message;

use crate::attack::Attack;
use crate::names::PROVIDER;
use crate::raw_peer::{RawPeer, linger};
use crate::scene::{Scene, Stop};

pub(super) const ALL: &[Attack] = &[
    Attack::new("replays", "20,000 replays of 256 KiB each asked of the good provider", replays)
        .seconds(6)
        .cpu(4.0),
    Attack::new("replays-unread", "the same by a client that does not read", replays_unread)
        .seconds(6)
        .cpu(4.0)
        .not_quick(),
    Attack::new("replays-left", "the same by a client that is gone at once", replays_left)
        .seconds(4)
        .cpu(2.0),
];

fn replays(scene: &Scene) -> Result<(), Stop> {
    let client = ask(scene, RawPeer::blind)?;
    linger(&mut vec![client], scene)
}

fn replays_unread(scene: &Scene) -> Result<(), Stop> {
    let client = ask(scene, RawPeer::deaf)?;
    linger(&mut vec![client], scene)
}

fn replays_left(scene: &Scene) -> Result<(), Stop> {
    drop(ask(scene, RawPeer::blind)?);
    scene.pause(Duration::from_secs(60))
}

fn ask(scene: &Scene, manner: fn(RawPeer) -> RawPeer) -> Result<RawPeer, Stop> {
    let mut client = RawPeer::client(scene)?;
    let service = client.find(PROVIDER)?.service;
    let mut client = manner(client);
    for replay in 1..=20_000 {
        client.say(&Message::ReplayRequest {
            service,
            process: 0,
            replay,
            pattern: "*".into(),
            after: 0,
            upto: 0,
        })?;
    }
    client.flush()?;
    Ok(client)
}
