//! Any bytes, in any pieces, to a decoder.

use bytes::BytesMut;
use netsvc_core::limits::{MAX_CONTROL, MAX_PAYLOAD, MAX_SUBJECT, MAX_SYMBOLS};
use netsvc_core::wire::{Decoder, Encoder, Message, SendBuffer, WireError};

use super::frames::{drain, framed};
use super::source::Source;

/// Header, extension fields and fixed parts of a frame are together smaller than this.
const FRAME_OVERHEAD: usize = 8 + 8 + 4096 + 64;
/// Fragmented messages that may be unfinished at once.
const UNFINISHED: usize = 64;

/// Feeds bytes to a decoder.
///
/// - Nothing panics, whatever arrives; errors are final.
/// - The pieces in which the bytes arrive make no difference.
/// - It never asks for more than a frame, nor keeps more than its limits allow.
/// - What was decoded can be encoded, and decodes to the same again.
///
/// # Panics
/// If one of these does not hold.
pub fn decoder(data: &[u8]) {
    let mut source = Source::new(data);
    let max_payload = match source.u8() {
        small @ 0..=63 => usize::from(small) * 64,
        64..=127 => 64 << 10,
        128..=191 => 1 << 20,
        192..=253 => MAX_PAYLOAD,
        254 => 0,
        255 => usize::from(source.u16()),
    };
    let pieces = source.u8();
    let framing = source.flag();
    let stream = if framing { framed(&mut source) } else { source.rest().to_vec() };

    let (messages, result) = decode(max_payload, &stream, usize::MAX);
    let size = match pieces {
        0..=3 => 1 + usize::from(pieces),
        _ => usize::from(pieces),
    };
    if stream.len() / size < 1 << 16 {
        let again = decode(max_payload, &stream, size);
        assert_eq!(again, (messages.clone(), result), "pieces of {size} bytes");
    }

    let (mut encoder, mut batch) = (Encoder::new(1), SendBuffer::new());
    for message in &messages {
        encoder.encode(message, &mut batch);
    }
    let (repeated, result) = decode(MAX_PAYLOAD, &drain(&mut batch), usize::MAX);
    assert_eq!(result, Ok(0), "what was encoded cannot be decoded");
    assert_eq!(repeated, messages);
}

/// The messages of a stream that arrives in pieces of `size` bytes, and what is left or went wrong.
fn decode(
    max_payload: usize,
    stream: &[u8],
    size: usize,
) -> (Vec<Message>, Result<usize, WireError>) {
    let most = max_payload.max(MAX_CONTROL) + FRAME_OVERHEAD;
    let kept = max_payload.max(1024) + UNFINISHED * 4096 + MAX_SYMBOLS * MAX_SUBJECT + 64;
    let (mut decoder, mut buffer) = (Decoder::new(max_payload), BytesMut::new());
    let mut messages = Vec::new();
    for piece in stream.chunks(size.min(stream.len()).max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut buffer), Err(error), "errors are final");
                    assert!(!error.reason().message.is_empty());
                    return (messages, Err(error));
                }
            }
        }
        let needs = decoder.needs(&buffer);
        assert!(needs > 0, "nothing decoded although nothing is missing");
        assert!(needs + buffer.len() <= most, "{needs} bytes are more than one frame");
        assert!(decoder.kept() <= kept, "{} bytes are kept", decoder.kept());
    }
    (messages, Ok(buffer.len()))
}
