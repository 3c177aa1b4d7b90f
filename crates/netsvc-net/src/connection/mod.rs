//! One established connection, as all threads share it. What its task does is in `task.rs`.

pub(crate) mod combiner;
pub(crate) mod reader;
pub(crate) mod writer;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard};

use netsvc_core::wire::WriteBatch;
use netsvc_core::{ConnId, ContentRef, ServiceNo, Str, Teller};
use tokio::sync::Notify;

use crate::connection::reader::Reader;
use crate::connection::writer::{Obstacle, Writer};
use crate::driver::Driver;
use crate::read_delegate::{Serviced, Standing};
use crate::state::Effects;
use crate::sync::{lock, try_lock};
use crate::transport::stream::Socket;

/// A connection. Any thread may write and, in turn, read; the task reads unless the connection is
/// lent, and writes what is left over.
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    pub(crate) socket: Socket,
    reader: Mutex<Reader>,
    writer: Writer,
    /// It is among those that are readable, see `Driver::readable`.
    noted: AtomicBool,
    /// What the task is to do, see the constants below; changed before `kick`.
    duties: AtomicU8,
    pub(crate) kick: Notify,
    /// `None`: it cannot be lent.
    pub(crate) standing: Option<Standing>,
}

/// The core has closed the connection.
pub(crate) const CLOSE: u8 = 1;
/// Something is left to be written.
pub(crate) const WRITE: u8 = 2;
/// Something is left to be written as soon as the socket takes it.
pub(crate) const WRITE_WHEN_READY: u8 = 4;
/// Writing failed: read what the peer still said, then end.
pub(crate) const BROKEN: u8 = 8;
/// Whoever read has seen the end, and told the core.
pub(crate) const GONE: u8 = 16;

/// A connection yields to the others after this many bytes in one direction.
pub(crate) const TURN: usize = 256 << 10;

/// How a turn of reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The socket is empty.
    Idle,
    /// More may be there.
    More,
    /// The peer is gone.
    Ended,
}

impl Connection {
    /// `standing`: it can be lent, which its socket must be loose for.
    pub(crate) fn new(
        id: ConnId,
        socket: Socket,
        reader: Reader,
        standing: Option<Standing>,
    ) -> Self {
        Self {
            id,
            standing,
            socket,
            reader: Mutex::new(reader),
            writer: Writer::new(),
            noted: AtomicBool::new(false),
            duties: AtomicU8::new(0),
            kick: Notify::new(),
        }
    }

    /// Writes at most `share` bytes without waiting; leaves the rest to the task.
    pub(crate) fn write(&self, driver: &Driver, share: &mut usize, effects: &mut Effects) {
        let flow = self.writer.write(self.id, &self.socket, driver, share, effects);
        self.leave(flow);
    }

