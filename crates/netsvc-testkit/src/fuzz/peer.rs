//! A peer of one process that says anything in the right form, and expects the right form.

use bytes::BytesMut;
use netsvc_core::limits::MAX_PAYLOAD;
use netsvc_core::wire::{Decoder, Encoder, Message, SendBuffer};
use netsvc_core::{ConnId, Process, Progress, Time};

use super::frames::drain;

/// One end of a connection; what it says goes through the real codec.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) conn: ConnId,
    encoder: Encoder,
    /// That of the process.
    decoder: Decoder,
    incoming: BytesMut,
    failed: bool,
    /// Its own.
    hearing: Decoder,
    outgoing: BytesMut,
    batch: SendBuffer,
    /// Bytes that it has said and heard.
    pub(super) traffic: u64,
    /// Most of the work that it has caused in one turn.
    pub(super) most_work: usize,
}

impl Peer {
    pub(super) fn new(conn: ConnId, process: &Process) -> Self {
        Self {
            conn,
            encoder: Encoder::new(3),
            decoder: Decoder::new(process.limits().payload),
            incoming: BytesMut::new(),
            failed: false,
            hearing: Decoder::new(MAX_PAYLOAD),
            outgoing: BytesMut::new(),
            batch: SendBuffer::new(),
            traffic: 0,
            most_work: 0,
        }
    }

    /// Says a message.
    pub(super) fn say(&mut self, process: &mut Process, now: Time, message: &Message) {
        let mut batch = SendBuffer::new();
        self.encoder.encode(message, &mut batch);
        self.say_bytes(process, now, &drain(&mut batch));
    }

    /// Says bytes.
    pub(super) fn say_bytes(&mut self, process: &mut Process, now: Time, bytes: &[u8]) {
        self.traffic += bytes.len() as u64;
        if self.failed {
            return process.handle_received(now, self.conn);
        }
        self.incoming.extend_from_slice(bytes);
        loop {
            let (decoder, incoming) = (&mut self.decoder, &mut self.incoming);
            self.failed = process.handle_bytes(now, self.conn, decoder, incoming, None).is_err();
            self.most_work = self.most_work.max(process.work());
            if !process.has_stopped() {
                break;
            }
        }
    }

    /// Takes about `most` bytes, and does not look at them.
    pub(super) fn ignore(&mut self, process: &mut Process, now: Time, most: usize) {
        self.take(process, now, most);
        let all = self.batch.len();
        self.batch.advance(all);
    }

    fn take(&mut self, process: &mut Process, now: Time, most: usize) {
        while self.batch.len() < most
            && process.poll_write(now, self.conn, &mut self.batch, most) == Progress::More
        {}
        self.traffic += self.batch.len() as u64;
        process.handle_written(now, self.conn, 0);
    }

    /// Takes about `most` bytes, and what they say. Whoever reads nothing gets nothing.
    ///
    /// # Panics
    /// If the process does not say something well formed.
    pub(super) fn hear(&mut self, process: &mut Process, now: Time, most: usize) -> Vec<Message> {
        self.take(process, now, most);
        self.outgoing.extend_from_slice(&drain(&mut self.batch));
        let mut heard = Vec::new();
        loop {
            match self.hearing.decode(&mut self.outgoing) {
                Ok(Some(message)) => heard.push(message),
                Ok(None) => return heard,
                Err(error) => panic!("the process said nonsense: {error}, after {heard:?}"),
            }
        }
    }
}
