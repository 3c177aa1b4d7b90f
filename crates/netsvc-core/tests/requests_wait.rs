//! Promise 14, `wait`: a request that waits for its provider, within its deadline, connected or
//! not.

use std::time::Duration;

use netsvc_core::wire::{Announcement, Message, Request};
use netsvc_core::{
    Content, Delivered, HandlerResult, LinkId, NewService, Outcome, Process, RequestCode,
    RequestError, RequestOptions, ServiceId, Time,
};
use netsvc_testkit::{
    Node, RawPeer, Target, Told, Verbs, World, assert_nothing_pending, service, verdict,
};

const TEN: Duration = Duration::from_secs(10);

fn waiting(timeout: Duration) -> RequestOptions<'static> {
    RequestOptions { wait: true, ..RequestOptions::within(timeout) }
}

fn wait_for(world: &mut World, node: Node, key: u64, name: &str) {
    world.ask_for(node, key, &Target::Name(name.into()), "question", waiting(TEN));
}

fn answer(world: &mut World, node: Node) -> Told {
    world.serve(node, |_| Some(HandlerResult::Response(Content::raw("answer"))))
}

fn answered(key: u64) -> Vec<(u64, Outcome)> {
    vec![(key, Outcome::Response(Content::raw("answer")))]
}

fn parked(world: &mut World, node: Node) -> usize {
    world.settle();
    world.table(node, "parked")
}

