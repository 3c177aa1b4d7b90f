//! The inbound side of a connection: bytes to messages.

use std::io;

use bytes::{BufMut, BytesMut};
use netsvc_core::wire::{Decoder, Message, WireError};

use crate::socket::{Read, Socket};

/// Read buffer and codec of a connection: one value, so that whoever holds it can read.
pub(crate) struct Reader {
    /// Empty, and without memory, between the turns of an idle link.
    buffer: BytesMut,
    decoder: Decoder,
    /// What the peer sent broke the protocol. The rest is read, so as to see its end, and
    /// dropped.
    failed: bool,
}

/// Bytes read at once, and thus applied under one hold of the registry's mutex; more only for
/// one large frame.
const CHUNK: usize = 64 << 10;

impl Reader {
    pub(crate) fn new(max_payload: usize) -> Self {
        Self { buffer: BytesMut::new(), decoder: Decoder::new(max_payload), failed: false }
    }

    /// Reads once.
    pub(crate) fn fill(&mut self, socket: &Socket) -> io::Result<Read> {
        // The decoder has checked that no frame exceeds the limits. What is reserved at the peer's
        // word is address space only, until bytes arrive.
        let room = self.decoder.needs(&self.buffer).max(CHUNK);
        self.buffer.reserve(room);
        let read = socket.read(&mut (&mut self.buffer).limit(room));
        self.release_if_empty();
        read
    }

    /// Decodes every whole frame. The messages before a broken one count; the error comes once.
    pub(crate) fn decode(&mut self, messages: &mut Vec<Message>) -> Result<(), WireError> {
        let mut result = Ok(());
        while !self.failed {
            match self.decoder.decode(&mut self.buffer) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => {
                    self.failed = true;
                    result = Err(error);
                }
            }
        }
        if self.failed {
            self.buffer.clear();
        }
        self.release_if_empty();
        result
    }

    /// An idle link owns no memory for reading.
    fn release_if_empty(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }
}
