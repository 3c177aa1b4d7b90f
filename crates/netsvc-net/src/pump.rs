//! Turns of reading and writing, on whatever thread, and what comes of calls into the core.

use std::io;
use std::sync::{Arc, MutexGuard};

use netsvc_core::limits::PUBLISH_HIGH_WATER;
use netsvc_core::wire::SendBuffer;
use netsvc_core::{
    CommandError, ConnId, ContentRef, Direct, Progress, PublishOptions, ServiceNo, Sink, Str,
};

use crate::bursts;
use crate::connection::reader::Reader;
use crate::connection::writer::Source;
use crate::connection::{Connection, GONE, WRITE};
use crate::effects::Effects;
use crate::patience::Patience;
use crate::shared::Shared;
use crate::turns::{Extent, SMALL};

/// A connection yields to the others after having read this many bytes.
pub(crate) const TURN: usize = 256 << 10;
/// As [`TURN`], after having written so many. Fewer: what one says may make a hub write to all,
/// which then takes its turn before the next that others say is read.
const WRITE_TURN: usize = CHUNK;
/// As [`WRITE_TURN`], while others wait for theirs. All are told of the same changes, and a message
/// has to wait until who hears it knows what who says it knew: the less one is ahead of another,
/// the better.
const SHARED_WRITE_TURN: usize = 16 << 10;
/// Bytes that a thread writes to connections after one call into the core. The connections' own
/// tasks write the rest, so that the application's thread is not kept.
const DIRECT_WRITE: usize = 256 << 10;
/// Contents from this size on are worth a system call of their own, which saves a copy.
const LARGE: usize = 64 << 10;
/// Bytes moved from an outbox at once: the most that is encoded under the registry's mutex.
const CHUNK: usize = 64 << 10;

/// How a turn of reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The stream is empty.
    Idle,
    /// More may be there.
    More,
    /// The peer is gone.
    Ended,
}

/// What servicing delegated reads came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serviced {
    /// Call again when the socket is readable, which it may be already.
    Delegated,
    /// Nothing was read: events of that registry wait, drain them first.
    Behind,
    /// The connection has ended: drop the delegated reads.
    Ended,
}

/// Runs `work` and then does what it noted.
pub(crate) fn perform_with<R>(shared: &Shared, work: impl FnOnce(&mut Effects) -> R) -> R {
    perform_within(shared, Extent::Whole, &mut 0, work)
}

/// As [`perform_with`], in a turn of that extent. Bytes that are written are added to `moved`.
fn perform_within<R>(
    shared: &Shared,
    extent: Extent,
    moved: &mut usize,
    work: impl FnOnce(&mut Effects) -> R,
) -> R {
    let mut effects = Effects::default();
    let result = work(&mut effects);
    *moved += perform(shared, extent, effects);
    result
}

/// Returns how many bytes were written.
fn perform(shared: &Shared, extent: Extent, mut effects: Effects) -> usize {
    // While others wait, each is written a little at once.
    let (all, each) = match extent {
        Extent::Whole => (DIRECT_WRITE, DIRECT_WRITE),
        _ => (CHUNK, SHARED_WRITE_TURN),
    };
    let only_awaited = extent != Extent::Whole;
    let mut left = all;
    while let Some(connection) = effects.dirty.pop() {
        // What is made bytes although nothing may be written is final all the same, and takes time.
        if left > 0 && connection.stream.direct_writes() {
            let begun = left.min(each);
            let mut share = begun;
            let outbox = &mut Outbox::new(shared, &connection, share, &mut effects);
            outbox.only_awaited = only_awaited;
            write_from(outbox, &connection, &mut share, Patience::NONE);
            left -= begun - share;
        } else {
            connection.oblige(WRITE);
        }
    }
    for connection in effects.closed {
        connection.close(Patience::NONE);
        bursts::ended();
    }
    for listener in effects.with_room {
        listener.kick();
    }
    if effects.open {
        shared.open.notify_one();
    }
    if effects.rearm {
        shared.timer.notify_one();
    }
    if effects.signal {
        shared.signal.raise();
    }
    all - left
}

