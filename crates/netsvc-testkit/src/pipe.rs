//! One direction of a connection.

use std::collections::VecDeque;

use netsvc_core::Time;

/// Bytes on their way, each piece with the time of its arrival.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pieces: VecDeque<(Time, Vec<u8>)>,
    bytes: usize,
    /// Bytes that may be on their way before the writer has to wait.
    capacity: usize,
    /// All bytes ever written.
    pub(crate) total: u64,
    /// The writer ended: the reader sees the end after what is on its way.
    pub(crate) ended: Option<Time>,
}

impl Pipe {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) fn write(&mut self, arrival: Time, bytes: Vec<u8>) {
        if !bytes.is_empty() && self.ended.is_none() {
            self.bytes += bytes.len();
            self.total += bytes.len() as u64;
            self.pieces.push_back((arrival, bytes));
        }
    }

    /// What has arrived.
    pub(crate) fn read(&mut self, now: Time) -> Option<Vec<u8>> {
        if self.pieces.front()?.0 > now {
            return None;
        }
        let (_, piece) = self.pieces.pop_front()?;
        self.bytes -= piece.len();
        Some(piece)
    }

    /// The end has arrived and everything before it was read.
    pub(crate) fn at_end(&self, now: Time) -> bool {
        self.pieces.is_empty() && self.ended.is_some_and(|time| time <= now)
    }

    /// When the next thing arrives.
    pub(crate) fn next(&self) -> Time {
        let end = self.ended.unwrap_or(Time::NEVER);
        self.pieces.front().map_or(end, |(time, _)| *time)
    }

    /// When the next thing arrives that has not arrived yet.
    pub(crate) fn next_after(&self, now: Time) -> Time {
        let arrivals = self.pieces.iter().map(|(time, _)| *time).chain(self.ended);
        arrivals.filter(|time| *time > now).min().unwrap_or(Time::NEVER)
    }
}
