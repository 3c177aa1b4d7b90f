//! Several processes, everything their applications can do, and everything that can happen to them.

use std::collections::BTreeSet;
use std::time::Duration;

use netsvc_core::limits::MAX_NAME;
use netsvc_core::wire::{Message, Role};
use netsvc_core::{ExchangeId, Filter, Heartbeat, Limits, Retry, ServiceId, visibility};

use crate::node::Node;
use crate::wire::Wire;
use crate::world::World;

use super::application::Application;
use super::frames::framed;
use super::messages::{hello, message};
use super::source::Source;

/// Processes. The first is the hub of the default group, the second that of [`GROUP`].
const NODES: usize = 4;
/// The second exchange group. The second process is its hub and a client of the first.
const GROUP: &str = "a";
/// Who connects to whom, in which group.
const LINKS: [(usize, usize, &str); 4] = [(1, 0, ""), (2, 0, ""), (3, 0, ""), (3, 1, GROUP)];
/// Strangers that may be connected at once.
const STRANGERS: usize = 3;

/// Lets processes, their applications, their links and strangers do anything in any order; then
/// lets it be calm.
///
/// - Nothing panics, and nothing goes on for ever.
/// - What processes say can be decoded.
/// - Watches tell each change once, and reports come in order.
/// - When it has been calm for a while, everybody sees exactly what it may see.
/// - Every request has ended exactly once, and when all is closed every table is empty.
///
/// # Panics
/// If one of these does not hold.
pub fn world(data: &[u8]) {
    let mut source = Source::new(data);
    let mut scene = Scene::new(&mut source);
    let mut steps = 0;
    while !source.is_empty() && steps < 200 {
        scene.step(&mut source);
        scene.note();
        steps += 1;
    }
    scene.calm_down();
    scene.check_agreement();
    scene.finish();
}

struct Scene {
    world: World,
    applications: Vec<Application>,
    strangers: Vec<Wire>,
}

impl Scene {
    fn new(source: &mut Source<'_>) -> Self {
        let flags = source.u8();
        let mut world = World::new(11);
        world.timers_first = flags & 1 != 0;
        world.capacity = if flags & 2 != 0 { 200 } else { 64 << 10 };
        world.piece = if flags & 4 != 0 { 1 } else { usize::MAX };
        world.delay = Duration::from_millis((flags >> 5).into());
        let limits = if flags & 8 != 0 {
            // Small, but not so that processes that keep the rules would be refused: when a link
            // comes up each subscription asks each service for its values.
            Limits {
                payload: 4096,
                outbox: 20_000,
                running_requests: 2,
                pending_requests: 3,
                kept_values: 4,
                kept_bytes: 128,
                handshakes: 4,
                ..Limits::default()
            }
        } else {
            Limits::default()
        };
        for number in 0..NODES {
            world.process_with(&format!("process {number}"), limits.clone());
        }
        let mut scene = Self { world, applications: Vec::new(), strangers: Vec::new() };
        scene.applications.resize_with(NODES, Application::default);
        (0..NODES).for_each(|number| scene.begin(number));
        scene.world.settle();
        scene.note();
        scene
    }

    /// A process starts, or starts again.
    fn begin(&mut self, number: usize) {
        let node = Node(number);
        self.applications[number] = Application::new(self.world.at(node));
        let id = self.world.at(node).id();
        for application in &mut self.applications {
            application.trust(id);
        }
        let known: Vec<_> = (0..NODES).map(|other| self.world.at(Node(other)).id()).collect();
        for id in known {
            self.applications[number].trust(id);
        }
        if number < 2 {
            self.world.hub(node, ["", GROUP][number]);
        }
        for (client, hub, group) in LINKS {
            if client == number {
                let heartbeat = Heartbeat::default();
                self.world.connect_with(node, Node(hub), group, Retry::Backoff, heartbeat);
            }
        }
    }

    fn step(&mut self, source: &mut Source<'_>) {
        let (what, number) = (source.below(24), source.below(NODES));
        let node = Node(number);
        let (client, hub, _) = LINKS[number];
        let (client, hub) = (Node(client), Node(hub));
        match what {
            0 => self.world.cut(client, hub),
            1 => self.world.freeze(client, hub, source.flag()),
            2 => self.world.host(node).stopped = source.flag(),
            3 => self.world.host(node).listening = source.flag(),
            4 => {
                self.world.restart(node);
                self.begin(number);
            }
            5..=7 => {
                let millis = [0, 1, 50, 700, 6_000, 16_000][source.below(6)];
                self.world.advance(Duration::from_millis(millis));
            }
            8 => self.world.settle(),
            9 | 10 => self.stranger(source),
            11 => {
                let (now, exchange) = (self.world.now(), ExchangeId(u32::from(source.u8() % 3)));
                self.world.at(node).flush(now, exchange, Duration::from_secs(2));
            }
            12 => {
                let watch = self.world.at(node).watch(Filter {
                    name: source.flag().then(|| source.text(MAX_NAME)),
                    id: None,
                    group: source.flag().then(|| source.text(MAX_NAME)),
                });
                self.world.at(node).grant_watch(watch, source.number());
                if source.flag() {
                    self.world.at(node).unwatch(watch);
                }
            }
            _ => {
                let now = self.world.now();
                let process = &mut self.world.host(node).process;
                self.applications[number].act(process, now, source);
            }
        }
        if what % 2 == 1 {
            self.world.settle();
        }
    }

