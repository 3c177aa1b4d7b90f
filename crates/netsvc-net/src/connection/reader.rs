//! The inbound side of a connection: bytes to messages.

use std::{io, mem};

use bytes::{BufMut, Bytes, BytesMut};
use netsvc_core::wire::{Decoder, WireError};
use netsvc_core::{ConnId, Process, Sink, Time};

use crate::scratch;
use crate::transport::stream::{Read, Stream};

/// Read buffer and codec of a connection: one value, so that whoever holds it can read.
pub(crate) struct Reader {
    /// What was read and is not decoded: empty, and without memory, between the turns of an idle
    /// link; the beginning of a frame, or (while reading) all of a thread's scratch memory.
    buffer: BytesMut,
    /// Instead of `buffer`: the beginning of a large frame, with room for more of it.
    large: Vec<u8>,
    /// So many bytes, instead of `buffer`, lie in the thread's memory, to be applied next.
    lying: usize,
    decoder: Decoder,
    /// What the peer sent broke the protocol. The rest is read, so as to see its end, and
    /// dropped.
    failed: bool,
    /// Whole frames are left in `buffer`: their sender's turn was over.
    waits: bool,
    /// Bytes that the core knows of.
    told: usize,
}

/// Bytes read at once, and thus applied under one hold of the registry's mutex; more only for
/// one large frame.
const CHUNK: usize = 64 << 10;
/// Beginnings of frames up to this size are copied out of the scratch memory between reads.
const SMALL: usize = 8 << 10;
/// Room for a large frame that is made at the peer's word: enough for a content of the default
/// limit. More is made as more of the frame arrives.
const ANNOUNCED: usize = (1 << 20) + (64 << 10);
/// The core is told of what is held in steps of so many bytes: most links hold less.
const STEP: usize = 64 << 10;

