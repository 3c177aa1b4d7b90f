//! Promise 23, against a bad caller: who asks for more than a link can take keeps nobody else
//! behind that link waiting for it.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::limits::ANSWERS_AHEAD;
use netsvc_core::wire::{Message, ProcessInfo, Request, RequestTarget};
use netsvc_core::{
    Config, Content, Event, HandlerResult, Limits, NewService, Process, ProcessId, ProcessSecret,
    Time,
};
use netsvc_testkit::RawPeer;

const NOW: Time = Time(1_000_000_000);
const ANSWER: usize = 64 << 10;
const GREEDY: u32 = 1;
const GOOD: u32 = 2;

/// A provider, and the hub that it is behind, made by hand.
struct Scene {
    provider: Process,
    hub: RawPeer,
    service: u32,
    last: u64,
}

impl Scene {
    fn new() -> Self {
        let secret = ProcessSecret::new([0xff; 32]);
        let config =
            Config { secret, label: "provider".into(), limits: Limits::default(), seed: 1 };
        let mut provider = Process::new(config, NOW);
        let (mut hub, _) = RawPeer::server(&mut provider, NOW, 9);
        let service = NewService {
            name: "x".into(),
            audience: "*".into(),
            methods: vec!["run".into()],
            ..NewService::default()
        };
        provider.create_service(NOW, service).unwrap();
        let announced = hub.hear(&mut provider, NOW);
        let service = announced.iter().find_map(|message| match message {
            Message::Service(service) => Some(service.service),
            _ => None,
        });
        let info = |process: u32| {
            let id = ProcessSecret::new([process as u8; 32]).process();
            Message::Process(ProcessInfo { process, id, label: "caller".into() })
        };
        hub.say(&mut provider, NOW, [info(GREEDY), info(GOOD)]);
        while provider.poll_event(NOW).is_some() {}
        Self { provider, hub, service: service.unwrap(), last: 0 }
    }

    fn id(caller: u32) -> ProcessId {
        ProcessSecret::new([caller as u8; 32]).process()
    }

    fn ask(&mut self, caller: u32) -> u64 {
        self.last += 1;
        let request = Message::Request(Request {
            call: self.last,
            caller,
            target: RequestTarget::Service(self.service),
            method: "run".into(),
            remaining: Duration::from_secs(5),
            parts: 0,
            content: Content::raw(Vec::new()),
            extensions: Bytes::new(),
        });
        self.hub.say(&mut self.provider, NOW, [request]);
        self.last
    }

    /// Handlers of whatever may begin, which answer at once; returns who asked.
    fn handle(&mut self) -> Vec<ProcessId> {
        let mut callers = Vec::new();
        while let Some(event) = self.provider.poll_event(NOW) {
            if let Event::Invoke(invocation) = event {
                let answer = HandlerResult::Response(Content::raw(vec![b'a'; ANSWER]));
                self.provider.respond(invocation.call, answer.by_ref(), &[]);
                callers.push(invocation.caller);
            }
        }
        callers
    }

    /// The hub takes what there is; returns which requests were answered.
    fn hear(&mut self) -> Vec<u64> {
        let heard = self.hub.hear(&mut self.provider, NOW).into_iter();
        let answers = heard.filter_map(|message| match message {
            Message::Response { call, .. } => Some(call),
            _ => None,
        });
        answers.collect()
    }

    fn held_back(&self) -> usize {
        let sizes = self.provider.table_sizes();
        sizes.iter().find(|(table, _)| *table == "requests held back").unwrap().1
    }
}

#[test]
fn a_caller_of_very_much_leaves_the_next_turn_to_another() {
    let mut scene = Scene::new();
    let greedy: Vec<u64> = (0..200).map(|_| scene.ask(GREEDY)).collect();
    let begun = scene.handle().len();
    // What is encoded ahead, and what waits.
    assert!((2..=2 + (ANSWERS_AHEAD + (128 << 10)) / ANSWER).contains(&begun), "{begun} begun");
    assert_eq!(scene.held_back(), 200 - begun);
    let good = scene.ask(GOOD);
    assert_eq!(scene.handle(), []);
    assert!(!scene.provider.has_events());

    let mut answered = scene.hear();
    assert_eq!(answered.len(), begun);
    assert!(scene.provider.has_events());
    let next = scene.handle();
    assert!(next[..2].contains(&Scene::id(GOOD)), "{:?}", &next[..2]);
    while scene.held_back() > 0 {
        answered.extend(scene.hear());
        scene.handle();
    }
    answered.extend(scene.hear());
    let at = answered.iter().position(|call| *call == good).unwrap();
    answered.remove(at);
    assert!(at <= begun + 2, "answered as number {at}");
    assert_eq!(answered, greedy, "in the order asked, each once");
}

#[test]
fn a_lone_caller_with_small_answers_is_never_held_back() {
    let mut scene = Scene::new();
    for _ in 0..20 {
        for _ in 0..100 {
            scene.ask(GREEDY);
        }
        while let Some(event) = scene.provider.poll_event(NOW) {
            if let Event::Invoke(invocation) = event {
                let answer = HandlerResult::Response(Content::raw(vec![b'a'; 100]));
                scene.provider.respond(invocation.call, answer.by_ref(), &[]);
            }
            assert_eq!(scene.held_back(), 0);
        }
        assert_eq!(scene.hear().len(), 100);
    }
}

#[test]
fn requests_that_are_held_back_end_with_their_link() {
    let mut scene = Scene::new();
    let begun = (0..200).map(|_| scene.ask(GREEDY)).count();
    assert!((1..begun).contains(&scene.handle().len()));
    assert!(scene.held_back() > 0);
    scene.provider.handle_closed(NOW, scene.hub.conn);
    assert_eq!((scene.handle(), scene.held_back()), (vec![], 0));
    assert!(!scene.provider.has_events());
}

#[test]
fn requests_that_are_held_back_and_cancelled_do_not_pile_up() {
    let mut scene = Scene::new();
    let first: Vec<u64> = (0..200).map(|_| scene.ask(GREEDY)).collect();
    let begun = scene.handle().len();
    let mut cancelled = first[begun..].to_vec();
    for _ in 0..20 {
        let cancels = cancelled.iter().map(|call| Message::Cancel { call: *call });
        scene.hub.say(&mut scene.provider, NOW, cancels);
        cancelled = (0..200).map(|_| scene.ask(GREEDY)).collect();
        assert_eq!(scene.handle(), []);
        assert!(scene.held_back() <= 1024 + 400, "{} are kept", scene.held_back());
    }
    let cancels = cancelled.iter().map(|call| Message::Cancel { call: *call });
    scene.hub.say(&mut scene.provider, NOW, cancels);
    assert_eq!(scene.hear().len(), begun);
    assert_eq!((scene.handle(), scene.held_back()), (vec![], 0));
}
