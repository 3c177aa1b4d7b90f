//! Trouble of links, applications and processes, and its end.

use std::time::Duration;

use netsvc_core::Retry;

use super::operation::Operation;
use super::run::Run;
use super::state::Link;
use crate::node::Node;

/// Seconds within which every link is back: one that hangs is given up first, and a refused one is
/// not tried again soon.
const PATIENCE: usize = 60;

impl Run {
    pub(super) fn trouble(&mut self, operation: &Operation) {
        match *operation {
            Operation::Flush { link } => {
                let link = self.link(link);
                let (node, exchange) = (self.links[link].client, self.links[link].exchange);
                let now = self.world.now();
                self.world.at(Node(node)).flush(now, exchange, Duration::from_secs(5));
            }
            Operation::Cut { link } => {
                let link = self.link(link);
                self.world.cut_link(Node(self.links[link].client), self.links[link].id);
            }
            Operation::Plug { link, on } => {
                let link = self.link(link);
                self.links[link].plugged = on;
                self.world.plug_link(Node(self.links[link].client), self.links[link].id, on);
            }
            Operation::Freeze { link, on } => {
                let link = self.link(link);
                self.links[link].frozen = on;
                self.world.freeze_link(Node(self.links[link].client), self.links[link].id, on);
            }
            Operation::CloseLink { link, by_hub, drain } => {
                let link = self.link(link);
                self.close_link(link, by_hub, Duration::from_millis(drain.into()));
            }
            Operation::Reopen { link } => {
                let link = self.link(link);
                self.reopen(link);
            }
            Operation::Busy { node, on } => {
                let node = usize::from(node) % self.layout.nodes.len();
                self.world.host(Node(node)).listening = !on;
            }
            Operation::Stop { node, on } => {
                let node = usize::from(node) % self.layout.nodes.len();
                self.world.host(Node(node)).stopped = on;
            }
            _ => {}
        }
    }

    /// Everybody goes on, and every link is back.
    pub(super) fn heal(&mut self) {
        for node in 0..self.layout.nodes.len() {
            let host = self.world.host(Node(node));
            (host.stopped, host.listening) = (false, true);
        }
        for index in 0..self.links.len() {
            let (client, link) = (Node(self.links[index].client), self.links[index].id);
            (self.links[index].plugged, self.links[index].frozen) = (false, false);
            self.world.plug_link(client, link, false);
            self.world.freeze_link(client, link, false);
        }
        for subscription in self.subscriptions.iter().filter(|subscription| subscription.open) {
            self.world.at(Node(subscription.node)).grant(subscription.id, u32::MAX);
        }
        for _ in 0..PATIENCE {
            for index in 0..self.links.len() {
                self.reopen(index);
            }
            self.pass(Duration::from_secs(1));
            if self.links.iter().all(|link| link.active) {
                break;
            }
        }
        self.settle();
        for link in &self.links {
            if !link.active {
                let (client, hub) = (self.layout.nodes[link.client], self.layout.nodes[link.hub]);
                self.broken.push(format!("the link from {client} to {hub} does not come back"));
            }
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.world.advance(time);
        self.collect();
    }

    /// Nothing stands in anybody's way.
    pub(super) fn is_healthy(&mut self) -> bool {
        let fine = |link: &Link| link.active && !link.plugged && !link.frozen;
        let nodes = 0..self.layout.nodes.len();
        self.links.iter().all(fine)
            && nodes.into_iter().all(|node| {
                let host = self.world.host(Node(node));
                host.listening && !host.stopped
            })
    }

    fn close_link(&mut self, link: usize, by_hub: bool, drain: Duration) {
        let (client, hub) = (Node(self.links[link].client), Node(self.links[link].hub));
        let now = self.world.now();
        if by_hub {
            // The client comes back by itself.
            let exchange = self.world.exchange_of(hub, self.links[link].group);
            if let Some(accepted) = self.accepted.get(&(client.0, hub.0, exchange)) {
                self.world.at(hub).close_link(now, *accepted, drain);
            }
            return;
        }
        if !self.links[link].closed {
            self.links[link].closed = true;
            self.world.at(client).close_link(now, self.links[link].id, drain);
        }
    }

    fn reopen(&mut self, index: usize) {
        let link = &self.links[index];
        if !link.closed {
            return;
        }
        let (node, hub, exchange) = (Node(link.client), Node(link.hub), link.exchange);
        match self.world.try_connect(node, exchange, hub, Retry::Backoff) {
            Ok(link) => {
                let known = &mut self.links[index];
                (known.id, known.closed, known.active) = (link, false, false);
            }
            // While the old connection is still closing.
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    fn link(&self, number: u8) -> usize {
        usize::from(number) % self.links.len()
    }
}
