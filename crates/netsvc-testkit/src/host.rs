//! One process in a world.

use std::collections::BTreeMap;

use netsvc_core::{ConnId, Event, ExchangeId, LinkId, Process, ProcessSecret};

use crate::end::End;
use crate::node::Node;
use crate::ways::Ways;

/// A process, its end of each connection, and what it has told its application.
#[derive(Debug)]
pub struct Host {
    /// The process itself: call its commands, then [`World::settle`](crate::World::settle).
    pub process: Process,
    /// What proves its identity.
    pub secret: ProcessSecret,
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

impl Host {
    pub(crate) fn new(process: Process, secret: ProcessSecret, telling: bool, ways: Ways) -> Self {
        Self {
            process,
            secret,
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
