//! A connection between two processes.

use std::time::Duration;

use netsvc_core::{ConnId, Newcomer};

use crate::node::Node;
use crate::pipe::Pipe;

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) pipes: [Pipe; 2],
    /// Process and connection at each end; `None`: closed, not accepted yet, or driven by hand.
    pub(crate) ends: [Option<(Node, ConnId)>; 2],
    /// The test reads at that end, when it likes.
    pub(crate) by_hand: [bool; 2],
    /// How the process that accepts it is told of it.
    pub(crate) newcomer: Newcomer,
    pub(crate) delay: Duration,
    /// Nothing gets through, and nobody is told.
    pub(crate) frozen: bool,
    /// It takes no byte.
    pub(crate) plugged: bool,
}

impl Connection {
    /// Bytes that it takes from one end now.
    pub(crate) fn room(&self, side: usize) -> usize {
        if self.plugged { 0 } else { self.pipes[side].room() }
    }
}