/// Writes the next bytes to a connection, in a turn of that extent. Returns how many, with those
/// that were written to others because of that.
pub(crate) fn write_in_turn(shared: &Shared, connection: &Connection, extent: Extent) -> usize {
    let whole = match extent {
        Extent::Whole | Extent::Newcomer => WRITE_TURN,
        Extent::Shared | Extent::Small => SHARED_WRITE_TURN,
    };
    let (mut moved, mut share) = (0, whole);
    perform_within(shared, extent, &mut moved, |effects| {
        let outbox = &mut Outbox::new(shared, connection, share, effects);
        outbox.only_awaited = extent == Extent::Small;
        write_from(outbox, connection, &mut share, Patience::NONE);
    });
    moved + (whole - share)
}

/// Writes at most `share` bytes as the stream takes them; leaves the rest to the connection's task.
fn write_from(
    outbox: &mut Outbox<'_>,
    connection: &Connection,
    share: &mut usize,
    patience: Patience,
) {
    let before = *share;
    connection.write(outbox, share, patience);
    bursts::moved(before - *share);
}

/// Writes what the streams of these take, after whoever writes just now.
pub(crate) fn write_all(shared: &Shared, connections: &[Arc<Connection>], patience: Patience) {
    perform_with(shared, |effects| {
        for connection in connections {
            let outbox = &mut Outbox::new(shared, connection, CHUNK, effects);
            write_from(outbox, connection, &mut { usize::MAX }, patience);
        }
    });
}

/// Publishes a report; a large one by writing it straight from where it lies, which a process with
/// one connection can, for which nothing waits. False: much is queued.
pub(crate) fn publish(
    shared: &Shared,
    service: ServiceNo,
    subject: &Str,
    content: ContentRef<'_>,
    options: &PublishOptions<'_>,
) -> Result<bool, CommandError> {
    let PublishOptions { lifetime, to, extensions, .. } = *options;
    let mut result = None;
    if content.bytes.len() >= LARGE
        && let Some(only) = only_connection(shared)
    {
        let begin = |outbox: &mut Outbox<'_>, batch: &mut SendBuffer| {
            outbox.shared.apply(outbox.effects, |process, now| {
                let direct = Some(Direct { conn: outbox.conn, out: batch });
                let options = PublishOptions { lifetime, to, extensions, direct };
                result = Some(process.publish(now, service, subject, content, options));
                !batch.is_empty()
            })
        };
        let written = perform_with(shared, |effects| {
            let outbox = &mut Outbox::new(shared, &only, CHUNK, effects);
            only.write_through(outbox, (begin, content.bytes), &mut { DIRECT_WRITE })
        });
        if written {
            return Ok(shared.lock().process.queued_bytes() <= PUBLISH_HIGH_WATER);
        }
    }
    // The connection may be written to by somebody else just now.
    result.unwrap_or_else(|| {
        perform_with(shared, |effects| {
            shared.apply(effects, |process, now| {
                let options = PublishOptions { lifetime, to, extensions, direct: None };
                process.publish(now, service, subject, content, options)
            })
        })
    })
}

/// The only connection, if it can be written to by any thread.
fn only_connection(shared: &Shared) -> Option<Arc<Connection>> {
    let state = shared.lock();
    let mut connections = state.connections.values();
    let (Some(only), None) = (connections.next(), connections.next()) else { return None };
    only.stream.direct_writes().then(|| Arc::clone(only))
}

/// The core's outbox of one connection.
struct Outbox<'a> {
    shared: &'a Shared,
    conn: ConnId,
    /// Bytes that are moved at once.
    chunk: usize,
    /// Nothing else is.
    only_awaited: bool,
    /// Something is left, when nothing more was moved.
    leaves: bool,
    effects: &'a mut Effects,
}

impl<'a> Outbox<'a> {
    /// Whoever writes has that share.
    fn new(
        shared: &'a Shared,
        connection: &Connection,
        share: usize,
        effects: &'a mut Effects,
    ) -> Self {
        let (conn, chunk) = (connection.id, share.min(CHUNK));
        Self { shared, conn, chunk, only_awaited: false, leaves: false, effects }
    }
}

