//! One established connection, as all threads share it.
//!
//! It knows its stream and what is to be done about it. The turns of reading and writing, which
//! need the core, are in `pump.rs`; what its task does is in `tasks/connection.rs`.

pub(crate) mod combiner;
pub(crate) mod read_owner;
pub(crate) mod reader;
pub(crate) mod writer;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard};

use netsvc_core::ConnId;
use netsvc_core::wire::SendBuffer;
use tokio::sync::Notify;

use self::read_owner::ReadOwner;
use self::reader::Reader;
use self::writer::{Obstacle, Source, Writer};
use crate::patience::Patience;
use crate::sync::{lock, try_lock};
use crate::transport::stream::Stream;

/// A connection. Any thread may write and, in turn, read; the task reads unless reads are
/// delegated, and writes what is left over.
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    pub(crate) stream: Box<dyn Stream>,
    reader: Mutex<Reader>,
    writer: Writer,
    /// It is among those that are readable, see `Delegations::note_readable`.
    noted: AtomicBool,
    /// What the task is to do, see the constants below; changed before `kick`.
    duties: AtomicU8,
    pub(crate) kick: Notify,
    /// `None`: its reads cannot be delegated, as those of no connection that was accepted.
    pub(crate) owner: Option<Box<ReadOwner>>,
}

/// The core has closed the connection.
pub(crate) const CLOSE: u8 = 1;
/// Something is left to be written.
pub(crate) const WRITE: u8 = 2;
/// Something is left to be written as soon as the stream takes it.
pub(crate) const WRITE_WHEN_READY: u8 = 4;
/// Writing failed: read what the peer still said, then end.
pub(crate) const BROKEN: u8 = 8;
/// Whoever read has seen the end, and told the core.
pub(crate) const GONE: u8 = 16;
/// Not to be read for now; of accepted connections alone, see `Action::Pause` of the core.
pub(crate) const PAUSED: u8 = 32;
/// Its task has ended: nothing more is to be read or written.
pub(crate) const OVER: u8 = 64;

impl Connection {
    /// `owner`: its reads can be delegated, which its stream must be capable of.
    pub(crate) fn new(
        id: ConnId,
        stream: Box<dyn Stream>,
        reader: Reader,
        owner: Option<ReadOwner>,
    ) -> Self {
        Self {
            id,
            stream,
            reader: Mutex::new(reader),
            writer: Writer::new(),
            noted: AtomicBool::new(false),
            duties: AtomicU8::new(0),
            kick: Notify::new(),
            owner: owner.map(Box::new),
        }
    }

    /// Whoever has it reads; waits for who is reading just now.
    pub(crate) fn reader(&self) -> MutexGuard<'_, Reader> {
        lock(&self.reader)
    }

    /// Somebody has panicked while reading or writing: what is begun of a frame may be cut off, so
    /// nothing more is read from the peer, or said to it.
    pub(crate) fn is_torn(&self) -> bool {
        self.reader.is_poisoned() || self.writer.is_torn()
    }

    /// `None`: somebody else is reading.
    pub(crate) fn try_reader(&self) -> Option<MutexGuard<'_, Reader>> {
        try_lock(&self.reader)
    }

    /// Writes at most `share` bytes as the stream takes them; leaves the rest to the task. What
    /// another thread writes just now is waited for with `patience`.
    pub(crate) fn write(&self, source: &mut impl Source, share: &mut usize, patience: Patience) {
        let flow = self.writer.write(&*self.stream, source, share, patience);
        self.leave(flow);
    }

    /// As [`write`](Self::write), with `content` first, see [`Writer::write_through`]. False: it
    /// has not been written.
    pub(crate) fn write_through<S: Source>(
        &self,
        source: &mut S,
        content: (impl FnOnce(&mut S, &mut SendBuffer) -> bool, &[u8]),
        share: &mut usize,
    ) -> bool {
        let (done, flow) = self.writer.write_through(&*self.stream, source, content, share);
        self.leave(flow);
        done
    }

    /// Leaves to the task what an obstacle has kept from being written.
    fn leave(&self, flow: ControlFlow<Obstacle>) {
        match flow {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(Obstacle::Share) => self.oblige(WRITE),
            ControlFlow::Break(Obstacle::Full) => self.oblige(WRITE_WHEN_READY),
            ControlFlow::Break(Obstacle::Broken) => self.oblige(BROKEN),
        }
    }

    /// The core has closed it: what is encoded already is written if that needs no waiting.
    pub(crate) fn close(&self, patience: Patience) {
        self.writer.finish(&*self.stream, patience);
        self.oblige(CLOSE);
        self.end_delegation();
    }

    /// Has the delegate, if there is one, let go of the connection.
    pub(crate) fn end_delegation(&self) {
        if let Some(owner) = &self.owner {
            owner.end();
        }
    }

    /// Notes that it is readable; true: it was not noted.
    pub(crate) fn note(&self) -> bool {
        !self.noted.swap(true, Ordering::AcqRel)
    }

    /// Is about to be read.
    pub(crate) fn unnote(&self) {
        self.noted.store(false, Ordering::Release);
    }

    /// Neither closed nor ended.
    pub(crate) fn is_open(&self) -> bool {
        self.duties() & (CLOSE | GONE) == 0
    }

    /// The task reads from now on, until the connection is serviced.
    pub(crate) fn take_back(&self) {
        if let Some(owner) = &self.owner {
            owner.take_back();
            self.kick.notify_one();
        }
    }

    /// The watchdog's look. `at_work`: the delegate comes to everything. True: the I/O thread reads
    /// from now on.
    pub(crate) fn take_back_if_neglected(&self, at_work: bool) -> bool {
        let neglected = self.owner.as_ref().is_some_and(|owner| owner.is_neglected());
        let takes = neglected && !at_work && self.stream.has_input();
        if takes {
            self.take_back();
        }
        takes
    }

    /// A delegate reads it.
    pub(crate) fn is_delegated(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.is_delegate())
    }

    /// The I/O thread reads because the delegate does not.
    pub(crate) fn wants_service(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| !owner.is_delegate())
    }

    /// Nothing is read from now on, or again.
    pub(crate) fn pause(&self, pause: bool) {
        if pause {
            self.duties.fetch_or(PAUSED, Ordering::AcqRel);
        } else {
            self.duties.fetch_and(!PAUSED, Ordering::AcqRel);
            self.kick.notify_one();
        }
    }

    /// Nothing is to be read for now. What a peer has said that cannot be written to is read in any
    /// case, to its end.
    pub(crate) fn is_paused(&self) -> bool {
        self.duties() & (PAUSED | BROKEN) == PAUSED
    }

    /// Its task has ended, after the peer or after waiting for that.
    pub(crate) fn is_over(&self) -> bool {
        self.duties() & OVER != 0
    }

    pub(crate) fn duties(&self) -> u8 {
        self.duties.load(Ordering::Acquire)
    }

    pub(crate) fn oblige(&self, duty: u8) {
        // While the stream is full every writer says so, and the task need hear it only once.
        if self.duties.fetch_or(duty, Ordering::AcqRel) & duty == 0 {
            self.kick.notify_one();
        }
    }

    /// Takes the duty to write off the task, which sees to it now.
    pub(crate) fn discharge_writing(&self) {
        self.duties.fetch_and(!(WRITE | WRITE_WHEN_READY), Ordering::AcqRel);
    }
}
