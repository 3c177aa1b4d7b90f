//! The outbound side of a connection: from the core's outbox into its stream.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use netsvc_core::wire::SendBuffer;

use super::combiner::CombinerLock;
use crate::patience::Patience;
use crate::transport::stream::Stream;

/// Encoded bytes on their way into a stream. Everything else waits in the core's outbox, where
/// its policy applies.
pub(crate) struct Writer {
    batch: CombinerLock<SendBuffer>,
    /// What has left the outbox is the end. Set before the lock is tried, and looked at after it
    /// was let go, so that one of two threads sees to it.
    finished: AtomicBool,
}

/// Where a writer's bytes come from.
pub(crate) trait Source {
    /// Learns what is left of the batch, if it `wrote` some of it, and fills one that is empty.
    fn refill(&mut self, batch: &mut SendBuffer, wrote: bool);

    /// Whether it has more, although it has filled nothing: that is to be written later.
    fn leaves(&self) -> bool {
        false
    }
}

/// What keeps an attempt to write from writing everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The stream takes no more for now.
    Full,
    /// The caller's share is used up.
    Share,
    /// The connection is gone.
    Broken,
}

/// Slices of one system call. More gain nothing measurable, and the array lives on the stack.
const SLICES: usize = 64;

impl Writer {
    pub(crate) fn new() -> Self {
        Self { batch: CombinerLock::new(SendBuffer::new()), finished: AtomicBool::new(false) }
    }

    /// Somebody has panicked while writing: the batch may have lost its place.
    pub(crate) fn is_torn(&self) -> bool {
        self.batch.is_torn()
    }

    /// Writes until `source` has no more, or an obstacle is met; `share` bytes at most, of which it
    /// takes off what it used. Whoever put something into the source calls this afterwards. A
    /// thread that writes just now is waited for with `patience`, and then does it all.
    pub(crate) fn write(
        &self,
        stream: &dyn Stream,
        source: &mut impl Source,
        share: &mut usize,
        patience: Patience,
    ) -> ControlFlow<Obstacle> {
        if self.is_torn() {
            return ControlFlow::Break(Obstacle::Broken);
        }
        let flow = self.batch.work(patience, |batch| write_batch(batch, stream, source, share));
        self.see_to_the_end(stream);
        flow
    }

    /// As [`write`](Self::write), with `content` before what else there is: if nothing waits here,
    /// and `begin` has put the beginning of its frame into the batch. False: it has not been
    /// written.
    pub(crate) fn write_through<S: Source>(
        &self,
        stream: &dyn Stream,
        source: &mut S,
        (begin, content): (impl FnOnce(&mut S, &mut SendBuffer) -> bool, &[u8]),
        share: &mut usize,
    ) -> (bool, ControlFlow<Obstacle>) {
        if self.is_torn() {
            return (false, ControlFlow::Break(Obstacle::Broken));
        }
        let (mut begin, mut done) = (Some(begin), false);
        let flow = self.batch.work(Patience::NONE, |batch| {
            if let Some(begin) = begin.take()
                && batch.is_empty()
                && begin(source, batch)
            {
                done = true;
                let Ok(written) = write_with(batch, content, stream) else {
                    return ControlFlow::Break(Obstacle::Broken);
                };
                *share = share.saturating_sub(written);
                let is_full = !batch.is_empty();
                source.refill(batch, true);
                if is_full {
                    return ControlFlow::Break(Obstacle::Full);
                }
            }
            write_batch(batch, stream, source, share)
        });
        self.see_to_the_end(stream);
        (done, flow)
    }

    /// Writes what has left the outbox already, as far as the stream takes it at once, and then
    /// ends it. A thread that writes just now does so afterwards.
    pub(crate) fn finish(&self, stream: &dyn Stream, patience: Patience) {
        if self.is_torn() {
            return;
        }
        self.finished.store(true, Ordering::Release);
        let _ = self.batch.work(patience, |batch| {
            while !batch.is_empty() && write_once(batch, stream).is_ok() {}
            let _ = stream.flush();
            batch.clear();
            stream.shutdown(Shutdown::Write);
            ControlFlow::<()>::Continue(())
        });
    }

    /// Who finished it may have found it held by this thread, whose work broke off.
    fn see_to_the_end(&self, stream: &dyn Stream) {
        if self.finished.load(Ordering::Acquire) {
            self.finish(stream, Patience::NONE);
        }
    }
}

fn write_batch(
    batch: &mut SendBuffer,
    stream: &dyn Stream,
    source: &mut impl Source,
    share: &mut usize,
) -> ControlFlow<Obstacle> {
    let mut wrote = false;
    loop {
        if wrote || batch.is_empty() {
            source.refill(batch, wrote);
        }
        if batch.is_empty() {
            return match stream.flush() {
                Err(error) => obstacle(&error),
                Ok(()) if source.leaves() => ControlFlow::Break(Obstacle::Share),
                Ok(()) => ControlFlow::Continue(()),
            };
        }
        if *share == 0 {
            return ControlFlow::Break(Obstacle::Share);
        }
        match write_once(batch, stream) {
            Ok(count) => {
                *share = share.saturating_sub(count);
                wrote = true;
            }
            Err(error) => return obstacle(&error),
        }
    }
}

fn obstacle(error: &io::Error) -> ControlFlow<Obstacle> {
    ControlFlow::Break(match error.kind() {
        io::ErrorKind::WouldBlock => Obstacle::Full,
        _ => Obstacle::Broken,
    })
}

