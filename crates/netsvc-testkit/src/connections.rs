//! Connections between processes: opened, accepted, read, written and closed as by a kernel.

use std::io::IoSlice;

use bytes::BytesMut;
use netsvc_core::wire::{Decoder, SendBuffer};
use netsvc_core::{ConnId, ExchangeId, LinkId, Newcomer, Progress, Reason, ReasonCode, SourceKey};

use crate::connection::Connection;
use crate::end::End;
use crate::node::Node;
use crate::pipe::Pipe;
use crate::wire::Wire;
use crate::world::World;

/// Bytes that are encoded at once at most, as the sockets' side does.
const PIECE: usize = 64 << 10;

impl World {
    pub(crate) fn open(&mut self, node: Node, conn: ConnId, link: LinkId) {
        let now = self.now;
        let target = self.hosts[node.0].targets.get(&link).cloned();
        let target =
            target.filter(|(hub, _)| self.by_hand.contains_key(hub) || self.is_listening(*hub));
        let Some((hub, group)) = target else {
            let reason = Reason::new(ReasonCode::ConnectFailed, "nobody listens");
            return self.hosts[node.0].process.handle_open_failed(now, conn, reason);
        };
        // Each process is a user of its own.
        let source = SourceKey((node.0 as u128 + 1).to_be_bytes());
        let connection = self.new_connection(Newcomer { source, .."virtual".into() });
        self.hosts[node.0].conns.insert(link, conn);
        self.attach(connection, 0, node, conn);
        if let Some(wires) = self.by_hand.get_mut(&hub) {
            wires.push_back(Wire::new(connection, 1));
            self.connections[connection].by_hand[1] = true;
        } else {
            self.enqueue(hub, group.as_deref(), connection);
        }
        self.hosts[node.0].process.handle_opened(now, conn, "virtual");
    }

    /// Takes connections out of a process's backlogs as long as it accepts any.
    pub(crate) fn accept(&mut self, node: Node) -> bool {
        let now = self.now;
        let mut busy = false;
        for exchange in self.listening_exchanges(node) {
            if self.hosts[node.0].process.check_listen(exchange).is_err() {
                self.stop_listening_on(node, exchange);
                busy = true;
                continue;
            }
            while let Some(connection) = self.next_accepted(node, exchange) {
                let newcomer = self.connections[connection].newcomer.clone();
                let process = &mut self.hosts[node.0].process;
                if let Some(conn) = process.handle_accepted(now, exchange, newcomer) {
                    self.attach(connection, 1, node, conn);
                }
                busy = true;
            }
        }
        busy
    }

    /// Takes the first out of a backlog whose listener has room.
    fn next_accepted(&mut self, node: Node, exchange: ExchangeId) -> Option<usize> {
        let waiting = self.backlog.get_mut(&(node, exchange))?;
        let process = &self.hosts[node.0].process;
        let next = waiting.iter().position(|connection| {
            let listener = self.connections[*connection].newcomer.listener;
            process.can_accept(self.now, exchange, listener)
        });
        waiting.remove(next?)
    }

    /// Somebody listens there, and the exchange is not closed.
    pub(crate) fn is_listening(&self, node: Node) -> bool {
        let process = &self.hosts[node.0].process;
        let listening = self.listening.get(&node).into_iter().flatten();
        listening.into_iter().any(|(_, id)| process.check_listen(*id).is_ok())
    }

    /// Behind those that wait at the exchange of that group, or else at the newest one.
    pub(crate) fn enqueue(&mut self, hub: Node, group: Option<&str>, connection: usize) {
        let Some(listening) = self.listening.get(&hub) else { return };
        let of_group = listening.iter().find(|(known, _)| Some(known.as_str()) == group);
        if let Some((_, exchange)) = of_group.or(listening.last()) {
            self.backlog.entry((hub, *exchange)).or_default().push_back(connection);
        }
    }

    pub(crate) fn listening_exchanges(&self, node: Node) -> Vec<ExchangeId> {
        let listening = self.listening.get(&node).into_iter().flatten();
        listening.map(|(_, exchange)| *exchange).collect()
    }

    /// A connection, with nobody at either end.
    pub(crate) fn new_connection(&mut self, newcomer: Newcomer) -> usize {
        let pipe = || Pipe::new(self.capacity);
        self.connections.push(Connection {
            pipes: [pipe(), pipe()],
            ends: [None, None],
            by_hand: [false, false],
            newcomer,
            delay: self.delay,
            frozen: false,
            plugged: false,
        });
        self.connections.len() - 1
    }

    fn attach(&mut self, connection: usize, side: usize, node: Node, conn: ConnId) {
        self.connections[connection].ends[side] = Some((node, conn));
        let host = &mut self.hosts[node.0];
        let decoder = Decoder::new(host.process.limits().payload);
        let (buffer, batch) = (BytesMut::new(), SendBuffer::new());
        host.ends.insert(conn, End { connection, side, decoder, buffer, batch, deaf: false });
    }

    pub(crate) fn read(&mut self, node: Node) -> bool {
        let (now, piece) = (self.now, self.piece);
        let conns: Vec<ConnId> = self.hosts[node.0].ends.keys().copied().collect();
        let mut busy = false;
        for conn in conns {
            loop {
                let host = &mut self.hosts[node.0];
                let Some(end) = host.ends.get_mut(&conn) else { break };
                let connection = &mut self.connections[end.connection];
                if connection.frozen || !host.process.may_read(conn) {
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
                    host.receive(now, conn, chunk);
                }
                if self.writes_between {
                    self.flush(node);
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
        let connection = &self.connections[end.connection];
        // A socket that takes nothing is seen by what it left of a first piece. That is everything
        // that waits then, which is the same whether it was encoded before or is now.
        let room = match connection.plugged {
            true if end.batch.is_empty() => PIECE,
            true => 0,
            false => connection.room(end.side),
        };
        if room == 0 || end.batch.len() >= room {
            return;
        }
        let budget = room.min(PIECE);
        while host.process.poll_write(now, conn, &mut end.batch, budget) == Progress::More
            && end.batch.len() < budget
        {}
    }

    /// Writes what a process has to say, as far as its connections take it.
    pub(crate) fn flush(&mut self, node: Node) {
        while let Some(conn) = self.hosts[node.0].process.poll_dirty() {
            self.encode(node, conn);
        }
        self.write(node);
    }

    pub(crate) fn write(&mut self, node: Node) -> bool {
        let now = self.now;
        let conns: Vec<ConnId> = self.hosts[node.0].ends.keys().copied().collect();
        let mut busy = false;
        for conn in conns {
            loop {
                self.encode(node, conn);
                let host = &mut self.hosts[node.0];
                let Some(end) = host.ends.get_mut(&conn) else { break };
                let connection = &mut self.connections[end.connection];
                let room = connection.room(end.side);
                let mut slices = [IoSlice::new(&[]); 16];
                let filled = end.batch.slices(&mut slices);
                let mut bytes = Vec::new();
                for slice in &slices[..filled] {
                    let taken = slice.len().min(room - bytes.len());
                    bytes.extend_from_slice(&slice[..taken]);
                }
                if bytes.is_empty() {
                    break;
                }
                end.batch.advance(bytes.len());
                connection.pipes[end.side].write(now + connection.delay, bytes);
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
