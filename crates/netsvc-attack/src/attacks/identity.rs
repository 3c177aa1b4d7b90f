//! Who says to be another, or speaks of what is another's.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{Membership, Message, ProcessInfo};
use netsvc_core::{Content, Outcome};

use crate::attack::Attack;
use crate::greeting::Identity;
use crate::messages;
use crate::names::PROVIDER;
use crate::raw_peer::{Found, RawPeer};
use crate::scene::{Scene, Stop};

pub(super) const ALL: &[Attack] = &[
    Attack::new(
        "squat-present",
        "links with the good provider's id, again and again",
        squat_present,
    )
    .must_not("be linked")
    .cpu(3.5),
    Attack::new(
        "squat-absent",
        "links with the id of a client whose link was cut, which comes back then",
        squat_absent,
    )
    .must_not("be linked, nor keep that client from coming back"),
    Attack::new(
        "other-group",
        "links with the good provider's id in another exchange group, with its service and the \
         highest revision",
        other_group,
    )
    .must_not("be linked, nor be asked instead")
    .seconds(4)
    .other_group(),
    Attack::new(
        "foreign-frames",
        "withdraws, changes and introduces what is another's",
        foreign_frames,
    )
    .must_not("change anything")
    .cpu(3.5),
    Attack::new(
        "forged-answers",
        "outcomes, parts, credit and cancellations of calls that are another's",
        forged_answers,
    )
    .must_not("change anything")
    .flood(),
];

fn provider(scene: &Scene) -> Result<Found, Stop> {
    RawPeer::client(scene)?.find(PROVIDER)
}

fn squat_present(scene: &Scene) -> Result<(), Stop> {
    let identity = Identity::claimed(provider(scene)?.id);
    loop {
        match RawPeer::linked(scene.hub, "", &identity, &scene.budget) {
            Ok(_) => return Err(Stop::Got("linked with the id of a client that is there".into())),
            Err(Stop::Over) => return Err(Stop::Over),
            Err(_) => {}
        }
    }
}

fn squat_absent(scene: &Scene) -> Result<(), Stop> {
    let owner = Identity::own();
    drop(RawPeer::linked(scene.hub, "", &owner, &scene.budget)?);
    // The hub has seen the end of that link.
    scene.pause(Duration::from_millis(100))?;
    let claimed = Identity::claimed(owner.process);
    let squatter = RawPeer::linked(scene.hub, "", &claimed, &scene.budget);
    let back = RawPeer::linked(scene.hub, "", &owner, &scene.budget);
    match (squatter, back) {
        (Ok(_), _) => Err(Stop::Got("linked with the id of a client that is away".into())),
        (_, Err(stop)) => Err(Stop::Got(format!("the owner does not come back: {stop}"))),
        (Err(_), Ok(_)) => Ok(()),
    }
}

fn other_group(scene: &Scene) -> Result<(), Stop> {
    let Found { id, announcement, .. } = provider(scene)?;
    let hub = scene.other.unwrap_or(scene.hub);
    // Refused, it has got nothing.
    let mut link = RawPeer::linked(hub, "other", &Identity::claimed(id), &scene.budget)?;
    link.say(&messages::foreign_service(1, 0, &announcement))?;
    let group = "hijacked".into();
    link.say(&Message::Joined(Membership { service: 1, revision: u64::MAX, group }))?;
    link.applied()?;
    Err(Stop::Got("linked with an id of another exchange group".into()))
}

fn foreign_frames(scene: &Scene) -> Result<(), Stop> {
    let Found { service, process, id, announcement } = provider(scene)?;
    let revision = u64::MAX;
    let membership = Membership { service, revision, group: "forged".into() };
    let info = ProcessInfo { process: 1, id, label: "forged".into() };
    let forged = [
        Message::Withdrawn { service, revision },
        Message::Joined(membership.clone()),
        Message::Left(membership),
        Message::Process(info),
        Message::ProcessGone { process },
        messages::foreign_service(service, process, &announcement),
        Message::Report(messages::report(service, "tick", u64::MAX, &Bytes::new())),
        Message::SubscribersKnown { service, revision: u64::MAX },
    ];
    for message in forged.iter().cycle() {
        let mut client = RawPeer::client(scene)?;
        client.say(message)?;
        // The hub may take offence, or not; good clients tell whether something changed.
        if let Err(Stop::Over) = client.applied() {
            break;
        }
    }
    Err(Stop::Over)
}

fn forged_answers(scene: &Scene) -> Result<(), Stop> {
    let mut client = RawPeer::client(scene)?.blind();
    let content = Content::raw(&b"forged"[..]);
    for call in 0..u64::MAX {
        // Slots of the hub's table of calls, and generations above them.
        let call = ((call / 1024 % 65_536) << 32) | (call % 1024);
        let outcome = Outcome::Response(content.clone());
        client.say(&Message::Response { call, outcome, extensions: Bytes::new() })?;
        client.say(&Message::Part { call, content: content.clone(), extensions: Bytes::new() })?;
        client.say(&Message::Credit { call, parts: 1 })?;
        client.say(&Message::Cancel { call })?;
    }
    Ok(())
}
