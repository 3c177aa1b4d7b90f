//! A peer that a test drives by hand.

use bytes::BytesMut;
use netsvc_core::wire::{Decoder, Encoder};

/// An end of a connection that the test itself drives, message by message or byte by byte.
#[derive(Debug)]
pub struct Wire {
    pub(crate) connection: usize,
    pub(crate) side: usize,
    pub(crate) encoder: Encoder,
    pub(crate) decoder: Decoder,
    pub(crate) buffer: BytesMut,
}

impl Wire {
    pub(crate) fn new(connection: usize, side: usize) -> Self {
        let (encoder, decoder) = (Encoder::new(7), Decoder::new(netsvc_core::limits::MAX_PAYLOAD));
        Self { connection, side, encoder, decoder, buffer: BytesMut::new() }
    }
}
