//! One process in a world.

use std::collections::BTreeMap;

use bytes::BytesMut;
use netsvc_core::wire::{Decoder, SendBuffer};
use netsvc_core::{ConnId, Event, ExchangeId, LinkId, Process};

use crate::ways::Ways;
use crate::world::Node;

/// A process, its end of each connection, and what it has told its application.
#[derive(Debug)]
pub struct Host {
    /// The process itself: call its commands, then [`World::settle`](crate::World::settle).
    pub process: Process,
    /// What the application was told and the test has not taken yet, in order.
    pub events: Vec<Event>,
    /// While false, events stay in the process: its application is busy.
    pub listening: bool,
    /// Its application takes reports while they are read, as long as it listens; so it is in every
    /// other world.
    pub telling: bool,
    /// Which ways it takes.
    pub ways: Ways,
    /// Bytes that it applied where they were read, if its ways are quick.
    pub applied_in_place: u64,
    /// While true, nothing of it runs: neither reading nor writing nor its timers (SIGSTOP).
    pub stopped: bool,
    pub(crate) ends: BTreeMap<ConnId, End>,
    /// Newest connection of each connecting link.
    pub(crate) conns: BTreeMap<LinkId, ConnId>,
    /// Where its connecting links lead, and in which group if that is known.
    pub(crate) targets: BTreeMap<LinkId, (Node, Option<String>)>,
    /// Groups of its exchanges, as far as they are known.
    pub(crate) groups: BTreeMap<ExchangeId, String>,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    /// Index of the connection in the world.
    pub(crate) connection: usize,
    /// 0: the connector's end, 1: the acceptor's.
    pub(crate) side: usize,
    pub(crate) decoder: Decoder,
    pub(crate) buffer: BytesMut,
    pub(crate) batch: SendBuffer,
    /// The decoder failed; the rest is not read.
    pub(crate) deaf: bool,
}

impl Host {
    pub(crate) fn new(process: Process, telling: bool, ways: Ways) -> Self {
        Self {
            process,
            events: Vec::new(),
            listening: true,
            telling,
            ways,
            applied_in_place: 0,
            stopped: false,
            ends: BTreeMap::new(),
            conns: BTreeMap::new(),
            targets: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Takes what the application was told.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}