    /// Somebody who connects to a hub and does as it likes.
    fn stranger(&mut self, source: &mut Source<'_>) {
        let choice = source.below(8);
        let hub = Node(source.below(2));
        let index = source.below(STRANGERS);
        if index >= self.strangers.len() || choice == 0 {
            if self.strangers.len() == STRANGERS {
                let gone = self.strangers.swap_remove(index);
                self.world.hang_up(&gone);
            }
            if self.world.is_listening(hub) {
                let mut wire = self.world.dial(hub);
                if choice != 1 {
                    let mut greeting = hello(source);
                    greeting.role = Role::Client;
                    greeting.group = ["", GROUP][hub.0].into();
                    self.world.say(&mut wire, &Message::Hello(greeting));
                }
                self.strangers.push(wire);
            }
            return;
        }
        match choice {
            1 => {
                self.world.hear(&mut self.strangers[index]);
            }
            2 => {
                let len = source.u8().into();
                let bytes = framed(&mut Source::new(source.take(len)));
                self.world.say_bytes(&self.strangers[index], &bytes);
            }
            3 => self.world.say_bytes(&self.strangers[index], source.take(32)),
            _ => {
                let message = message(source);
                self.world.say(&mut self.strangers[index], &message);
            }
        }
    }

    fn note(&mut self) {
        for (number, application) in self.applications.iter_mut().enumerate() {
            for event in self.world.host(Node(number)).take_events() {
                application.note(&event);
            }
        }
    }

    /// Nothing happens any more but what must.
    fn calm_down(&mut self) {
        for stranger in std::mem::take(&mut self.strangers) {
            self.world.hang_up(&stranger);
        }
        for number in 0..NODES {
            self.world.host(Node(number)).stopped = false;
            self.world.host(Node(number)).listening = true;
        }
        for (client, hub, _) in LINKS {
            self.world.freeze(Node(client), Node(hub), false);
        }
        self.world.advance(Duration::from_secs(60));
        self.note();
    }

    /// Everybody sees what it may see, and nothing else.
    fn check_agreement(&mut self) {
        let mut all = Vec::new();
        for number in 0..NODES {
            let visible = self.world.at(Node(number)).lookup(&Filter::default());
            let own = visible.into_iter().filter(|service| service.local);
            all.extend(own.map(|service| (number, service.id, service.audience)));
        }
        for number in 0..NODES {
            let expected: BTreeSet<ServiceId> = all
                .iter()
                .filter(|(owner, _, audience)| may_see(number, *owner, audience))
                .map(|(_, id, _)| *id)
                .collect();
            let application = &self.applications[number];
            let seen: BTreeSet<ServiceId> = application.services().collect();
            assert_eq!(seen, expected, "process {number} sees something else");
            application.check_services(&self.world.host(Node(number)).process);
        }
    }

    fn finish(&mut self) {
        for number in 0..NODES {
            let (node, now) = (Node(number), self.world.now());
            self.world.at(node).close(now, Duration::from_secs(1));
        }
        // Kept values are swept every ten seconds.
        self.world.advance(Duration::from_secs(30));
        self.note();
        for number in 0..NODES {
            let process = &mut self.world.host(Node(number)).process;
            self.applications[number].respond_to_all(process);
        }
        self.world.settle();
        self.note();
        for number in 0..NODES {
            self.applications[number].check_ended();
            for (table, entries) in self.world.at(Node(number)).table_sizes() {
                // A process always knows itself.
                let own = usize::from(table == "processes");
                assert_eq!(entries, own, "entries left in {table} of process {number}");
            }
        }
    }
}

/// Whether there is an exchange group in which both are, and which the audience admits.
fn may_see(number: usize, owner: usize, audience: &str) -> bool {
    let is_in = |number: usize, group: &str| {
        LINKS.iter().any(|(client, hub, of)| *of == group && [*client, *hub].contains(&number))
    };
    let shared = |group: &str| {
        is_in(number, group) && is_in(owner, group) && visibility::passes(audience, group)
    };
    number == owner || shared("") || shared(GROUP)
}