impl Source for Outbox<'_> {
    fn refill(&mut self, batch: &mut SendBuffer, wrote: bool) {
        let Self { conn, chunk, only_awaited, .. } = *self;
        let progress = self.shared.apply(self.effects, |process, now| {
            if wrote {
                process.handle_written(now, conn, batch.len());
            }
            match batch.is_empty() {
                false => Progress::More,
                true if only_awaited => process.poll_awaited(now, conn, batch, chunk),
                true => process.poll_write(now, conn, batch, chunk),
            }
        });
        self.leaves = progress == Progress::More;
    }

    fn leaves(&self) -> bool {
        self.leaves
    }
}

/// Reads and applies one turn's share, on whatever thread; waits for who is reading just now.
pub(crate) fn read(shared: &Shared, connection: &Connection) -> Turn {
    read_in_turn(shared, connection, Extent::Whole).0
}

/// As [`read`], in a turn of that extent. With it comes how many bytes were read, and written
/// because of that.
pub(crate) fn read_in_turn(
    shared: &Shared,
    connection: &Connection,
    extent: Extent,
) -> (Turn, usize) {
    let whole = match extent {
        Extent::Whole => TURN,
        Extent::Shared | Extent::Newcomer => CHUNK,
        Extent::Small => SMALL,
    };
    let (mut left, mut moved) = (whole, 0);
    let reader = || Some(connection.reader());
    let within = (extent, &mut left, &mut moved);
    let turn = read_by(shared, connection, within, None, reader).unwrap_or(Turn::More);
    (turn, moved + whole.saturating_sub(left))
}

/// Its delegate found it readable: reads `share` bytes or little more, and applies them.
pub(crate) fn service(shared: &Shared, connection: &Connection, share: usize) -> Serviced {
    if shared.signal.is_raised() && connection.is_open() {
        return Serviced::Behind;
    }
    service_into(shared, connection, share, None).0
}

