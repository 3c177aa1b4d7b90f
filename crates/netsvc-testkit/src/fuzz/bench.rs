//! One process with everything around it: its application, its peers, its time.

use std::time::Duration;

use netsvc_core::wire::{Hello, Message, Role};
use netsvc_core::{
    Action, Config, ConnId, Event, ExchangeId, Heartbeat, Limits, LinkId, LinkToken, Process,
    ProcessSecret, Reason, ReasonCode, Retry, Time,
};

use super::application::Application;
use super::peer::Peer;

/// Connections that peers may have at once, the one that the process itself opens included.
pub(super) const SLOTS: usize = 4;
/// The slot of the peer to which the process connects.
pub(super) const SERVER: usize = SLOTS - 1;
/// Exchange group of the exchange that connects.
pub(super) const GROUP: &str = "a";
/// Events and timers that one thing may cause at one moment; more of them would be for ever.
const ENOUGH: usize = 100_000;

/// One process, server of the default group and client of [`GROUP`].
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) process: Process,
    pub(super) application: Application,
    pub(super) now: Time,
    pub(super) server: ExchangeId,
    pub(super) peers: [Option<Peer>; SLOTS],
    /// What the process opened and nobody has answered.
    pub(super) opening: Option<ConnId>,
    /// Links that ask to be authorised.
    pub(super) applicants: Vec<LinkId>,
    /// The application listens.
    pub(super) listening: bool,
    link: LinkId,
}

impl Bench {
    pub(super) fn new(limits: Limits) -> Self {
        let now = Time(1_000_000_000);
        // One that peers claim to be, too.
        let secret = ProcessSecret::new([4; 32]);
        let config = Config { secret, label: "bench".into(), limits, seed: 5 };
        let mut process = Process::new(config, now);
        let application = Application::new(&mut process);
        let mut exchange = |role, group| {
            let made = process.create_exchange(role, group, Heartbeat::default());
            made.unwrap_or_else(|error| panic!("no exchange: {error}"))
        };
        let (server, client) = (exchange(Role::Server, ""), exchange(Role::Client, GROUP));
        let link = process.connect(now, client, Retry::Backoff, LinkToken([2; 16]));
        let link = link.unwrap_or_else(|error| panic!("no link: {error}"));
        Self {
            process,
            application,
            now,
            server,
            peers: [const { None }; SLOTS],
            opening: None,
            applicants: Vec::new(),
            listening: true,
            link,
        }
    }

    /// A peer connects, or (at [`SERVER`]) the process succeeds in connecting.
    pub(super) fn open(&mut self, slot: usize) {
        self.hang_up(slot);
        let conn = if slot == SERVER {
            let conn = self.opening.take();
            if let Some(conn) = conn {
                self.process.handle_opened(self.now, conn, "peer");
            }
            conn
        } else if self.process.can_accept(self.now, self.server, 0) {
            self.process.handle_accepted(self.now, self.server, "peer")
        } else {
            None
        };
        self.peers[slot] = conn.map(|conn| Peer::new(conn, &self.process));
        self.run();
    }

    /// The process cannot connect.
    pub(super) fn fail_to_open(&mut self) {
        if let Some(conn) = self.opening.take() {
            let reason = Reason::new(ReasonCode::ConnectFailed, "nobody is there");
            self.process.handle_open_failed(self.now, conn, reason);
            self.run();
        }
    }

    /// A handshake by the rules, and an empty snapshot. True: the process says that it is linked.
    pub(super) fn shake_hands(&mut self, slot: usize, secret: &ProcessSecret) -> bool {
        self.open(slot);
        let process = secret.process();
        let mut hello = Hello {
            features: 0,
            role: Role::Client,
            group: "".into(),
            process,
            secret: Some(secret.clone()),
            label: "peer".into(),
            token: LinkToken(process.0),
            attempt: 1,
            heartbeat: Duration::from_secs(5),
            max_payload: 1 << 20,
        };
        let greeting = if slot == SERVER {
            let Some(Message::Hello(theirs)) = self.hear(slot, usize::MAX).into_iter().next()
            else {
                return false;
            };
            hello.role = Role::Server;
            hello.group = GROUP.into();
            hello.token = theirs.token;
            hello.attempt = theirs.attempt;
            Message::Welcome(hello)
        } else {
            Message::Hello(hello)
        };
        self.say(slot, &greeting);
        self.say(slot, &Message::Synced);
        self.hear(slot, usize::MAX).contains(&Message::Synced)
    }

