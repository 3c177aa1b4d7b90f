//! The world: processes, connections and time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use netsvc_core::{
    Action, CommandError, Config, ConnId, ExchangeId, Heartbeat, Limits, LinkId, LinkToken,
    Process, ProcessSecret, Retry, Role, Str, Time,
};

use crate::connection::Connection;
use crate::host::Host;
use crate::node::Node;
use crate::random::Random;
use crate::ways::Ways;
use crate::wire::Wire;

/// Everything there is in a test.
#[derive(Debug)]
pub struct World {
    pub(crate) now: Time,
    random: Random,
    pub(crate) hosts: Vec<Host>,
    /// Exchanges that listen, each with its group.
    pub(crate) listening: BTreeMap<Node, Vec<(String, ExchangeId)>>,
    /// Connections that wait to be accepted.
    pub(crate) backlog: BTreeMap<(Node, ExchangeId), VecDeque<usize>>,
    /// Where a test accepts connections by hand, and those it has not taken yet.
    pub(crate) by_hand: BTreeMap<Node, VecDeque<Wire>>,
    pub(crate) connections: Vec<Connection>,
    /// Time that bytes take from one end to the other, for connections to come.
    pub delay: Duration,
    /// Bytes that a connection holds in each direction, for connections to come.
    pub capacity: usize,
    /// Largest piece that a reader gets at once; 1 is the hardest on decoders.
    pub piece: usize,
    /// Processes look at the clock before they look at their connections, which is the harder
    /// order after a pause.
    pub timers_first: bool,
    /// A process writes what came of one connection before it reads the next, as with real sockets;
    /// otherwise it reads all of them first.
    pub writes_between: bool,
    /// See [`Host::telling`], for processes to come.
    pub telling: bool,
    /// See [`Host::ways`], for processes to come.
    pub ways: Ways,
    /// Numbers of processes to come begin again after that many.
    pub numbers_left: Option<u32>,
}

