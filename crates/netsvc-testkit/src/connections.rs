//! Connections between processes: opened, accepted, read, written and closed as by a kernel.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use netsvc_core::wire::{Decoder, WriteBatch};
use netsvc_core::{
    Asked, ConnId, Content, ContentType, DeliveredReport, Event, Invocation, LinkId, Outcome,
    Progress, Reason, ReasonCode, SubscriptionId, Teller, Told,
};

use crate::host::End;
use crate::links::Wire;
use crate::pipe::Pipe;
use crate::world::{Node, World};

/// Takes reports as the events that they would be.
struct Events<'a>(&'a mut Vec<Event>);

impl Teller for Events<'_> {
    fn has_room(&mut self, _: usize, report: &Told<'_>) -> bool {
        // Now and then there is none.
        !report.sequence.is_multiple_of(5)
    }

    fn tell(&mut self, subscription: SubscriptionId, report: &Told<'_>) {
        let bytes = report.content.to_vec().into();
        let report = DeliveredReport {
            service: report.service,
            id: report.id,
            name: report.name.clone(),
            subject: report.subject.clone(),
            sequence: report.sequence,
            replayed: false,
            resumed: report.resumed,
            missed: report.missed,
            content: Content { kind: report.kind, bytes },
        };
        self.0.push(Event::Report { subscription, report });
    }

    fn has_room_for(&mut self, content: usize, _: usize) -> bool {
        content % 7 != 6
    }

    fn result(&mut self, key: u64, kind: ContentType, content: &[u8]) {
        let content = Content { kind, bytes: content.to_vec().into() };
        self.0.push(Event::Outcome { key, outcome: Outcome::Response(content) });
    }

    fn invoke(&mut self, request: &Asked<'_>) {
        self.0.push(Event::Invoke(Invocation {
            call: request.call,
            service: request.service,
            method: request.method.clone(),
            caller: request.caller,
            caller_label: request.caller_label.clone(),
            remaining: request.remaining,
            parts: request.parts,
            content: Content { kind: request.kind, bytes: request.content.to_vec().into() },
        }));
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) pipes: [Pipe; 2],
    /// Process and connection at each end; `None`: closed, not accepted yet, or driven by hand.
    pub(crate) ends: [Option<(Node, ConnId)>; 2],
    /// The test reads at that end, when it likes.
    pub(crate) by_hand: [bool; 2],
    pub(crate) delay: Duration,
    /// Nothing gets through, and nobody is told.
    pub(crate) frozen: bool,
}

impl World {
    pub(crate) fn open(&mut self, node: Node, conn: ConnId, link: LinkId) {
        let now = self.now;
        let target = self.hosts[node.0].targets.get(&link).copied();
        let hub = target.filter(|hub| self.by_hand.contains_key(hub) || self.is_listening(*hub));
        let Some(hub) = hub else {
            let reason = Reason::new(ReasonCode::ConnectFailed, "nobody listens");
            return self.hosts[node.0].process.handle_open_failed(now, conn, reason);
        };
        let connection = self.new_connection();
        self.hosts[node.0].conns.insert(link, conn);
        self.attach(connection, 0, node, conn);
        if let Some(wires) = self.by_hand.get_mut(&hub) {
            wires.push_back(Wire::new(connection, 1));
            self.connections[connection].by_hand[1] = true;
        } else {
            self.enqueue(hub, connection);
        }
        self.hosts[node.0].process.handle_opened(now, conn, "virtual");
    }

    /// Takes connections out of a process's backlog as long as it accepts any.
    pub(crate) fn accept(&mut self, node: Node) -> bool {
        let now = self.now;
        let Some(exchange) = self.listening.get(&node).copied() else { return false };
        if !self.is_listening(node) {
            self.stop_listening(node);
            return true;
        }
        let mut busy = false;
        while self.hosts[node.0].process.can_accept(exchange)
            && let Some(connection) = self.backlog.get_mut(&node).and_then(VecDeque::pop_front)
        {
            let process = &mut self.hosts[node.0].process;
            if let Some(conn) = process.handle_accepted(now, exchange, "virtual") {
                self.attach(connection, 1, node, conn);
            }
            busy = true;
        }
        busy
    }

    /// Somebody listens there, and the exchange is not closed.
    pub(crate) fn is_listening(&self, node: Node) -> bool {
        let exchange = self.listening.get(&node);
        exchange.is_some_and(|id| self.hosts[node.0].process.check_listen(*id).is_ok())
    }

    pub(crate) fn enqueue(&mut self, hub: Node, connection: usize) {
        self.backlog.entry(hub).or_default().push_back(connection);
    }

    /// A connection, with nobody at either end.
    pub(crate) fn new_connection(&mut self) -> usize {
        let pipe = || Pipe::new(self.capacity);
        self.connections.push(Connection {
            pipes: [pipe(), pipe()],
            ends: [None, None],
            by_hand: [false, false],
            delay: self.delay,
            frozen: false,
        });
        self.connections.len() - 1
    }

