//! A process's end of a connection.

use bytes::BytesMut;
use netsvc_core::wire::{Decoder, SendBuffer};

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    /// Index of the connection in the world.
    pub(crate) connection: usize,
    /// 0: the connector's end, 1: the acceptor's.
    pub(crate) side: usize,
    pub(crate) decoder: Decoder,
    pub(crate) buffer: BytesMut,
    pub(crate) batch: SendBuffer,
    /// The decoder failed; the rest is not read.
    pub(crate) deaf: bool,
}