    pub(super) fn say(&mut self, slot: usize, message: &Message) {
        if let Some(peer) = &mut self.peers[slot] {
            peer.say(&mut self.process, self.now, message);
            self.run();
        }
    }

    pub(super) fn say_bytes(&mut self, slot: usize, bytes: &[u8]) {
        if let Some(peer) = &mut self.peers[slot] {
            peer.say_bytes(&mut self.process, self.now, bytes);
            self.run();
        }
    }

    pub(super) fn hear(&mut self, slot: usize, most: usize) -> Vec<Message> {
        let Some(peer) = &mut self.peers[slot] else { return Vec::new() };
        let heard = peer.hear(&mut self.process, self.now, most);
        self.run();
        heard
    }

    pub(super) fn hang_up(&mut self, slot: usize) {
        if let Some(peer) = self.peers[slot].take() {
            self.process.handle_closed(self.now, peer.conn);
            self.run();
        }
    }

    /// The connecting link is closed for good.
    pub(super) fn close_link(&mut self) {
        self.process.close_link(self.now, self.link, Duration::from_millis(100));
        self.run();
    }

    /// Lets time pass, with everything that is due meanwhile.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..ENOUGH {
            self.run();
            let wake = self.process.poll_wake();
            if wake > until {
                self.now = until;
                return self.run();
            }
            self.now = self.now.max(wake);
        }
        panic!("time stands still");
    }

    /// Everything that follows at this moment.
    pub(super) fn run(&mut self) {
        for _ in 0..ENOUGH {
            let mut busy = false;
            if self.process.poll_wake() <= self.now {
                self.process.handle_time(self.now);
                busy = true;
            }
            while let Some(action) = self.process.poll_action() {
                busy = true;
                match action {
                    Action::Open { conn, .. } => {
                        assert!(self.opening.is_none(), "two attempts at once");
                        self.opening = Some(conn);
                    }
                    Action::Close { conn } => self.forget(conn),
                    Action::Pause { .. } | Action::Resume { .. } => {}
                }
            }
            while self.process.poll_dirty().is_some() {}
            while self.listening
                && let Some(event) = self.process.poll_event(self.now)
            {
                busy = true;
                if let Event::Authorise(about) = &event {
                    self.applicants.push(about.link);
                }
                self.application.note(&event);
            }
            if !busy {
                return;
            }
        }
        panic!("the process does not come to rest");
    }

    /// Ends everything.
    ///
    /// # Panics
    /// If something is left over, or ended otherwise than once.
    pub(super) fn finish(mut self) {
        self.listening = true;
        self.run();
        self.application.check_services(&self.process);
        self.process.close(self.now, Duration::from_secs(1));
        self.run();
        (0..SLOTS).for_each(|slot| self.hang_up(slot));
        self.fail_to_open();
        // Kept values are swept every ten seconds.
        self.pass(Duration::from_secs(30));
        self.application.respond_to_all(&mut self.process);
        self.run();
        self.application.check_ended();
        for (table, entries) in self.process.table_sizes() {
            // A process always knows itself.
            let own = usize::from(table == "processes");
            assert_eq!(entries, own, "entries left in {table}");
        }
    }

    fn forget(&mut self, conn: ConnId) {
        if self.opening == Some(conn) {
            self.opening = None;
        }
        for peer in &mut self.peers {
            if peer.as_ref().is_some_and(|peer| peer.conn == conn) {
                *peer = None;
            }
        }
    }
}
