//! Requests of the good provider: expensive ones, many, and such that nobody waits for.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::Message;

use crate::attack::Attack;
use crate::attacks::keys::colliding_keys;
use crate::messages;
use crate::names::PROVIDER;
use crate::raw_peer::{RawPeer, linger};
use crate::scene::{Scene, Stop};

pub(super) const ALL: &[Attack] = &[
    Attack::new(
        "colliding-keys",
        "240 KB of CBOR to the good provider: a map whose 40,000 keys are one place for V8",
        colliding,
    ),
    Attack::new(
        "deep-arrays",
        "CBOR of 1 MiB: arrays in arrays, 31 deep, side by side",
        deep_arrays,
    ),
    Attack::new("all-slots", "2,000 requests that the good provider does not answer", all_slots),
    Attack::new("request-flood", "requests as fast as the hub takes them", request_flood).flood(),
    Attack::new("cancel-storm", "requests that are cancelled at once", cancel_storm).flood(),
    Attack::new("no-service", "requests for services that there are not", no_service)
        .flood()
        .not_quick(),
];

/// Asks the good provider, then reads what comes until time is up.
fn ask(scene: &Scene, method: &str, arguments: &Bytes, times: u64) -> Result<(), Stop> {
    let (mut client, service) = beside_provider(scene)?;
    for call in 1..=times {
        client.say(&messages::request(call, service, method, arguments))?;
    }
    client.flush()?;
    linger(&mut vec![client], scene)
}

fn beside_provider(scene: &Scene) -> Result<(RawPeer, u32), Stop> {
    let mut client = RawPeer::client(scene)?;
    let service = client.find(PROVIDER)?.service;
    Ok((client.blind(), service))
}

/// An array of so many elements; what they are is to follow.
fn array(elements: usize) -> Vec<u8> {
    [&[0x9a][..], &(elements as u32).to_be_bytes()].concat()
}

fn colliding(scene: &Scene) -> Result<(), Stop> {
    const KEYS: usize = 40_000;
    // An array of one map.
    let mut arguments = vec![0x81, 0xba];
    arguments.extend((KEYS as u32).to_be_bytes());
    for key in colliding_keys().take(KEYS) {
        arguments.push(0x1a);
        arguments.extend(key.to_be_bytes());
        arguments.push(0);
    }
    ask(scene, "echo", &arguments.into(), 1)
}

fn deep_arrays(scene: &Scene) -> Result<(), Stop> {
    const DEPTH: usize = 30;
    let element = [&[0x81; DEPTH - 1][..], &[0x80]].concat();
    let elements = (1 << 20) / DEPTH - 1;
    let arguments = [array(elements), element.repeat(elements)].concat();
    ask(scene, "blob", &arguments.into(), 10)
}

fn all_slots(scene: &Scene) -> Result<(), Stop> {
    ask(scene, "hold", &Bytes::from(array(0)), 2000)
}

fn request_flood(scene: &Scene) -> Result<(), Stop> {
    let (mut client, service) = beside_provider(scene)?;
    let arguments = Bytes::from(array(0));
    for call in 1.. {
        client.say(&messages::request(call, service, "echo", &arguments))?;
        if call % 100 == 0 {
            client.read()?;
        }
    }
    Ok(())
}

fn cancel_storm(scene: &Scene) -> Result<(), Stop> {
    let (mut client, service) = beside_provider(scene)?;
    let arguments = Bytes::from(array(0));
    for call in 1.. {
        client.say(&messages::request(call, service, "hold", &arguments))?;
        client.say(&Message::Cancel { call })?;
    }
    Ok(())
}

fn no_service(scene: &Scene) -> Result<(), Stop> {
    let mut client = RawPeer::client(scene)?.blind();
    for call in 1.. {
        client.say(&messages::named_request(call, &format!("nobody.{call}")))?;
        if call % 100 == 0 {
            client.read()?;
        }
    }
    scene.pause(Duration::ZERO)
}