/// As [`service`], by who takes reports at once. True: there may be more.
pub(crate) fn service_into(
    shared: &Shared,
    connection: &Connection,
    share: usize,
    sink: Option<&mut (dyn Sink + '_)>,
) -> (Serviced, bool) {
    let Some(owner) = connection.owner.as_ref().filter(|_| connection.is_open()) else {
        return (Serviced::Ended, false);
    };
    if owner.service() {
        // The task need not wait for the socket any more.
        connection.kick.notify_one();
    }
    // Whoever is reading instead reads all there is, or leaves the socket readable.
    let within = (Extent::Whole, &mut { share }, &mut 0);
    match read_by(shared, connection, within, sink, || connection.try_reader()) {
        Some(Turn::Ended) => {
            end(shared, connection);
            (Serviced::Ended, false)
        }
        turn => (Serviced::Delegated, turn == Some(Turn::More)),
    }
}

/// Has whoever drains read a connection, which is readable. True: that was not known.
pub(crate) fn tell_readable(shared: &Shared, connection: &Arc<Connection>) -> bool {
    let Some(delegations) = &shared.delegations else { return false };
    let is_new = delegations.note_readable(Arc::clone(connection));
    if is_new {
        shared.signal.raise();
    }
    is_new
}

/// The peer is gone, and nobody has told the core.
pub(crate) fn end(shared: &Shared, connection: &Connection) {
    connection.oblige(GONE);
    perform_with(shared, |effects| {
        shared.apply_state(effects, |state, now| {
            if state.connections.remove(&connection.id).is_some() {
                state.process.handle_closed(now, connection.id);
                bursts::ended();
            }
        });
    });
    connection.end_delegation();
}

/// Within a turn of that extent: at most so many bytes, of which it takes off what it has read, or
/// all if the turn is over before; bytes that are written because of that are added to the last.
/// `None`: `reader` gave none at first.
fn read_by<'a>(
    shared: &Shared,
    connection: &Connection,
    (extent, left, moved): (Extent, &mut usize, &mut usize),
    mut sink: Option<&mut (dyn Sink + '_)>,
    reader: impl Fn() -> Option<MutexGuard<'a, Reader>>,
) -> Option<Turn> {
    if connection.is_torn() {
        return Some(Turn::Ended);
    }
    let mut last = None;
    // The core may have had enough of it after each chunk.
    while *left > 0 && !connection.is_paused() {
        // Effects are seen to without the reader, between two chunks.
        let turn = perform_within(shared, extent, moved, |effects| {
            let mut reader = reader()?;
            let sink = sink.as_deref_mut();
            Some(read_once(shared, connection, &mut reader, left, effects, sink))
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
    shared: &Shared,
    connection: &Connection,
    reader: &mut Reader,
    left: &mut usize,
    effects: &mut Effects,
    sink: Option<&mut (dyn Sink + '_)>,
) -> Turn {
    if reader.waits() {
        shared.apply(effects, |process, now| reader.apply(process, now, connection.id, sink));
        return end_turn(reader, left, Turn::More);
    }
    let read = match reader.fill(&*connection.stream, *left) {
        Ok(read) if read.count == 0 => return Turn::Ended,
        Ok(read) => read,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::WouldBlock => Turn::Idle,
                io::ErrorKind::Interrupted => Turn::More,
                io::ErrorKind::OutOfMemory => {
                    let refused = shared
                        .apply(effects, |process, now| reader.refuse(process, now, connection.id));
                    if refused { Turn::More } else { Turn::Ended }
                }
                _ => Turn::Ended,
            };
        }
    };
    *left = left.saturating_sub(read.count);
    bursts::moved(read.count);
    shared.apply(effects, |process, now| reader.apply(process, now, connection.id, sink));
    end_turn(reader, left, if read.maybe_more { Turn::More } else { Turn::Idle })
}

/// What was read brought more work than a turn has: the rest waits until others had theirs.
fn end_turn(reader: &Reader, left: &mut usize, turn: Turn) -> Turn {
    if !reader.waits() {
        return turn;
    }
    *left = 0;
    Turn::More
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::net::Shutdown;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use netsvc_core::{
        CommandError, Config, Heartbeat, Limits, LinkToken, Process, ProcessSecret, Retry, Role,
    };

    use super::*;
    use crate::clock::Clock;
    use crate::signal::Signal;
    use crate::state::Opening;
    use crate::transport::address::Target;
    use crate::transport::stream::{Read, Stream};

    /// Takes everything, and counts it.
    struct Counting {
        direct_writes: bool,
        written: Arc<AtomicUsize>,
    }

    impl Stream for Counting {
        fn read(&self, _bytes: &mut [u8]) -> io::Result<Read> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let count = slices.iter().map(|slice| slice.len()).sum();
            self.written.fetch_add(count, Ordering::Relaxed);
            Ok(count)
        }

        fn poll_read_ready(&self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_write_ready(&self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn shutdown(&self, _how: Shutdown) {}

        fn direct_writes(&self) -> bool {
            self.direct_writes
        }
    }

    #[test]
    fn what_a_stream_without_direct_writes_is_to_send_is_left_to_its_task()
    -> Result<(), CommandError> {
        for direct_writes in [true, false] {
            let clock = Clock::start();
            let limits = Limits::default();
            let config = Config {
                secret: ProcessSecret::new([1; 32]),
                label: "client".into(),
                limits,
                seed: 1,
            };
            let process = Process::new(config, clock.now());
            let shared = Shared::new(process, clock, Signal::new(Box::new(|| ())), None);
            let written = Arc::<AtomicUsize>::default();
            // Connects, and has its greeting to send.
            let mut connected = None;
            perform_with(&shared, |effects| {
                shared.apply_state(effects, |state, now| {
                    let heartbeat = Heartbeat::default();
                    let exchange = state.process.create_exchange(Role::Client, "", heartbeat)?;
                    let token = LinkToken([1; 16]);
                    let link = state.process.connect(now, exchange, Retry::Once, token)?;
                    state.targets.insert(link, (exchange, Target::Unix("nowhere".into())));
                    Ok(())
                })?;
                shared.apply_state(effects, |state, now| {
                    if let Some(Opening { conn, .. }) = state.opening.pop() {
                        let written = Arc::clone(&written);
                        let stream = Box::new(Counting { direct_writes, written });
                        let connection =
                            Arc::new(Connection::new(conn, stream, Reader::new(1 << 20), None));
                        state.connections.insert(conn, Arc::clone(&connection));
                        state.process.handle_opened(now, conn, "nowhere");
                        connected = Some(connection);
                    }
                });
                Ok(())
            })?;
            let duties = connected.map(|connection| connection.duties());
            assert_eq!(duties, Some(if direct_writes { 0 } else { WRITE }));
            assert_eq!(written.load(Ordering::Relaxed) > 0, direct_writes);
        }
        Ok(())
    }
}
