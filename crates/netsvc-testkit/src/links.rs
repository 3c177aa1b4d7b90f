//! Links from outside: peers that a test drives by hand, and what a process told of its links.

use std::time::Duration;

use netsvc_core::wire::{Hello, Message, Role, SendBuffer, WireError};
use netsvc_core::{Event, LinkEvent, LinkToken, Newcomer, Outcome, ProcessSecret, Status, Time};

use crate::node::Node;
use crate::wire::Wire;
use crate::world::World;

impl World {
    /// Connects to a hub by hand.
    ///
    /// # Panics
    /// If nobody listens there.
    pub fn dial(&mut self, hub: Node) -> Wire {
        self.dial_as(hub, "virtual".into())
    }

    /// As [`dial`](Self::dial), coming from somewhere.
    ///
    /// # Panics
    /// If nobody listens there.
    pub fn dial_as(&mut self, hub: Node, newcomer: Newcomer) -> Wire {
        assert!(self.is_listening(hub), "nobody listens");
        let connection = self.new_connection(newcomer);
        self.connections[connection].by_hand[0] = true;
        self.enqueue(hub, None, connection);
        Wire::new(connection, 0)
    }

    /// From now on the test accepts what connects to that process; see
    /// [`accept_by_hand`](Self::accept_by_hand).
    pub fn listen_by_hand(&mut self, node: Node) {
        self.by_hand.entry(node).or_default();
    }

    /// The next connection to a process where the test listens by hand.
    pub fn accept_by_hand(&mut self, node: Node) -> Option<Wire> {
        self.by_hand.get_mut(&node)?.pop_front()
    }

    /// Sends a message; [`settle`](Self::settle) lets it arrive.
    pub fn say(&mut self, wire: &mut Wire, message: &Message) {
        let mut batch = SendBuffer::new();
        wire.encoder.encode(message, &mut batch);
        let bytes = take(&mut batch);
        self.say_bytes(wire, &bytes);
    }

    /// Sends bytes.
    pub fn say_bytes(&mut self, wire: &Wire, bytes: &[u8]) {
        let connection = &mut self.connections[wire.connection];
        connection.pipes[wire.side].write(self.now + connection.delay, bytes.to_vec());
    }

    /// What has arrived at a wire and was not heard yet.
    ///
    /// # Panics
    /// If it is not well-formed: a process must never say such a thing.
    pub fn hear(&mut self, wire: &mut Wire) -> Vec<Message> {
        let now = self.now;
        let pipe = &mut self.connections[wire.connection].pipes[1 - wire.side];
        while let Some(bytes) = pipe.read(now) {
            wire.buffer.extend_from_slice(&bytes);
        }
        let mut heard = Vec::new();
        loop {
            let next: Result<_, WireError> = wire.decoder.decode(&mut wire.buffer);
            match next {
                Ok(Some(message)) => heard.push(message),
                Ok(None) => return heard,
                Err(error) => panic!("a process said nonsense: {error}, after {heard:?}"),
            }
        }
    }

    /// Whether the process at the other end has closed the connection, and all was heard.
    pub fn is_hung_up(&self, wire: &Wire) -> bool {
        self.connections[wire.connection].pipes[1 - wire.side].at_end(self.now)
    }

    /// Whether something that was said has not been read.
    pub fn is_unread(&self, wire: &Wire) -> bool {
        !self.connections[wire.connection].pipes[wire.side].is_empty()
    }

    /// Closes the connection.
    pub fn hang_up(&mut self, wire: &Wire) {
        self.end_pipe(wire.connection, wire.side);
    }

    /// Entries of one table of a process.
    ///
    /// # Panics
    /// If there is no table of that name.
    pub fn table(&mut self, node: Node, name: &str) -> usize {
        let sizes = self.at(node).table_sizes();
        let found = sizes.iter().find(|(table, _)| *table == name);
        found.unwrap_or_else(|| panic!("no table {name:?}")).1
    }

