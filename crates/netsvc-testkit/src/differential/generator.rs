//! Random sequences of operations.

use super::layout::Layout;
use super::operation::{Aim, Operation};
use crate::random::Random;

/// Sizes on all sides of where something changes: nothing, small, where encoders stop copying.
const SIZES: [u32; 12] = [0, 1, 20, 20, 100, 100, 500, 1_000, 1_100, 4_000, 4_097, 8_192];
/// Where contents are shared, and where reports are written from memory.
const LARGE: [u32; 5] = [9_000, 16_384, 40_000, 65_536, 70_000];

/// The operations of one sequence.
pub(super) fn operations(layout: &Layout, seed: u64) -> Vec<Operation> {
    let mut random = Random::new(seed ^ 0x5eed);
    random.next_u64();
    let habits = Habits::choose(layout, &mut random);
    let mut generator = Generator { random, habits, operations: Vec::new() };
    generator.run();
    generator.operations
}

/// What happens in a sequence at all. What always happens keeps other things from happening: a kept
/// value, a subscription beside the publisher, a link that is down.
struct Habits {
    /// Of operations that are trouble, in percent.
    trouble: usize,
    /// One in so many reports is kept; 0: none.
    keeps: usize,
    /// Processes that subscribe.
    subscribers: Vec<u8>,
    requests: bool,
    /// One in so many steps is a burst.
    bursts: usize,
    /// Bounds and patterns of subscriptions vary.
    varied: bool,
}

impl Habits {
    fn choose(layout: &Layout, random: &mut Random) -> Self {
        let apart = random.one_in(2);
        let subscribers = (0..layout.nodes.len())
            .filter(|node| !apart || !layout.providers.contains(node))
            .map(|node| node as u8)
            .collect();
        Self {
            trouble: random.pick(&[0, 5, 10, 20]) * layout.trouble,
            keeps: random.pick(&[0, 0, 5, 20]),
            subscribers,
            requests: !random.one_in(3),
            bursts: random.pick(&[2, 3, 10]),
            varied: !random.one_in(3),
        }
    }
}

struct Generator {
    random: Random,
    habits: Habits,
    operations: Vec<Operation>,
}

impl Generator {
    fn run(&mut self) {
        let count = 10 + self.random.below(60);
        // Who would publish and be told without services and interests?
        for _ in 0..=self.random.below(2) {
            let create = self.create();
            self.operations.push(create);
        }
        for _ in 0..=self.random.below(3) {
            let subscribe = self.subscribe();
            self.operations.push(subscribe);
        }
        if !self.random.one_in(3) {
            self.operations.push(Operation::Settle);
        }
        while self.operations.len() < count {
            if self.random.one_in(self.habits.bursts) {
                self.burst();
            } else {
                let operation = self.operation();
                self.operations.push(operation);
            }
        }
    }

    fn operation(&mut self) -> Operation {
        if self.random.below(100) < self.habits.trouble {
            return self.trouble();
        }
        match self.random.below(100) {
            0..=5 => self.create(),
            6..=7 => Operation::Close { service: self.byte() },
            8..=10 => Operation::Member { service: self.byte(), joins: !self.random.one_in(3) },
            11..=40 => self.publish(),
            41..=45 => Operation::PublishTo {
                service: self.byte(),
                node: self.byte(),
                subject: self.byte(),
                size: self.size(),
            },
            46..=53 => self.subscribe(),
            54..=56 => Operation::Unsubscribe { subscription: self.byte() },
            57..=58 => {
                let reports = self.random.pick(&[1, 5, 200]);
                Operation::Grant { subscription: self.byte(), reports }
            }
            59..=80 if self.habits.requests => self.of_requests(),
            81 => Operation::Flush { link: self.byte() },
            82..=91 => Operation::Settle,
            _ => Operation::Pass { millis: self.random.pick(&[0, 0, 0, 1, 1, 2, 20, 500, 6_000]) },
        }
    }

    fn of_requests(&mut self) -> Operation {
        match self.random.below(22) {
            0..=8 => self.request(),
            9..=10 => Operation::Cancel { request: self.byte() },
            11..=12 => {
                Operation::GrantParts { request: self.byte(), parts: self.random.pick(&[1, 3]) }
            }
            13..=18 => self.respond(),
            _ => Operation::Part { invocation: self.byte(), size: self.size() },
        }
    }

