//! Frames that the hub passes on, or may, to a client that reads slowly and did not ask for them.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::Content;
use netsvc_core::wire::{Message, Request, RequestTarget};

use crate::attack::Attack;
use crate::messages;
use crate::names::SLOW;
use crate::raw_peer::{Found, RawPeer};
use crate::scene::{Scene, Stop};

pub(super) const ALL: &[Attack] = &[
    Attack::new("replay-ends", "ends of replays that a slow client has not asked for", replay_ends)
        .seconds(6)
        .flood(),
    Attack::new("targeted", "reports for a slow client that does not want any", targeted)
        .seconds(6)
        .flood()
        .not_quick(),
    Attack::new("replayed", "kept values that a slow client has not asked for", replayed)
        .seconds(6)
        .flood()
        .not_quick(),
    Attack::new("credits", "credit for a stream that a slow client sends", credits)
        .seconds(6)
        .flood(),
    Attack::new("losts", "losses told of a service that nobody hears", losts).flood().not_quick(),
];

/// An attacker with a service of its own, and the slow client as the hub told of it.
fn beside_slow(scene: &Scene) -> Result<(RawPeer, Found), Stop> {
    let mut client = RawPeer::client(scene)?;
    client.announce("unwanted", 1)?;
    let slow = client.find(SLOW)?;
    Ok((client.blind(), slow))
}

fn replay_ends(scene: &Scene) -> Result<(), Stop> {
    let (mut client, Found { process, .. }) = beside_slow(scene)?;
    for replay in 0.. {
        client.say(&Message::ReplayEnd {
            process,
            replay,
            sequence: 1,
            more_after: 0,
            complete_after: 0,
        })?;
    }
    Ok(())
}

fn targeted(scene: &Scene) -> Result<(), Stop> {
    let (mut client, Found { process, .. }) = beside_slow(scene)?;
    let content = Bytes::from(vec![0; 1000]);
    for sequence in 1.. {
        let report = messages::report(1, "unwanted", sequence, &content);
        client.say(&Message::Targeted { process, report })?;
    }
    Ok(())
}

fn replayed(scene: &Scene) -> Result<(), Stop> {
    let (mut client, Found { process, .. }) = beside_slow(scene)?;
    let content = Bytes::from(vec![0; 1000]);
    for sequence in 1.. {
        let report = messages::report(1, "unwanted", sequence, &content);
        client.say(&Message::Replayed { process, replay: 1, remaining: None, report })?;
    }
    Ok(())
}

fn credits(scene: &Scene) -> Result<(), Stop> {
    let (mut client, Found { service, .. }) = beside_slow(scene)?;
    client.say(&Message::Request(Request {
        call: 1,
        caller: 0,
        target: RequestTarget::Service(service),
        method: "stream".into(),
        remaining: Duration::from_secs(60),
        parts: 1,
        content: Content::raw(Bytes::new()),
        extensions: Bytes::new(),
    }))?;
    loop {
        client.say(&Message::Credit { call: 1, parts: 1 })?;
    }
}

fn losts(scene: &Scene) -> Result<(), Stop> {
    let (mut client, _) = beside_slow(scene)?;
    for number in 0_u64.. {
        let subject = Some(format!("lost.{number}").into());
        client.say(&Message::Lost { service: 1, subject, count: 1 })?;
    }
    Ok(())
}