/// Writes the batch and `content` at once; copies what is left of that into the batch.
fn write_with(batch: &mut SendBuffer, content: &[u8], stream: &dyn Stream) -> io::Result<usize> {
    let head = batch.len();
    let mut slices = [IoSlice::new(&[]); SLICES];
    let used = batch.slices(&mut slices[..SLICES - 1]);
    slices[used] = IoSlice::new(content);
    let result = match write_slices(&slices[..=used], stream) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    };
    // Also after an error: whoever tries once more must not go on behind half a frame.
    let written = *result.as_ref().unwrap_or(&0);
    batch.advance(written.min(head));
    let rest = content.get(written.saturating_sub(head)..).unwrap_or_default();
    batch.push(Bytes::copy_from_slice(rest));
    result
}

fn write_once(batch: &mut SendBuffer, stream: &dyn Stream) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let used = batch.slices(&mut slices);
    let count = write_slices(&slices[..used], stream)?;
    batch.advance(count);
    Ok(count)
}

/// 0: interrupted.
fn write_slices(slices: &[IoSlice<'_>], stream: &dyn Stream) -> io::Result<usize> {
    match stream.write_vectored(slices) {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::task::{Context, Poll};

    use super::*;
    use crate::sync::lock;
    use crate::transport::stream::Read;

    /// Takes that many bytes with each call, then none, then an error for good; and has an end.
    struct Narrow(Mutex<VecDeque<usize>>, AtomicBool);

    impl Narrow {
        fn takes(counts: &[usize]) -> Self {
            Self(Mutex::new(counts.iter().copied().collect()), AtomicBool::new(false))
        }

        fn take(&self) -> io::Result<usize> {
            match lock(&self.0).pop_front() {
                Some(0) => Err(io::ErrorKind::WouldBlock.into()),
                Some(count) => Ok(count),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }

    impl Stream for Narrow {
        fn read(&self, _bytes: &mut [u8]) -> io::Result<Read> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: usize = slices.iter().map(|slice| slice.len()).sum();
            self.take().map(|count| count.min(all))
        }

        fn flush(&self) -> io::Result<()> {
            self.take().map(drop)
        }

        fn poll_read_ready(&self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_write_ready(&self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn shutdown(&self, how: Shutdown) {
            assert_eq!(how, Shutdown::Write);
            self.1.store(true, Ordering::Relaxed);
        }
    }

    /// Gives these once each, and counts what was said to be left.
    struct Pieces(Vec<&'static [u8]>, Vec<usize>);

    impl Source for Pieces {
        fn refill(&mut self, batch: &mut SendBuffer, wrote: bool) {
            if wrote {
                self.1.push(batch.len());
            }
            if batch.is_empty()
                && let Some(piece) = self.0.pop()
            {
                batch.push(Bytes::from_static(piece));
            }
        }
    }

    #[test]
    fn what_could_not_be_written_with_the_batch_is_in_it_after_an_error_too() -> io::Result<()> {
        let content = vec![7; 1 << 20];
        let stream = Narrow::takes(&[1 << 18, 0]);
        let mut batch = SendBuffer::new();
        batch.push(Bytes::from_static(b"head"));
        // As much as fits.
        let written = write_with(&mut batch, &content, &stream)?;
        assert!(written > 0 && written < content.len());
        assert_eq!(batch.len(), 4 + content.len() - written);
        // Nothing fits, and then nobody is there.
        for gone in [false, true] {
            let mut batch = SendBuffer::new();
            batch.push(Bytes::from_static(b"head"));
            assert_eq!(write_with(&mut batch, &content, &stream).is_err(), gone);
            assert_eq!(batch.len(), 4 + content.len());
        }
        Ok(())
    }

    #[test]
    fn a_stream_that_keeps_bytes_back_is_flushed_until_it_has_none() {
        let writer = Writer::new();
        let mut source = Pieces(vec![b"second", b"first"], Vec::new());
        let stream = Narrow::takes(&[4, 9, 9, 0, 1]);
        let mut share = 100;
        // Written, but not flushed.
        let flow = writer.write(&stream, &mut source, &mut share, Patience::NONE);
        assert_eq!(flow, ControlFlow::Break(Obstacle::Full));
        assert_eq!((source.1.as_slice(), share), (&[1, 0, 0][..], 100 - 11));
        let flow = writer.write(&stream, &mut source, &mut share, Patience::NONE);
        assert_eq!(flow, ControlFlow::Continue(()));
        let flow = writer.write(&stream, &mut source, &mut share, Patience::NONE);
        assert_eq!(flow, ControlFlow::Break(Obstacle::Broken));
    }

    /// Is finished by somebody else, who finds the writer held, while this is asked for more.
    struct FinishedMeanwhile<'a>(&'a Writer, &'a Narrow, Option<&'static [u8]>);

    impl Source for FinishedMeanwhile<'_> {
        fn refill(&mut self, batch: &mut SendBuffer, wrote: bool) {
            if !wrote && let Some(last) = self.2.take() {
                batch.push(Bytes::from_static(last));
                self.0.finish(self.1, Patience::NONE);
                assert!(!self.1.1.load(Ordering::Relaxed), "nothing was written before the end");
            }
        }
    }

    #[test]
    fn what_is_finished_while_somebody_writes_is_written_and_then_ended_by_who_writes() {
        // All of it; a share of it.
        for share in [100, 4] {
            let writer = Writer::new();
            let stream = Narrow::takes(&[4, 4, 0, 0, 0]);
            let mut source = FinishedMeanwhile(&writer, &stream, Some(b"farewell"));
            let _ = writer.write(&stream, &mut source, &mut { share }, Patience::NONE);
            assert!(stream.1.load(Ordering::Relaxed), "not ended");
            assert!(!lock(&stream.0).contains(&4), "not written");
        }
    }
}