    fn attach(&mut self, connection: usize, side: usize, node: Node, conn: ConnId) {
        self.connections[connection].ends[side] = Some((node, conn));
        let host = &mut self.hosts[node.0];
        let decoder = Decoder::new(host.process.limits().payload);
        let (buffer, batch) = (BytesMut::new(), WriteBatch::new());
        host.ends.insert(conn, End { connection, side, decoder, buffer, batch, deaf: false });
    }

    pub(crate) fn read(&mut self, node: Node) -> bool {
        let (now, piece) = (self.now, self.piece);
        let mut conns: Vec<ConnId> = self.hosts[node.0].ends.keys().copied().collect();
        conns.sort_unstable();
        let mut busy = false;
        for conn in conns {
            loop {
                let host = &mut self.hosts[node.0];
                let Some(end) = host.ends.get_mut(&conn) else { break };
                let connection = &mut self.connections[end.connection];
                if connection.frozen {
                    break;
                }
                let pipe = &mut connection.pipes[1 - end.side];
                let Some(bytes) = pipe.read(now) else {
                    if pipe.at_end(now) && connection.ends[end.side].take().is_some() {
                        host.process.handle_closed(now, conn);
                        busy = true;
                    }
                    break;
                };
                busy = true;
                host.process.handle_received(now, conn);
                for chunk in bytes.chunks(piece.min(bytes.len())) {
                    if end.deaf {
                        break;
                    }
                    end.buffer.extend_from_slice(chunk);
                    let (decoder, buffer) = (&mut end.decoder, &mut end.buffer);
                    let mut events = Events(&mut host.events);
                    let tells = host.listening && host.telling;
                    // Both ways to the same end, as different sockets go.
                    if buffer.len() % 2 == 1 {
                        let teller: Option<&mut dyn Teller> =
                            if tells { Some(&mut events) } else { None };
                        let front = host.process.handle_front(now, conn, decoder, buffer, teller);
                        buffer.advance(front);
                    }
                    let teller: Option<&mut dyn Teller> =
                        if tells { Some(&mut events) } else { None };
                    let applied = host.process.handle_bytes(now, conn, decoder, buffer, teller);
                    end.deaf = applied.is_err();
                }
            }
        }
        busy
    }

    pub(crate) fn encode(&mut self, node: Node, conn: ConnId) {
        let now = self.now;
        let host = &mut self.hosts[node.0];
        let Some(end) = host.ends.get_mut(&conn) else { return };
        // What does not fit into the connection stays in the outbox, as with a real socket.
        let room = self.connections[end.connection].pipes[end.side].room();
        if room == 0 || end.batch.len() >= room {
            return;
        }
        let budget = room.min(64 << 10);
        while host.process.poll_write(now, conn, &mut end.batch, budget) == Progress::More
            && end.batch.len() < budget
        {}
    }

    pub(crate) fn write(&mut self, node: Node) -> bool {
        let now = self.now;
        let mut conns: Vec<ConnId> = self.hosts[node.0].ends.keys().copied().collect();
        conns.sort_unstable();
        let mut busy = false;
        for conn in conns {
            loop {
                self.encode(node, conn);
                let host = &mut self.hosts[node.0];
                let Some(end) = host.ends.get_mut(&conn) else { break };
                let connection = &mut self.connections[end.connection];
                let room = connection.pipes[end.side].room();
                let mut slices = [IoSlice::new(&[]); 16];
                let filled = end.batch.slices(&mut slices);
                let mut bytes: Vec<u8> =
                    slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                bytes.truncate(room);
                if bytes.is_empty() {
                    break;
                }
                end.batch.advance(bytes.len());
                connection.pipes[end.side].write(now + connection.delay, &bytes);
                host.process.handle_written(now, conn, end.batch.len());
                busy = true;
            }
        }
        busy
    }

    /// One end closes: the other sees the end of the stream after what is on its way.
    pub(crate) fn close_end(&mut self, node: Node, conn: ConnId) {
        let Some(end) = self.hosts[node.0].ends.remove(&conn) else { return };
        self.connections[end.connection].ends[end.side] = None;
        self.end_pipe(end.connection, end.side);
    }

    /// Nothing more comes from that end.
    pub(crate) fn end_pipe(&mut self, connection: usize, side: usize) {
        let connection = &mut self.connections[connection];
        connection.pipes[side].ended.get_or_insert(self.now + connection.delay);
    }

    pub(crate) fn between(&self, a: Node, b: Node) -> Vec<(Node, ConnId)> {
        let mut found = Vec::new();
        for connection in &self.connections {
            if let [Some(one), Some(other)] = connection.ends
                && ((one.0 == a && other.0 == b) || (one.0 == b && other.0 == a))
            {
                // Both ends are told by the other's closing.
                found.push(one);
                found.push(other);
            }
        }
        found
    }
}