    /// Reports that wait together, and right after them what might overtake them or lose them.
    fn burst(&mut self) {
        let (service, subject, link) = (self.byte(), self.byte(), self.byte());
        let report = |size, lifetime, times, subjects| Operation::Publish {
            service,
            subject,
            size,
            lifetime,
            times,
            subjects,
        };
        let asked = self.habits.requests && self.random.one_in(2);
        if asked {
            let request = self.request();
            self.operations.extend([request, Operation::Settle]);
        }
        let plugs = self.habits.trouble > 0 && self.random.one_in(2);
        if plugs {
            let pause = Operation::Pass { millis: self.random.pick(&[0, 1, 5]) };
            let plug = Operation::Plug { link, on: true };
            self.operations.extend([plug, report(4_000, 0, 10, 1), pause]);
        }
        let size = self.random.pick(&[1, 20, 100, 500, 1_000, 4_000]);
        for _ in 0..=self.random.below(2) {
            let (times, subjects) =
                (self.random.pick(&[1, 2, 10, 40]), self.random.pick(&[1, 1, 2]));
            let next = match self.random.below(18) {
                0..=2 => Operation::Publish {
                    service,
                    subject: if self.random.one_in(2) { subject } else { self.byte() },
                    size: self.random.pick(&[5_000, 9_000, 70_000, 70_000]),
                    lifetime: 0,
                    times: 1,
                    subjects: 1,
                },
                3..=4 if self.habits.keeps > 0 => report(100, u32::MAX, 1, 1),
                3..=5 => Operation::PublishTo { service, node: self.byte(), subject, size },
                6..=9 => self.respond(),
                10 => Operation::Part { invocation: self.byte(), size: 20 },
                11..=12 if self.habits.trouble > 0 => {
                    let link = if self.random.one_in(2) { link } else { self.byte() };
                    let by_hub = self.random.one_in(3);
                    Operation::CloseLink { link, by_hub, drain: 5_000 }
                }
                13 => Operation::Close { service },
                14 => Operation::Flush { link },
                15 => self.request(),
                16 => self.subscribe(),
                _ => Operation::Member { service, joins: !self.random.one_in(3) },
            };
            self.operations.extend([report(size, 0, times, subjects), next]);
        }
        if plugs && self.random.one_in(2) {
            self.operations.push(Operation::Plug { link, on: false });
        }
        if self.random.one_in(2) {
            self.operations.push(Operation::Settle);
        }
    }

    fn trouble(&mut self) -> Operation {
        let (link, node) = (self.byte(), self.byte());
        match self.random.below(24) {
            0..=2 => Operation::Cut { link },
            3..=7 => Operation::Plug { link, on: true },
            8..=10 => Operation::Plug { link, on: false },
            11..=12 => Operation::Freeze { link, on: true },
            13..=14 => Operation::Freeze { link, on: false },
            15 => Operation::CloseLink {
                link,
                by_hub: self.random.one_in(3),
                drain: self.random.pick(&[0, 100, 5_000]),
            },
            16..=17 => Operation::Reopen { link },
            18..=19 => Operation::Busy { node, on: true },
            20..=21 => Operation::Busy { node, on: false },
            22 => Operation::Stop { node, on: true },
            _ => Operation::Stop { node, on: false },
        }
    }

    fn create(&mut self) -> Operation {
        Operation::Create {
            node: self.byte(),
            name: self.random.pick(&[0, 0, 1]),
            audience: self.byte(),
            member: self.random.one_in(3),
        }
    }

    fn publish(&mut self) -> Operation {
        let keeps = self.habits.keeps > 0 && self.random.one_in(self.habits.keeps);
        let lifetime = if keeps { self.random.pick(&[300, 60_000, u32::MAX]) } else { 0 };
        let size = self.size();
        // So that nothing has to be dropped although links do not go on.
        let most = (100_000 / size.max(1)).clamp(1, 60) as usize;
        let times = if self.random.one_in(2) { 1 } else { 1 + self.random.below(most) };
        Operation::Publish {
            service: self.byte(),
            subject: self.byte(),
            size,
            lifetime,
            times: times as u8,
            subjects: self.random.pick(&[1, 1, 2, 6]),
        }
    }

    fn subscribe(&mut self) -> Operation {
        let (pattern, policy) = if self.habits.varied {
            (
                self.random.pick(&[0, 0, 0, 1, 2, 3, 4]),
                self.random.pick(&[0, 0, 0, 0, 1, 2, 3, 4, 5]),
            )
        } else {
            (0, 0)
        };
        let aim = match self.random.below(8) {
            0 => Aim::Group,
            1 => Aim::Service(self.byte()),
            2 => Aim::Name(1),
            _ => Aim::Name(0),
        };
        Operation::Subscribe {
            node: self.random.pick(&self.habits.subscribers),
            aim,
            pattern,
            policy,
        }
    }

    fn request(&mut self) -> Operation {
        let aim = if self.random.one_in(3) {
            Aim::Service(self.byte())
        } else {
            Aim::Name(self.random.pick(&[0, 0, 1]))
        };
        Operation::Request {
            node: self.byte(),
            aim,
            size: self.size(),
            timeout: self.random.pick(&[50, 2_000, 5_000, 5_000]),
            wait: self.random.one_in(4),
            parts: self.random.pick(&[0, 0, 0, 1, 4]),
            known: !self.random.one_in(12),
        }
    }

    fn respond(&mut self) -> Operation {
        Operation::Respond {
            invocation: self.byte(),
            result: self.random.pick(&[0, 0, 0, 1, 2]),
            size: self.size(),
        }
    }

    fn size(&mut self) -> u32 {
        if self.random.one_in(14) { self.random.pick(&LARGE) } else { self.random.pick(&SIZES) }
    }

    fn byte(&mut self) -> u8 {
        self.random.below(256) as u8
    }
}