    /// Waits for the next event of a link of a process and takes it, with those of its events that
    /// came before; `None` if there is none within `limit`.
    pub fn next_link_event(&mut self, node: Node, limit: Duration) -> Option<(Time, Event)> {
        let is_link = |event: &Event| link_event(event).is_some();
        self.until(limit, |world| world.host(node).events.iter().any(is_link));
        let events = &mut self.host(node).events;
        let index = events.iter().position(is_link)?;
        let event = events.drain(..=index).next_back()?;
        Some((self.now(), event))
    }
}

/// A greeting of a client in the group `""` with usual values.
pub fn hello(secret: &ProcessSecret, token: LinkToken, attempt: u32) -> Hello {
    Hello {
        features: 0,
        role: Role::Client,
        group: "".into(),
        process: secret.process(),
        secret: Some(secret.clone()),
        label: "by hand".into(),
        token,
        attempt,
        heartbeat: Duration::from_secs(5),
        max_payload: 1 << 20,
    }
}

/// The particulars, if it is an event of a link.
pub fn link_event(event: &Event) -> Option<&LinkEvent> {
    match event {
        Event::LinkActive(about)
        | Event::LinkInactive(about)
        | Event::AttemptFailed(about)
        | Event::LinkClosed(about) => Some(about),
        _ => None,
    }
}

/// Events in a few words each, to be compared as a whole: `"withdrawn thermometer"`,
/// `"inactive heartbeat-lost"`.
pub fn story(events: &[Event]) -> Vec<String> {
    events.iter().map(describe).collect()
}

/// As [`story`], of the events of links and exchanges alone.
pub fn link_story(events: &[Event]) -> Vec<String> {
    let links = events
        .iter()
        .filter(|event| link_event(event).is_some() || matches!(event, Event::ExchangeClosed(_)));
    links.map(describe).collect()
}

/// An event in a few words.
pub fn describe(event: &Event) -> String {
    let about_link = |what: &str, event: &LinkEvent| match &event.reason {
        Some(reason) => format!("{what} {}", reason.code.name()),
        None => what.to_owned(),
    };
    match event {
        Event::LinkActive(event) => about_link("active", event),
        Event::LinkInactive(event) => about_link("inactive", event),
        Event::AttemptFailed(event) => about_link("failed", event),
        Event::LinkClosed(event) => about_link("closed", event),
        Event::Authorise(event) => about_link("authorise", event),
        Event::ExchangeClosed(_) => "exchange closed".to_owned(),
        Event::Flushed { result: Ok(()), .. } => "flushed".to_owned(),
        Event::Flushed { result: Err(error), .. } => format!("not flushed {error:?}"),
        Event::Change { change, .. } => {
            let status = match change.status {
                Status::Available => "available",
                Status::Withdrawn => "withdrawn",
                Status::Joined => "joined",
                Status::Left => "left",
                Status::Current => "current",
                Status::Reset => "reset",
            };
            let name = change.service.iter().map(|service| &*service.name);
            let words = std::iter::once(status).chain(name).chain(change.group.as_deref());
            words.collect::<Vec<_>>().join(" ")
        }
        Event::Report { report, .. } => format!("report {}", report.subject),
        Event::Invoke(invocation) => format!("invoke {}", invocation.method),
        Event::Abort { reason, .. } => format!("abort {reason:?}"),
        Event::Credit { parts, .. } => format!("credit {parts}"),
        Event::Part { key, .. } => format!("part {key}"),
        Event::Outcome { key, outcome, .. } => match outcome {
            Outcome::Response(_) => format!("outcome {key} response"),
            Outcome::Failure(_) => format!("outcome {key} failure"),
            Outcome::Error(error) => format!("outcome {key} {}", error.code.name()),
        },
        Event::ProcessGone(_) => "process gone".to_owned(),
        Event::Subscriber { pattern, present: true, .. } => format!("subscriber {pattern}"),
        Event::Subscriber { pattern, present: false, .. } => format!("subscriber {pattern} gone"),
    }
}

fn take(batch: &mut SendBuffer) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(batch.len());
    while !batch.is_empty() {
        let mut slices = [std::io::IoSlice::new(&[]); 16];
        let filled = batch.slices(&mut slices);
        let before = bytes.len();
        for slice in &slices[..filled] {
            bytes.extend_from_slice(slice);
        }
        let written = bytes.len() - before;
        batch.advance(written);
    }
    bytes
}
