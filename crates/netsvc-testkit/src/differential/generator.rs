//! Random sequences of operations.

use super::layout::Layout;
use super::operation::{Aim, Operation};
use crate::random::Random;

/// Sizes on all sides of where something changes: nothing, small, where encoders stop copying,
/// where reports are written from memory.
const SIZES: [u32; 12] = [0, 1, 20, 20, 100, 100, 500, 1_000, 1_100, 4_000, 4_097, 8_192];
const LARGE: [u32; 5] = [9_000, 16_384, 40_000, 65_536, 70_000];

/// The operations of one sequence.
pub(super) fn operations(layout: &Layout, seed: u64) -> Vec<Operation> {
    let mut random = Random::new(seed ^ 0x5eed);
    random.next_u64();
    let count = 10 + random.below(60);
    // Who would subscribe and ask without services and interests?
    let mut operations: Vec<Operation> = Vec::with_capacity(count + 6);
    for _ in 0..=random.below(2) {
        operations.push(create(&mut random));
    }
    for _ in 0..=random.below(3) {
        operations.push(subscribe(&mut random));
    }
    if !random.one_in(3) {
        operations.push(Operation::Settle);
    }
    while operations.len() < count {
        operations.push(operation(layout, &mut random));
    }
    operations
}

fn operation(layout: &Layout, random: &mut Random) -> Operation {
    // Trouble, or what brings about more of it.
    if random.below(100) < 9 * layout.trouble {
        return trouble(random);
    }
    match random.below(100) {
        0..=5 => create(random),
        6..=7 => Operation::Close { service: byte(random) },
        8..=10 => Operation::Member { service: byte(random), joins: !random.one_in(3) },
        11..=44 => publish(random),
        45..=48 => Operation::PublishTo {
            service: byte(random),
            node: byte(random),
            subject: byte(random),
            size: size(random),
        },
        49..=55 => subscribe(random),
        56..=58 => Operation::Unsubscribe { subscription: byte(random) },
        59..=60 => {
            Operation::Grant { subscription: byte(random), reports: random.pick(&[1, 5, 200]) }
        }
        61..=69 => request(random),
        70..=71 => Operation::Cancel { request: byte(random) },
        72..=73 => Operation::GrantParts { request: byte(random), parts: random.pick(&[1, 3]) },
        74..=80 => Operation::Respond {
            invocation: byte(random),
            result: random.pick(&[0, 0, 0, 1, 2]),
            size: size(random),
        },
        81..=83 => Operation::Part { invocation: byte(random), size: size(random) },
        84 => Operation::Flush { link: byte(random) },
        85..=92 => Operation::Settle,
        _ => Operation::Pass { millis: random.pick(&[0, 0, 0, 1, 1, 2, 20, 500, 6_000]) },
    }
}

fn trouble(random: &mut Random) -> Operation {
    let (link, node) = (byte(random), byte(random));
    match random.below(24) {
        0..=2 => Operation::Cut { link },
        3..=7 => Operation::Plug { link, on: true },
        8..=10 => Operation::Plug { link, on: false },
        11..=12 => Operation::Freeze { link, on: true },
        13..=14 => Operation::Freeze { link, on: false },
        15 => Operation::CloseLink {
            link,
            by_hub: random.one_in(3),
            drain: random.pick(&[0, 100, 5_000]),
        },
        16..=17 => Operation::Reopen { link },
        18..=19 => Operation::Busy { node, on: true },
        20..=21 => Operation::Busy { node, on: false },
        22 => Operation::Stop { node, on: true },
        _ => Operation::Stop { node, on: false },
    }
}

fn create(random: &mut Random) -> Operation {
    Operation::Create {
        node: byte(random),
        name: random.pick(&[0, 0, 1]),
        audience: byte(random),
        member: random.one_in(3),
    }
}

fn publish(random: &mut Random) -> Operation {
    let lifetime = if random.one_in(5) { random.pick(&[300, 60_000, u32::MAX]) } else { 0 };
    let size = size(random);
    let most = if size > 9_000 { 4 } else { 60 };
    let times = if random.one_in(2) { 1 } else { 1 + random.below(most) };
    Operation::Publish {
        service: byte(random),
        subject: byte(random),
        size,
        lifetime,
        times: times as u8,
        subjects: random.pick(&[1, 1, 2, 6]),
    }
}

fn subscribe(random: &mut Random) -> Operation {
    Operation::Subscribe {
        node: byte(random),
        aim: match random.below(8) {
            0 => Aim::Group,
            1 => Aim::Service(byte(random)),
            2 => Aim::Name(1),
            _ => Aim::Name(0),
        },
        pattern: random.pick(&[0, 0, 0, 1, 2, 3, 4]),
        policy: random.pick(&[0, 0, 0, 0, 1, 2, 3, 4, 5]),
    }
}

fn request(random: &mut Random) -> Operation {
    Operation::Request {
        node: byte(random),
        aim: if random.one_in(3) {
            Aim::Service(byte(random))
        } else {
            Aim::Name(random.pick(&[0, 0, 1]))
        },
        size: size(random),
        timeout: random.pick(&[50, 2_000, 5_000, 5_000]),
        wait: random.one_in(4),
        parts: random.pick(&[0, 0, 0, 1, 4]),
        known: !random.one_in(12),
    }
}

fn size(random: &mut Random) -> u32 {
    if random.one_in(14) { random.pick(&LARGE) } else { random.pick(&SIZES) }
}

fn byte(random: &mut Random) -> u8 {
    random.below(256) as u8
}
