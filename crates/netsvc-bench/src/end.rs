//! One process with its connections, bytes in and bytes out.

use std::io::IoSlice;

use bytes::BytesMut;
use netsvc_core::wire::{Decoder, SendBuffer};
use netsvc_core::{Action, Config, ConnId, Event, Limits, Process, ProcessSecret, Sink, Time};

/// Bytes that one call moves, as the sockets' side does.
const CHUNK: usize = 64 << 10;

/// One process and its ends of connections.
#[derive(Debug)]
pub struct End {
    /// The process.
    pub process: Process,
    conns: Vec<Conn>,
}

#[derive(Debug)]
struct Conn {
    id: ConnId,
    decoder: Decoder,
    received: BytesMut,
    batch: SendBuffer,
}

impl End {
    /// A process that is `number` to the others.
    pub fn new(number: u8, now: Time) -> Self {
        let config = Config {
            secret: ProcessSecret::new([number; 32]),
            label: format!("process {number}").into(),
            limits: Limits::default(),
            seed: number.into(),
        };
        Self { process: Process::new(config, now), conns: Vec::new() }
    }

    /// A new connection; returns its index here.
    pub(crate) fn add(&mut self, id: ConnId) -> usize {
        self.conns.push(Conn {
            id,
            decoder: Decoder::new(1 << 20),
            received: BytesMut::new(),
            batch: SendBuffer::new(),
        });
        self.conns.len() - 1
    }

    /// The connection that the process wants opened.
    pub(crate) fn wants_open(&mut self) -> Option<ConnId> {
        std::iter::from_fn(|| self.process.poll_action()).find_map(|action| match action {
            Action::Open { conn, .. } => Some(conn),
            Action::Close { .. } | Action::Pause { .. } | Action::Resume { .. } => None,
        })
    }

    /// Bytes for a connection, as they come from a socket.
    pub fn receive(&mut self, conn: usize, bytes: &[u8]) {
        self.conns[conn].received.extend_from_slice(bytes);
    }

    /// Applies everything received; what the application is told waits to be drained.
    #[inline(never)]
    pub fn apply(&mut self, now: Time) {
        for Conn { id, decoder, received, .. } in &mut self.conns {
            loop {
                let applied = self.process.handle_bytes(now, *id, decoder, received, None);
                debug_assert!(applied.is_ok());
                if !self.process.has_stopped() {
                    break;
                }
            }
        }
    }

    /// Applies everything received; `sink` is told at once what can be told so.
    #[inline(never)]
    pub(crate) fn apply_telling(&mut self, now: Time, sink: &mut impl Sink) {
        for Conn { id, decoder, received, .. } in &mut self.conns {
            let applied = self.process.handle_bytes(now, *id, decoder, received, Some(sink));
            debug_assert!(applied.is_ok());
        }
    }

    /// Encodes everything to be sent.
    #[inline(never)]
    pub fn encode(&mut self, now: Time) {
        while let Some(conn) = self.process.poll_dirty() {
            let Some(Conn { batch, .. }) = self.conns.iter_mut().find(|known| known.id == conn)
            else {
                continue;
            };
            let _more_or_drained = self.process.poll_write(now, conn, batch, usize::MAX);
            self.process.handle_written(now, conn, 0);
        }
    }

    /// Takes what was encoded for a connection, in pieces of at most 64 KiB.
    pub fn take(&mut self, conn: usize, mut put: impl FnMut(&[u8])) {
        let batch = &mut self.conns[conn].batch;
        while !batch.is_empty() {
            let mut slices = [IoSlice::new(&[]); 64];
            let used = batch.slices(&mut slices);
            let mut taken = 0;
            for slice in &slices[..used] {
                slice.chunks(CHUNK).for_each(&mut put);
                taken += slice.len();
            }
            batch.advance(taken);
        }
    }

    /// Hands every delivery to `told`.
    #[inline(never)]
    pub fn drain(&mut self, now: Time, mut told: impl FnMut(&mut Process, Event)) {
        while let Some(event) = self.process.poll_event(now) {
            told(&mut self.process, event);
        }
    }
}