impl Reader {
    pub(crate) fn new(max_payload: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            large: Vec::new(),
            lying: 0,
            decoder: Decoder::new(max_payload),
            failed: false,
            waits: false,
            told: 0,
        }
    }

    /// Something was read that is to be [applied](Self::apply) before more is read, when others
    /// have had their turn.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Reads once, `share` bytes at most unless it is the rest of a frame. What it brings is to be
    /// [applied](Self::apply) by the same thread, before that reads anything else.
    pub(crate) fn fill(&mut self, stream: &dyn Stream, share: usize) -> io::Result<Read> {
        if !self.large.is_empty() {
            self.make_room(self.decoder.needs(&self.large))?;
            return stream.read_spare(&mut self.large);
        }
        // The decoder has checked that no frame exceeds the limits.
        let needs = self.decoder.needs(&self.buffer);
        if needs > CHUNK {
            self.make_room(self.buffer.len() + needs)?;
            let begun = mem::take(&mut self.buffer);
            self.large.extend_from_slice(&begun);
            if begun.len() > SMALL {
                scratch::keep_buffer(begun);
            }
            return stream.read_spare(&mut self.large);
        }
        let room = needs.max(share.min(CHUNK));
        if !stream.reads_buffers_directly()
            && let Some(read) = self.fill_slice(stream, room)
        {
            return read;
        }
        if self.buffer.len() <= SMALL {
            let begun = mem::replace(&mut self.buffer, scratch::take_buffer());
            self.buffer.reserve(begun.len() + room);
            self.buffer.extend_from_slice(&begun);
        } else {
            self.buffer.reserve(room);
        }
        let read = stream.read_buffer(&mut (&mut self.buffer).limit(room));
        if read.is_err() {
            self.release(false);
        }
        read
    }

    /// Makes room for more of a large frame, if there is none. `needs`: bytes that are missing.
    ///
    /// It doubles, so that copying costs no more than arriving did. `OutOfMemory`: to be
    /// [refused](Self::refuse).
    fn make_room(&mut self, needs: usize) -> io::Result<()> {
        let begun = self.large.len();
        if begun < self.large.capacity() {
            return Ok(());
        }
        let more = needs.min(begun.max(ANNOUNCED));
        self.large.try_reserve_exact(more).map_err(|_| io::ErrorKind::OutOfMemory.into())
    }

    /// There is no memory for what the peer sends: its link ends, nothing else.
    ///
    /// False: the peer's link has ended already.
    pub(crate) fn refuse(&mut self, process: &mut Process, now: Time, conn: ConnId) -> bool {
        if mem::replace(&mut self.failed, true) {
            return false;
        }
        let begun = if self.large.is_empty() { &self.buffer[..] } else { &self.large[..] };
        let error = WireError::Memory { bytes: begun.len() + self.decoder.needs(begun) };
        (self.large, self.buffer) = (Vec::new(), BytesMut::new());
        process.handle_wire_error(now, conn, &error);
        true
    }

    /// Nothing more will be read: it owns no memory any more.
    pub(crate) fn end(&mut self) {
        *self = Self { failed: true, ..Self::new(0) };
    }

    /// Reads once into the thread's memory, behind what is begun. `None`: that is too much to be
    /// copied there and back with each read.
    fn fill_slice(&mut self, stream: &dyn Stream, room: usize) -> Option<io::Result<Read>> {
        let begun = self.buffer.len();
        if begun > SMALL {
            return None;
        }
        let read = scratch::with_bytes(|bytes| {
            let end = bytes.get_mut(begun..begun + room)?;
            let read = stream.read(end);
            if let Ok(Read { count: 1.., .. }) = read {
                bytes[..begun].copy_from_slice(&self.buffer);
            }
            Some(read)
        })?;
        if let Ok(Read { count: count @ 1.., .. }) = read {
            self.buffer = BytesMut::new();
            self.lying = begun + count;
        }
        Some(read)
    }

    /// Applies what lies in the thread's memory, as far as that needs no memory of its own; keeps
    /// the rest. False: nothing is left but the beginning of a frame.
    fn apply_slice(
        &mut self,
        process: &mut Process,
        now: Time,
        conn: ConnId,
        sink: Option<&mut (dyn Sink + '_)>,
    ) -> bool {
        let lying = mem::take(&mut self.lying);
        scratch::with_bytes(|bytes| {
            let bytes = &bytes[..lying];
            let Ok(applied) = process.handle_front(now, conn, &mut self.decoder, bytes, sink)
            else {
                self.failed = true;
                return false;
            };
            let rest = &bytes[applied..];
            // A preamble is looked at byte by byte.
            let has_begun = self.decoder.has_begun();
            if has_begun && self.decoder.needs(rest) > 0 && rest.len() <= SMALL {
                self.buffer = BytesMut::from(rest);
                return false;
            }
            self.buffer = scratch::take_buffer();
            self.buffer.extend_from_slice(rest);
            true
        })
    }

    /// Applies every whole frame, as far as a turn [goes](Self::waits). What follows a broken one
    /// is dropped.
    pub(crate) fn apply(
        &mut self,
        process: &mut Process,
        now: Time,
        conn: ConnId,
        sink: Option<&mut (dyn Sink + '_)>,
    ) {
        self.apply_whole(process, now, conn, sink);
        let held = self.large.capacity() + self.buffer.len() + self.decoder.kept();
        if held / STEP != self.told / STEP {
            self.told = held;
            process.handle_arriving(conn, held);
        }
    }

    fn apply_whole(
        &mut self,
        process: &mut Process,
        now: Time,
        conn: ConnId,
        mut sink: Option<&mut (dyn Sink + '_)>,
    ) {
        self.waits = false;
        if self.lying > 0 && !self.failed {
            let sink = sink.as_deref_mut();
            if !self.apply_slice(process, now, conn, sink) {
                return;
            }
            self.waits = process.has_stopped();
            if self.waits {
                return;
            }
        }
        let large = !self.large.is_empty();
        if large {
            if self.decoder.needs(&self.large) > 0 {
                return process.handle_received(now, conn);
            }
            // Neither of the two copies.
            self.buffer = Bytes::from(mem::take(&mut self.large)).into();
        }
        if self.failed {
            process.handle_received(now, conn);
            self.buffer.clear();
            self.lying = 0;
        } else {
            let (decoder, buffer) = (&mut self.decoder, &mut self.buffer);
            self.failed = process.handle_bytes(now, conn, decoder, buffer, sink).is_err();
            self.waits = !self.failed && process.has_stopped();
        }
        self.release(large);
    }

    /// A link between two reads owns no memory, or little. `large`: what it had is not the
    /// thread's.
    fn release(&mut self, large: bool) {
        if self.buffer.len() <= SMALL {
            let begun = BytesMut::from(&self.buffer[..]);
            let done = mem::replace(&mut self.buffer, begun);
            if !large {
                scratch::keep_buffer(done);
            }
        }
    }
}