#[test]
fn it_waits_until_a_provider_appears_here_at_the_hub_or_at_another_client() {
    let (mut world, hub, [provider, user]) = World::star(1);
    for (key, at) in [(1, user), (2, hub), (3, provider)] {
        let name = format!("x{key}");
        wait_for(&mut world, user, key, &name);
        world.advance(Duration::from_secs(2));
        assert_eq!(world.told(user).outcomes, [], "nothing is said while it waits");
        assert_eq!(parked(&mut world, user), 1);
        world.create(at, &name);
        let mut outcomes = answer(&mut world, at).outcomes;
        outcomes.extend(world.told(user).outcomes);
        assert_eq!(outcomes, answered(key));
        assert_eq!(parked(&mut world, user), 0);
    }
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn a_request_by_identity_waits_for_that_one_to_come_back() {
    let (mut world, hub, [provider, user]) = World::star(2);
    let (_, id) = world.create(provider, "x");
    world.settle();
    world.cut(provider, hub);
    world.settle();
    world.ask_for(user, 1, &Target::Identity(id), "question", waiting(TEN));
    assert_eq!(parked(&mut world, user), 1);
    // Another of the same name is another.
    let (other, _) = world.create(hub, "x");
    assert_eq!(parked(&mut world, user), 1);
    let now = world.now();
    world.at(hub).close_service(now, other);
    world.advance(Duration::from_secs(1));
    answer(&mut world, provider);
    assert_eq!(world.told(user).outcomes, answered(1));
}

#[test]
fn it_waits_without_any_link_and_goes_as_soon_as_there_is_one() {
    let mut world = World::new(3);
    let [hub, provider, user] = ["hub", "provider", "user"].map(|label| world.process(label));
    wait_for(&mut world, user, 1, "x");
    world.create(provider, "x");
    world.hub(hub, "");
    world.connect(provider, hub);
    world.advance(Duration::from_secs(2));
    assert_eq!(world.told(user).outcomes, []);
    world.connect(user, hub);
    world.settle();
    answer(&mut world, provider);
    assert_eq!(world.told(user).outcomes, answered(1));
}

#[test]
fn several_wait_and_each_is_asked_once_in_the_order_of_the_calls() {
    let (mut world, _, [provider, user]) = World::star(4);
    for key in 0..20 {
        world.ask_for(
            user,
            key,
            &Target::Name("x".into()),
            &key.to_string(),
            waiting(Duration::from_secs(5)),
        );
    }
    assert_eq!(parked(&mut world, user), 20);
    world.create(provider, "x");
    let told = answer(&mut world, provider);
    let contents: Vec<_> = told.invoked.iter().map(|call| call.content.clone()).collect();
    let expected: Vec<_> = (0..20).map(|key| Content::raw(key.to_string())).collect();
    assert_eq!(contents, expected);
    assert_eq!(world.told(user).outcomes.len(), 20);
}

#[test]
fn the_deadline_passes_while_it_waits_and_nothing_was_delivered() {
    let (mut world, hub, [provider, user]) = World::star(5);
    wait_for(&mut world, user, 1, "x");
    world.advance(TEN.checked_sub(Duration::from_millis(10)).unwrap_or_default());
    assert_eq!(world.told(user).outcomes, []);
    world.advance(Duration::from_millis(20));
    assert_eq!(verdict(&world.told(user)), (RequestCode::Deadline, Delivered::No));
    world.create(provider, "x");
    assert_eq!(world.told(provider).invoked, [], "too late for the handler too");
    assert_eq!(parked(&mut world, user), 0);
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn time_spent_waiting_counts_towards_the_deadline() {
    let (mut world, _, [provider, user]) = World::star(6);
    wait_for(&mut world, user, 1, "x");
    world.advance(Duration::from_secs(7));
    world.create(provider, "x");
    let told = world.told(provider);
    let left = told.only_invocation().remaining;
    assert!(left <= Duration::from_secs(3), "{left:?}");
    assert!(left > Duration::from_millis(2900), "{left:?}");
    world.advance(Duration::from_secs(3));
    assert_eq!(verdict(&world.told(user)), (RequestCode::Deadline, Delivered::Unknown));
}

#[test]
fn cancelled_while_it_waits_nothing_was_delivered() {
    let (mut world, _, [provider, user]) = World::star(7);
    wait_for(&mut world, user, 1, "x");
    world.settle();
    assert_eq!(world.at(user).cancel(1), Some(Delivered::No));
    assert_eq!(verdict(&world.told(user)), (RequestCode::Cancelled, Delivered::No));
    assert_eq!(world.at(user).cancel(1), None, "it has its outcome");
    world.create(provider, "x");
    assert_eq!(world.told(provider).invoked, []);
    assert_eq!(parked(&mut world, user), 0);
}

#[test]
fn closing_the_registry_ends_what_waits() {
    let (mut world, _, [user]) = World::star(8);
    wait_for(&mut world, user, 1, "x");
    let now = world.now();
    world.at(user).close(now, Duration::from_secs(1));
    assert_eq!(verdict(&world.told(user)), (RequestCode::Cancelled, Delivered::No));
    assert_eq!(parked(&mut world, user), 0);
}

/// A provider as it was before the update.
fn old(name: &str) -> NewService {
    NewService { methods: vec!["old".into()], ..service(name) }
}

#[test]
fn one_with_the_method_is_waited_for_beside_those_without() {
    let (mut world, hub, [provider, other, user]) = World::star(13);
    // The first half of a rolling update, wherever it takes place.
    for (key, [before, after]) in
        [[provider, other], [hub, provider], [user, hub], [provider, user], [user, user]]
            .into_iter()
            .enumerate()
    {
        let (key, name) = (key as u64, format!("x{key}"));
        world.create_with(before, old(&name));
        world.settle();
        wait_for(&mut world, user, key, &name);
        assert_eq!(parked(&mut world, user), 1, "{before:?}, {after:?}");
        // Others that lack it are nothing to it, neither here nor at the hub.
        world.create_with(provider, old(&name));
        world.advance(Duration::from_secs(2));
        assert_eq!(world.told(user).outcomes, []);
        world.create(after, &name);
        let mut outcomes = answer(&mut world, after).outcomes;
        outcomes.extend(world.told(user).outcomes);
        assert_eq!(outcomes, answered(key), "{before:?}, {after:?}");
        assert_eq!(parked(&mut world, user), 0);
    }
    assert_nothing_pending(&mut world, &[hub, provider, other, user]);
}

#[test]
fn who_waits_for_somebody_at_all_waits_for_one_with_the_method() {
    let (mut world, _, [provider, user]) = World::star(14);
    wait_for(&mut world, user, 1, "x");
    assert_eq!(parked(&mut world, user), 1);
    world.create_with(provider, old("x"));
    assert_eq!(parked(&mut world, user), 1);
    world.create(provider, "x");
    answer(&mut world, provider);
    assert_eq!(world.told(user).outcomes, answered(1));
}

#[test]
fn at_the_deadline_it_is_told_whose_services_lack_the_method() {
    let (mut world, hub, [a, b, user]) = World::star(15);
    let services = [a, b].map(|node| (node, world.create_with(node, old("x")).0));
    wait_for(&mut world, user, 1, "x");
    world.advance(TEN + Duration::from_millis(20));
    let told = world.told(user);
    assert_eq!(verdict(&told), (RequestCode::NoMethod, Delivered::No));
    let expected = r#"none of 2 services named "x" has method "run": of "client 0", "client 1""#;
    assert_eq!(&*told.only_error().message, expected);
    // Those who have the name, not those who had it.
    wait_for(&mut world, user, 2, "x");
    world.settle();
    let now = world.now();
    for (node, service) in services {
        world.at(node).close_service(now, service);
    }
    world.advance(TEN + Duration::from_millis(20));
    assert_eq!(verdict(&world.told(user)), (RequestCode::Deadline, Delivered::No));
    assert_nothing_pending(&mut world, &[hub, a, b, user]);
}

#[test]
fn what_no_other_provider_can_change_is_not_waited_for() {
    let (mut world, _, [provider, user]) = World::star(9);
    let (_, id) = world.create(provider, "x");
    world.settle();
    let now = world.now();
    // The methods of a service never change, and there is no other of its identity.
    let target = Target::Identity(id);
    world.at(user).ask(now, 1, target, "other", Content::raw(""), waiting(TEN));
    assert_eq!(verdict(&world.told(user)), (RequestCode::NoMethod, Delivered::No));
    let too_large = Content::raw(vec![0; (1 << 20) + 1]);
    let target = Target::Name("nobody".into());
    world.at(user).ask(now, 2, target, "run", too_large, waiting(TEN));
    assert_eq!(verdict(&world.told(user)), (RequestCode::TooLarge, Delivered::No));
}

/// A hub made by hand with one service of client 0 of it, `x`.
struct ByHand {
    user: Process,
    hub: RawPeer,
    link: LinkId,
    now: Time,
}

impl ByHand {
    fn new() -> Self {
        Self::with(netsvc_core::Limits::default())
    }

    fn with(limits: netsvc_core::Limits) -> Self {
        let mut world = World::new(10);
        let node = world.process("user");
        let now = world.now();
        let config = netsvc_core::Config {
            secret: world.host(node).secret.clone(),
            label: "user".into(),
            limits,
            seed: 1,
        };
        let mut user = Process::new(config, now);
        let (hub, link) = RawPeer::server(&mut user, now, 9);
        let mut this = Self { user, hub, link, now };
        this.announce(1);
        this
    }

    fn announce(&mut self, number: u32) {
        let service = Announcement {
            service: number,
            process: 0,
            counter: number,
            revision: number.into(),
            name: "x".into(),
            audience: "*".into(),
            groups: Vec::new(),
            methods: vec!["run".into()],
            extensions: bytes::Bytes::new(),
        };
        self.say(Message::Service(service));
    }

    fn say(&mut self, message: Message) {
        self.hub.say(&mut self.user, self.now, [message]);
    }

    fn ask(&mut self, target: Target, options: RequestOptions<'_>) {
        let content = Content::raw("question");
        self.user.ask(self.now, 1, target, "run", content, options);
    }

    /// The requests that the hub has heard since.
    fn heard(&mut self) -> Vec<Request> {
        let heard = self.hub.hear(&mut self.user, self.now);
        heard
            .into_iter()
            .filter_map(|message| match message {
                Message::Request(request) => Some(request),
                _ => None,
            })
            .collect()
    }

    fn refuse(&mut self, call: u64, code: RequestCode, delivered: Delivered) {
        let error = RequestError { code, delivered, message: "by hand".into() };
        let outcome = Outcome::Error(error);
        self.say(Message::Response { call, outcome, extensions: bytes::Bytes::new() });
    }

    fn outcomes(&mut self) -> Vec<(u64, Outcome)> {
        let now = self.now;
        Told::of(std::iter::from_fn(|| self.user.poll_event(now)).collect()).outcomes
    }
}

#[test]
fn the_hub_may_know_of_the_end_of_the_provider_before_this_registry_does() {
    let mut world = ByHand::new();
    world.ask(Target::Name("x".into()), waiting(TEN));
    let [request] = &world.heard()[..] else { panic!("one request") };
    world.refuse(request.call, RequestCode::NoService, Delivered::No);
    assert_eq!(world.outcomes(), []);
    assert_eq!(world.heard(), [], "it is not asked again for what it does not have");
    world.say(Message::Withdrawn { service: 1, revision: 1 });
    assert_eq!(world.heard(), []);
    world.announce(2);
    let [request] = &world.heard()[..] else { panic!("one request") };
    assert_eq!(request.content, Content::raw("question"));
    let response = Outcome::Response(Content::raw("answer"));
    let (call, extensions) = (request.call, bytes::Bytes::new());
    world.say(Message::Response { call, outcome: response, extensions });
    assert_eq!(world.outcomes(), answered(1));
    assert!(world.user.table_sizes().contains(&("calls", 0)));
}

#[test]
fn a_provider_lost_before_the_hub_could_ask_it_is_waited_for() {
    let mut world = ByHand::new();
    world.ask(Target::Name("x".into()), waiting(TEN));
    let [request] = &world.heard()[..] else { panic!("one request") };
    world.refuse(request.call, RequestCode::Lost, Delivered::No);
    assert_eq!(world.outcomes(), []);
    world.announce(2);
    assert_eq!(world.heard().len(), 1);
}

#[test]
fn the_hub_may_know_of_the_end_of_the_one_with_the_method_before_this_registry_does() {
    let mut world = ByHand::new();
    world.ask(Target::Name("x".into()), waiting(TEN));
    let [request] = &world.heard()[..] else { panic!("one request") };
    // At the hub there is still one, which lacks it.
    world.refuse(request.call, RequestCode::NoMethod, Delivered::No);
    assert_eq!(world.outcomes(), []);
    assert_eq!(world.heard(), [], "it is not asked again for what it does not have");
    world.say(Message::Withdrawn { service: 1, revision: 1 });
    world.announce(2);
    assert_eq!(world.heard().len(), 1);
}

#[test]
fn of_one_that_has_lost_its_method_a_request_by_identity_hears_at_once() {
    let mut world = ByHand::new();
    let id = ServiceId { process: world.hub.id, counter: 1 };
    world.ask(Target::Identity(id), waiting(TEN));
    let [request] = &world.heard()[..] else { panic!("one request") };
    world.refuse(request.call, RequestCode::NoMethod, Delivered::No);
    let outcomes = world.outcomes();
    let [(1, Outcome::Error(error))] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((error.code, error.delivered), (RequestCode::NoMethod, Delivered::No));
}

#[test]
fn who_cannot_wait_as_too_many_do_hears_at_once() {
    for code in [RequestCode::NoService, RequestCode::NoMethod] {
        let mut world = ByHand::with(netsvc_core::Limits {
            pending_requests: 1,
            ..netsvc_core::Limits::default()
        });
        let (now, content) = (world.now, Content::raw("question"));
        let target = Target::Name("nobody".into());
        world.user.ask(now, 2, target, "run", content, waiting(TEN));
        world.ask(Target::Name("x".into()), waiting(TEN));
        let [request] = &world.heard()[..] else { panic!("one request") };
        world.refuse(request.call, code, Delivered::No);
        let outcomes = world.outcomes();
        let [(1, Outcome::Error(error))] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((error.code, error.delivered), (code, Delivered::No));
    }
}

#[test]
fn who_does_not_wait_is_told_at_once_what_the_hub_said() {
    let mut world = ByHand::new();
    world.ask(Target::Name("x".into()), RequestOptions::within(TEN));
    let [request] = &world.heard()[..] else { panic!("one request") };
    world.refuse(request.call, RequestCode::NoService, Delivered::No);
    let outcomes = world.outcomes();
    let [(1, Outcome::Error(error))] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((error.code, error.delivered), (RequestCode::NoService, Delivered::No));
}

#[test]
fn nothing_is_tried_again_once_somebody_may_have_seen_it() {
    for (code, delivered) in [
        (RequestCode::Lost, Delivered::Unknown),
        (RequestCode::NoService, Delivered::Unknown),
        (RequestCode::Overloaded, Delivered::No),
        (RequestCode::Denied, Delivered::No),
    ] {
        let mut world = ByHand::new();
        world.ask(Target::Name("x".into()), waiting(TEN));
        let [request] = &world.heard()[..] else { panic!("one request") };
        world.refuse(request.call, code, delivered);
        let outcomes = world.outcomes();
        let [(1, Outcome::Error(error))] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((error.code, error.delivered), (code, delivered));
        world.announce(2);
        assert_eq!(world.heard(), []);
    }
    // Sent, and the link is lost before the outcome.
    let mut world = ByHand::new();
    world.ask(Target::Name("x".into()), waiting(TEN));
    assert_eq!(world.heard().len(), 1);
    let now = world.now;
    world.user.handle_closed(now, world.hub.conn);
    let outcomes = world.outcomes();
    let [(1, Outcome::Error(error))] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((error.code, error.delivered), (RequestCode::LinkLost, Delivered::Unknown));
}

#[test]
fn what_a_lost_link_had_not_sent_waits_again_by_name_and_by_identity() {
    for by_identity in [false, true] {
        let mut world = ByHand::new();
        let id = ServiceId { process: world.hub.id, counter: 1 };
        let target = if by_identity { Target::Identity(id) } else { Target::Name("x".into()) };
        world.ask(target, waiting(TEN));
        // The hub never heard of it.
        let now = world.now;
        world.user.handle_closed(now, world.hub.conn);
        assert_eq!(world.outcomes(), []);
        assert!(world.user.table_sizes().contains(&("parked", 1)));
        let link = world.link;
        world.user.close_link(now, link, Duration::ZERO);
        assert_eq!(world.outcomes(), [], "connected or not");
        world.now = now + TEN;
        world.user.handle_time(world.now);
        let outcomes = world.outcomes();
        let [(1, Outcome::Error(error))] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((error.code, error.delivered), (RequestCode::Deadline, Delivered::No));
    }
}

#[test]
fn over_a_lost_link_what_was_not_sent_goes_out_again_after_the_reconnect() {
    let (mut world, hub, [provider, user]) = World::star(11);
    world.create(provider, "x");
    world.settle();
    world.freeze(user, hub, true);
    // Fills the connection, so that the next stays in the outbox.
    world.ask(user, 1, "x", &"f".repeat(1 << 19));
    world.settle();
    world.ask_for(user, 2, &Target::Name("x".into()), "question", waiting(6 * TEN));
    world.settle();
    world.cut(user, hub);
    world.freeze(user, hub, false);
    world.advance(Duration::from_secs(6));
    let told = answer(&mut world, provider);
    let contents: Vec<_> = told.invoked.iter().map(|call| call.content.bytes.len()).collect();
    assert_eq!(contents, [8], "the second alone, once");
    let mut outcomes = world.told(user).outcomes;
    outcomes.retain(|(key, _)| *key == 2);
    assert_eq!(outcomes, answered(2));
    assert_eq!(parked(&mut world, user), 0);
}

#[test]
fn a_provider_over_another_hub_is_taken_when_the_first_hub_has_none_any_more() {
    let mut world = World::new(12);
    let [one, two, user] = ["one", "two", "user"].map(|label| world.process(label));
    world.hub(one, "");
    world.hub(two, "two");
    world.connect(user, one);
    world.connect_with(
        user,
        two,
        "two",
        netsvc_core::Retry::Backoff,
        netsvc_core::Heartbeat::default(),
    );
    let (at_one, _) = world.create(one, "x");
    world.settle();
    wait_for(&mut world, user, 1, "x");
    // Crosses the withdrawal; meanwhile the other hub's has come.
    let now = world.now();
    world.at(one).close_service(now, at_one);
    world.create(two, "x");
    world.settle();
    answer(&mut world, two);
    assert_eq!(world.told(user).outcomes, answered(1));
}
