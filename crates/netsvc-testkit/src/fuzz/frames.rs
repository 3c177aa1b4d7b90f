//! Bytes of frames, right and wrong.

use std::io::IoSlice;

use netsvc_core::wire::SendBuffer;

use super::source::Source;

/// What begins either direction.
pub(super) const PREAMBLE: [u8; 8] = *b"netsvc\0\x01";
/// Every kind of frame of version 1, and two that do not exist.
const KINDS: [u8; 34] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11, 0x20, 0x21, 0x22, 0x23, 0x24,
    0x25, 0x30, 0x31, 0x32, 0x33, 0x34, 0x40, 0x41, 0x42, 0x43, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55,
    0x00, 0x7f,
];

/// Bytes of a direction that are frames as a whole, whatever they contain: so that a fuzzer need
/// not find lengths that fit.
pub(super) fn framed(source: &mut Source<'_>) -> Vec<u8> {
    let mut bytes = PREAMBLE.to_vec();
    while !source.is_empty() && bytes.len() < 1 << 20 {
        let kind = KINDS[source.below(KINDS.len())];
        let extensions = match source.u8() {
            0..=191 => Vec::new(),
            len => field(source, len),
        };
        let mut body = source.u8().into();
        if body == 255 {
            body = usize::from(source.u16());
        }
        let body = source.take(body);
        bytes.push(kind);
        bytes.push(u8::from(source.u8() == 255));
        bytes.extend_from_slice(&(extensions.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&extensions);
        bytes.extend_from_slice(body);
    }
    bytes
}

fn field(source: &mut Source<'_>, len: u8) -> Vec<u8> {
    let bytes = source.take(usize::from(len % 16));
    let id = u16::from(source.u8());
    [&id.to_le_bytes()[..], &(bytes.len() as u16).to_le_bytes(), bytes].concat()
}

/// All bytes of a batch.
pub(super) fn drain(batch: &mut SendBuffer) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(batch.len());
    while !batch.is_empty() {
        let mut slices = [IoSlice::new(&[]); 16];
        let used = batch.slices(&mut slices);
        let before = bytes.len();
        slices[..used].iter().for_each(|slice| bytes.extend_from_slice(slice));
        let written = bytes.len() - before;
        batch.advance(written);
    }
    bytes
}
