//! Interests: many, expensive ones, and such that come and go.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::Message;

use crate::attack::Attack;
use crate::messages;
use crate::names::{PROVIDER, SLOW};
use crate::raw_peer::{RawPeer, linger};
use crate::scene::{Scene, Stop};

/// As many as a client may have.
const MOST: u32 = 4096;

pub(super) const ALL: &[Attack] = &[
    Attack::new(
        "pattern-bomb",
        "4,096 patterns of 600 bytes, such as a*a*…aaa…b, and ten reports that nearly match",
        pattern_bomb,
    )
    .seconds(4),
    Attack::new(
        "short-pattern-bomb",
        "the same with patterns of 128 bytes and 8 wildcards",
        short_pattern_bomb,
    )
    .seconds(4),
    Attack::new(
        "interests-cut",
        "60 clients with 4,096 interests in one name, that are cut all at once",
        interests_cut,
    )
    .seconds(8)
    .cpu(3.0),
    Attack::new(
        "services-times-interests",
        "1,024 services of one name, and 4,096 interests in it",
        services_times_interests,
    )
    .seconds(6)
    .cpu(3.0),
    Attack::new(
        "interests-at-publisher",
        "4,096 interests of 1 KiB each in the good provider",
        interests_at_publisher,
    )
    .seconds(4),
    Attack::new("interest-churn", "interests in the good provider that come and go", churn).flood(),
    Attack::new(
        "interest-churn-slow",
        "the same in a service of a client that reads slowly",
        churn_slow,
    )
    .flood()
    .seconds(6)
    .not_quick(),
];

fn pattern_bomb(scene: &Scene) -> Result<(), Stop> {
    bomb(scene, 50, 500)
}

fn short_pattern_bomb(scene: &Scene) -> Result<(), Stop> {
    bomb(scene, 8, 107)
}

/// After each wildcard, and the last one above all, much matches before it does not.
fn bomb(scene: &Scene, wildcards: usize, letters: usize) -> Result<(), Stop> {
    let mut publisher = RawPeer::client(scene)?;
    publisher.announce("bomb", 1)?;
    let mut subscriber = RawPeer::client(scene)?.blind();
    for id in 0..MOST {
        let pattern = format!("{}{}{id}b", "a*".repeat(wildcards), "a".repeat(letters));
        subscriber.say(&messages::interest(id, "bomb", &pattern))?;
    }
    subscriber.flush()?;
    // All of the interests shall be there.
    scene.pause(Duration::from_millis(300))?;
    for sequence in 1..=10 {
        let subject = format!("{}{sequence}", "a".repeat(1000));
        let report = messages::report(1, &subject, sequence, &Bytes::new());
        publisher.say(&Message::Report(report))?;
    }
    publisher.flush()?;
    linger(&mut vec![publisher.blind(), subscriber], scene)
}

fn interests_cut(scene: &Scene) -> Result<(), Stop> {
    let mut publisher = RawPeer::client(scene)?.blind();
    publisher.announce("popular", 1)?;
    let mut subscribers: Vec<_> =
        RawPeer::clients(scene, 60)?.into_iter().map(RawPeer::blind).collect();
    for subscriber in &mut subscribers {
        for id in 0..MOST {
            subscriber.say(&messages::interest(id, "popular", &format!("subject.{id}.*")))?;
        }
        subscriber.flush()?;
        publisher.read()?;
    }
    scene.pause(Duration::from_millis(500))?;
    drop(subscribers);
    // What they leave behind is cleared away in this time, too.
    linger(&mut vec![publisher], scene)
}

fn services_times_interests(scene: &Scene) -> Result<(), Stop> {
    let mut publisher = RawPeer::client(scene)?.blind();
    publisher.announce("many", 1024)?;
    let mut subscriber = RawPeer::client(scene)?.blind();
    for id in 0..MOST {
        subscriber.say(&messages::interest(id, "many", &format!("subject.{id}")))?;
        publisher.read()?;
    }
    subscriber.flush()?;
    linger(&mut vec![publisher, subscriber], scene)
}

fn interests_at_publisher(scene: &Scene) -> Result<(), Stop> {
    let mut subscriber = RawPeer::client(scene)?.blind();
    for id in 0..MOST {
        let pattern = format!("{id}.{}", "x".repeat(1000));
        subscriber.say(&messages::interest(id, PROVIDER, &pattern))?;
    }
    subscriber.flush()?;
    linger(&mut vec![subscriber], scene)
}

fn churn(scene: &Scene) -> Result<(), Stop> {
    come_and_go(scene, PROVIDER)
}

fn churn_slow(scene: &Scene) -> Result<(), Stop> {
    come_and_go(scene, SLOW)
}

fn come_and_go(scene: &Scene, name: &str) -> Result<(), Stop> {
    let mut subscriber = RawPeer::client(scene)?.blind();
    let pattern = "x".repeat(1000);
    for id in 0.. {
        subscriber.say(&messages::interest(id, name, &pattern))?;
        subscriber.say(&Message::InterestEnd { id })?;
    }
    Ok(())
}