impl World {
    /// An empty world. Equal seeds give equal runs.
    pub fn new(seed: u64) -> Self {
        Self {
            // Not zero, so that "zero" never looks like a point in time.
            now: Time(1_000_000_000),
            random: Random::new(seed),
            hosts: Vec::new(),
            listening: BTreeMap::new(),
            backlog: BTreeMap::new(),
            by_hand: BTreeMap::new(),
            connections: Vec::new(),
            delay: Duration::from_millis(1),
            capacity: 256 << 10,
            piece: usize::MAX,
            timers_first: false,
            writes_between: false,
            telling: seed % 2 == 1,
            ways: Ways::Usual,
            numbers_left: None,
        }
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Adds a process with default limits.
    pub fn process(&mut self, label: &str) -> Node {
        self.process_with(label, Limits::default())
    }

    /// Adds a process.
    pub fn process_with(&mut self, label: &str, limits: Limits) -> Node {
        let node = Node(self.hosts.len());
        let (process, secret) = self.fresh(label, limits);
        self.hosts.push(Host::new(process, secret, self.telling, self.ways));
        node
    }

    /// Kills a process and starts another in its place: new identity, nothing remembered. Its
    /// connections end (the kernel closes them).
    pub fn restart(&mut self, node: Node) {
        let label = self.hosts[node.0].process.label().to_string();
        let limits = self.hosts[node.0].process.limits().clone();
        self.kill(node);
        let (process, secret) = self.fresh(&label, limits);
        self.hosts[node.0] = Host::new(process, secret, self.telling, self.ways);
    }

    /// Kills a process: its connections end, nothing of it runs any more.
    pub fn kill(&mut self, node: Node) {
        self.stop_listening(node);
        let conns: Vec<ConnId> = self.hosts[node.0].ends.keys().copied().collect();
        for conn in conns {
            self.close_end(node, conn);
        }
        self.hosts[node.0].stopped = true;
    }

    /// A process.
    pub fn host(&mut self, node: Node) -> &mut Host {
        &mut self.hosts[node.0]
    }

    /// Shorthand for `host(node).process`.
    pub fn at(&mut self, node: Node) -> &mut Process {
        &mut self.hosts[node.0].process
    }

    /// Makes a process the hub of a group, listening.
    pub fn hub(&mut self, node: Node, group: &str) -> ExchangeId {
        self.hub_with(node, group, Heartbeat::default())
    }

    /// As [`hub`](Self::hub), with another heartbeat.
    ///
    /// # Panics
    /// If the exchange cannot be made.
    pub fn hub_with(&mut self, node: Node, group: &str, heartbeat: Heartbeat) -> ExchangeId {
        let made = self.at(node).create_exchange(Role::Server, group, heartbeat);
        let exchange = made.unwrap_or_else(|error| panic!("no hub: {error}"));
        self.hosts[node.0].groups.insert(exchange, group.to_owned());
        self.listening.entry(node).or_default().push((group.to_owned(), exchange));
        exchange
    }

    /// The exchange that listens at a hub, the newest if there are several.
    ///
    /// # Panics
    /// If nobody listens there.
    pub fn listening_exchange(&self, node: Node) -> ExchangeId {
        let newest = self.listening_exchanges(node).last().copied();
        newest.unwrap_or_else(|| panic!("nobody listens"))
    }

    /// The exchange of a process in a group.
    ///
    /// # Panics
    /// If it was not made by this world.
    pub fn exchange_of(&self, node: Node, group: &str) -> ExchangeId {
        let mut known = self.hosts[node.0].groups.iter();
        let found = known.find(|(_, of)| *of == group).map(|(exchange, _)| *exchange);
        found.unwrap_or_else(|| panic!("no exchange of group {group:?}"))
    }

    /// Nobody listens at that process any more; what was accepted stays.
    pub fn stop_listening(&mut self, node: Node) {
        for exchange in self.listening_exchanges(node) {
            self.stop_listening_on(node, exchange);
        }
    }

    /// A process listens again in a group whose exchange it still has.
    pub fn listen_again(&mut self, node: Node, group: &str) {
        let exchange = self.exchange_of(node, group);
        self.listening.entry(node).or_default().push((group.to_owned(), exchange));
    }

    pub(crate) fn stop_listening_on(&mut self, node: Node, exchange: ExchangeId) {
        if let Some(listening) = self.listening.get_mut(&node) {
            listening.retain(|(_, known)| *known != exchange);
        }
        for connection in self.backlog.remove(&(node, exchange)).unwrap_or_default() {
            self.end_pipe(connection, 1);
        }
    }

    /// Connects a process to a hub, with the default retry.
    pub fn connect(&mut self, node: Node, hub: Node) -> LinkId {
        self.connect_with(node, hub, "", Retry::Backoff, Heartbeat::default())
    }

    /// Connects a process to a hub.
    ///
    /// # Panics
    /// If the exchange or the link cannot be made.
    pub fn connect_with(
        &mut self,
        node: Node,
        hub: Node,
        group: &str,
        retry: Retry,
        heartbeat: Heartbeat,
    ) -> LinkId {
        let made = self.at(node).create_exchange(Role::Client, group, heartbeat);
        let exchange = made.unwrap_or_else(|error| panic!("no exchange: {error}"));
        self.hosts[node.0].groups.insert(exchange, group.to_owned());
        self.connect_exchange(node, exchange, hub, retry)
    }

    /// Connects an exchange to a hub.
    ///
    /// # Panics
    /// If the link cannot be made.
    pub fn connect_exchange(
        &mut self,
        node: Node,
        exchange: ExchangeId,
        hub: Node,
        retry: Retry,
    ) -> LinkId {
        let made = self.try_connect(node, exchange, hub, retry);
        made.unwrap_or_else(|error| panic!("no link: {error}"))
    }

    /// As [`connect_exchange`](Self::connect_exchange), which may be refused.
    ///
    /// # Errors
    /// What is wrong.
    pub fn try_connect(
        &mut self,
        node: Node,
        exchange: ExchangeId,
        hub: Node,
        retry: Retry,
    ) -> Result<LinkId, CommandError> {
        let token = LinkToken(self.bytes());
        let now = self.now;
        let link = self.at(node).connect(now, exchange, retry, token)?;
        let host = &mut self.hosts[node.0];
        let group = host.groups.get(&exchange).cloned();
        host.targets.insert(link, (hub, group));
        Ok(link)
    }

    /// Ends the connections between two processes; both are told by the end of the stream.
    pub fn cut(&mut self, a: Node, b: Node) {
        for (node, conn) in self.between(a, b) {
            let Some(end) = self.hosts[node.0].ends.get(&conn) else { continue };
            let (connection, side) = (end.connection, end.side);
            self.end_pipe(connection, side);
        }
    }

    /// As [`cut`](Self::cut), of one connecting link alone.
    pub fn cut_link(&mut self, node: Node, link: LinkId) {
        let Some(connection) = self.connection_of(node, link) else { return };
        for side in [0, 1] {
            self.end_pipe(connection, side);
        }
    }

    /// From now on nothing gets through between two processes, and nobody is told: a pulled plug.
    pub fn freeze(&mut self, a: Node, b: Node, frozen: bool) {
        for connection in &mut self.connections {
            let nodes = [connection.ends[0], connection.ends[1]];
            let has = |node| nodes.iter().flatten().any(|(known, _)| *known == node);
            if has(a) && has(b) {
                connection.frozen = frozen;
            }
        }
    }

    /// As [`freeze`](Self::freeze), of the connection that a connecting link has now.
    pub fn freeze_link(&mut self, node: Node, link: LinkId, frozen: bool) {
        if let Some(connection) = self.connection_of(node, link) {
            self.connections[connection].frozen = frozen;
        }
    }

    /// From now on the connection that a connecting link has takes no byte from either end; what it
    /// has taken arrives.
    pub fn plug_link(&mut self, node: Node, link: LinkId, plugged: bool) {
        if let Some(connection) = self.connection_of(node, link) {
            self.connections[connection].plugged = plugged;
        }
    }

    fn connection_of(&self, node: Node, link: LinkId) -> Option<usize> {
        let host = &self.hosts[node.0];
        host.ends.get(host.conns.get(&link)?).map(|end| end.connection)
    }

    /// Bytes that a process has written to another over the connections they have now.
    pub fn bytes_sent(&self, from: Node, to: Node) -> u64 {
        let mut total = 0;
        for connection in &self.connections {
            if let [Some((connector, _)), Some((acceptor, _))] = connection.ends {
                if (connector, acceptor) == (from, to) {
                    total += connection.pipes[0].total;
                } else if (acceptor, connector) == (from, to) {
                    total += connection.pipes[1].total;
                }
            }
        }
        total
    }

    /// Everything that can happen at this moment and follows from it without time passing, except
    /// for the delay of connections, which does pass.
    ///
    /// # Panics
    /// If it does not come to rest.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            self.step();
            let next = self.next_arrival();
            if next == Time::NEVER {
                return;
            }
            self.now = self.now.max(next);
        }
        panic!("the world does not come to rest");
    }

    /// Lets time pass, with everything that happens meanwhile.
    pub fn advance(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            self.step();
            let next = self.next_arrival().min(self.next_wake());
            if next > until {
                self.now = until;
                self.step();
                return;
            }
            self.now = self.now.max(next);
        }
    }

    /// Lets time pass until something holds; false if it does not within `limit`.
    pub fn until(&mut self, limit: Duration, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            self.step();
            if holds(self) {
                return true;
            }
            let next = self.next_arrival().min(self.next_wake());
            if next > end {
                self.now = end;
                self.step();
                return holds(self);
            }
            self.now = self.now.max(next);
        }
    }

    /// Does at this moment all that is due; time does not pass.
    fn step(&mut self) {
        loop {
            let mut busy = false;
            for index in 0..self.hosts.len() {
                let node = Node(index);
                if !self.hosts[index].stopped {
                    busy |= self.run(node);
                }
            }
            if !busy {
                return;
            }
        }
    }

    fn run(&mut self, node: Node) -> bool {
        let now = self.now;
        let mut busy = self.accept(node);
        if !self.timers_first {
            busy |= self.read(node);
        }
        let process = &mut self.hosts[node.0].process;
        if process.poll_wake() <= now {
            process.handle_time(now);
            busy = true;
        }
        if self.timers_first {
            busy |= self.read(node);
        }
        while let Some(action) = self.hosts[node.0].process.poll_action() {
            busy = true;
            match action {
                Action::Open { conn, link } => self.open(node, conn, link),
                Action::Close { conn } => self.close_end(node, conn),
                // Before each piece it is asked whether it may be read.
                Action::Pause { .. } | Action::Resume { .. } => {}
            }
        }
        while let Some(conn) = self.hosts[node.0].process.poll_dirty() {
            busy = true;
            self.encode(node, conn);
        }
        busy |= self.write(node);
        let host = &mut self.hosts[node.0];
        while host.listening {
            let Some(event) = host.process.poll_event(now) else { break };
            host.events.push(event);
            busy = true;
        }
        busy
    }

    fn next_arrival(&self) -> Time {
        let mut next = Time::NEVER;
        for connection in self.connections.iter().filter(|connection| !connection.frozen) {
            for (side, pipe) in connection.pipes.iter().enumerate() {
                if connection.by_hand[1 - side] {
                    next = next.min(pipe.next_after(self.now));
                }
                if let Some((reader, conn)) = connection.ends[1 - side]
                    && !self.hosts[reader.0].stopped
                    && self.hosts[reader.0].process.may_read(conn)
                {
                    next = next.min(pipe.next());
                }
            }
        }
        next
    }

    fn next_wake(&self) -> Time {
        let running = self.hosts.iter().filter(|host| !host.stopped);
        running.map(|host| host.process.poll_wake()).min().unwrap_or(Time::NEVER)
    }

    fn fresh(&mut self, label: &str, limits: Limits) -> (Process, ProcessSecret) {
        let half = self.bytes();
        let secret = ProcessSecret::new(std::array::from_fn(|at| half[at % half.len()]));
        let config = Config {
            secret: secret.clone(),
            label: Str::from(label),
            limits,
            seed: self.random.next_u64(),
        };
        let mut process = Process::new(config, self.now);
        if let Some(left) = self.numbers_left {
            process.skip_numbers(left);
        }
        (process, secret)
    }

    fn bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.random.next_u64().to_le_bytes());
        bytes[8..].copy_from_slice(&self.random.next_u64().to_le_bytes());
        bytes
    }
}
