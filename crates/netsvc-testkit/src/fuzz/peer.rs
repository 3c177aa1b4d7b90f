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
        if self.failed {
            return process.handle_received(now, self.conn);
        }
        self.incoming.extend_from_slice(bytes);
        let (decoder, incoming) = (&mut self.decoder, &mut self.incoming);
        self.failed = process.handle_bytes(now, self.conn, decoder, incoming, None).is_err();
    }

    /// Takes about `most` bytes, and what they say. Whoever reads nothing gets nothing.
    ///
    /// # Panics
    /// If the process does not say something well formed.
    pub(super) fn hear(&mut self, process: &mut Process, now: Time, most: usize) -> Vec<Message> {
        while self.batch.len() < most
            && process.poll_write(now, self.conn, &mut self.batch, most) == Progress::More
        {}
        self.outgoing.extend_from_slice(&drain(&mut self.batch));
        process.handle_written(now, self.conn, 0);
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