    /// Publishes a large report by writing it straight from where it lies, and what else there is;
    /// leaves the rest to the task. False: nothing was done.
    pub(crate) fn publish_through(
        &self,
        driver: &Driver,
        service: ServiceNo,
        subject: &Str,
        content: ContentRef<'_>,
        (share, effects): (&mut usize, &mut Effects),
    ) -> bool {
        let begin = |batch: &mut WriteBatch, effects: &mut Effects| {
            driver.apply(effects, |process, now| {
                process.publish_through(now, self.id, service, subject, content, batch)
            })
        };
        let (socket, begin) = (&self.socket, (begin, content.bytes));
        let (done, flow) =
            self.writer.write_through(self.id, socket, driver, begin, share, effects);
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
    pub(crate) fn close(&self, driver: &Driver) {
        self.writer.write_rest(&self.socket);
        self.socket.finish_writing();
        self.oblige(CLOSE);
        driver.recall(self);
    }

    /// Reads and applies one turn's share, on whatever thread; waits for who is reading just now.
    pub(crate) fn read(&self, driver: &Driver) -> Turn {
        self.read_by(driver, TURN, None, || Some(lock(&self.reader))).unwrap_or(Turn::More)
    }

    /// Its borrower found it readable: reads `share` bytes or little more, and applies them.
    pub(crate) fn service(&self, driver: &Driver, share: usize) -> Serviced {
        if driver.signal.is_raised() && self.is_open() {
            return Serviced::Behind;
        }
        self.service_telling(driver, share, None).0
    }

    /// As [`service`](Self::service), by who takes reports at once. True: there may be more.
    pub(crate) fn service_telling(
        &self,
        driver: &Driver,
        share: usize,
        teller: Option<&mut dyn Teller>,
    ) -> (Serviced, bool) {
        let Some(standing) = self.standing.as_ref().filter(|_| self.is_open()) else {
            return (Serviced::Ended, false);
        };
        if standing.service() {
            // The task need not wait for the socket any more.
            self.kick.notify_one();
        }
        // Whoever is reading instead reads all there is, or leaves the socket readable.
        match self.read_by(driver, share, teller, || try_lock(&self.reader)) {
            Some(Turn::Ended) => {
                self.end(driver);
                (Serviced::Ended, false)
            }
            turn => (Serviced::Lent, turn == Some(Turn::More)),
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

    /// The peer is gone, and nobody has told the core.
    pub(crate) fn end(&self, driver: &Driver) {
        self.oblige(GONE);
        driver.connection_ended(self);
    }

    /// Neither closed nor ended.
    pub(crate) fn is_open(&self) -> bool {
        self.duties() & (CLOSE | GONE) == 0
    }

    /// The task reads from now on, until the connection is serviced.
    pub(crate) fn take_back(&self) {
        if let Some(standing) = &self.standing {
            standing.take_back();
            self.kick.notify_one();
        }
    }

    /// The guard's look. `at_work`: whoever is to read comes to everything. True: the I/O thread reads
    /// from now on.
    pub(crate) fn mind(&self, at_work: bool) -> bool {
        let neglected = self.standing.as_ref().is_some_and(Standing::is_neglected);
        let takes = neglected && !at_work && self.socket.has_input();
        if takes {
            self.take_back();
        }
        takes
    }

    pub(crate) fn is_lent(&self) -> bool {
        self.standing.as_ref().is_some_and(Standing::is_lent)
    }

    pub(crate) fn duties(&self) -> u8 {
        self.duties.load(Ordering::Acquire)
    }

    pub(crate) fn oblige(&self, duty: u8) {
        // While the socket is full every writer says so, and the task need hear it only once.
        if self.duties.fetch_or(duty, Ordering::AcqRel) & duty == 0 {
            self.kick.notify_one();
        }
    }

    /// Takes the duty to write off the task, which sees to it now.
    pub(crate) fn discharge_writing(&self) {
        self.duties.fetch_and(!(WRITE | WRITE_WHEN_READY), Ordering::AcqRel);
    }

    /// `None`: `reader` gave none at first.
    fn read_by<'a>(
        &'a self,
        driver: &Driver,
        mut left: usize,
        mut teller: Option<&mut dyn Teller>,
        reader: impl Fn() -> Option<MutexGuard<'a, Reader>>,
    ) -> Option<Turn> {
        let mut last = None;
        while left > 0 {
            // Effects are seen to without the reader, between two chunks.
            let turn = driver.perform_with(|effects| {
                let mut reader = reader()?;
                let teller: Option<&mut dyn Teller> = match &mut teller {
                    Some(teller) => Some(&mut **teller),
                    None => None,
                };
                Some(self.read_once(driver, &mut reader, &mut left, effects, teller))
            });
            match turn {
                None => break,
                Some(Turn::More) => last = turn,
                Some(_) => return turn,
            }
        }
        last
    }

    fn read_once(
        &self,
        driver: &Driver,
        reader: &mut Reader,
        left: &mut usize,
        effects: &mut Effects,
        teller: Option<&mut dyn Teller>,
    ) -> Turn {
        let read = match reader.fill(&self.socket, *left) {
            Ok(read) if read.count == 0 => return Turn::Ended,
            Ok(read) => read,
            Err(error) => {
                return match error.kind() {
                    std::io::ErrorKind::WouldBlock => Turn::Idle,
                    std::io::ErrorKind::Interrupted => Turn::More,
                    _ => Turn::Ended,
                };
            }
        };
        *left = left.saturating_sub(read.count);
        driver.apply(effects, |process, now| reader.apply(process, now, self.id, teller));
        if read.maybe_more { Turn::More } else { Turn::Idle }
    }
}
