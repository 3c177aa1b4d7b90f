//! Bytes in, messages out.

use bytes::{Buf, Bytes, BytesMut};

use super::control;
use super::data;
use super::error::WireError;
use super::extensions;
use super::fragments::Fragments;
use super::frame::{DataKind, HEADER, Header, Kind, MAGIC, MAX_FIXED, MIN_PAYLOAD, PREAMBLE};
use super::message::{Message, VERSION};
use super::payload;
use super::symbols::ReceivedSymbols;

/// Decodes what arrives on one link, from its first byte.
///
/// It owns no buffer: the caller reads into a buffer of its own and hands it over until `decode`
/// wants more. Whatever the peer sends, nothing panics, and no more memory is taken than arrived.
#[derive(Debug)]
pub struct Decoder {
    max_payload: usize,
    /// The preamble was read.
    begun: bool,
    /// The first frame, a greeting, was read.
    greeted: bool,
    symbols: ReceivedSymbols,
    fragments: Fragments,
    failed: Option<WireError>,
}

impl Decoder {
    /// A decoder for a new connection that accepts contents of `max_payload` bytes, as announced
    /// in this end's HELLO or WELCOME. Less than 1,024 counts as 1,024.
    pub fn new(max_payload: usize) -> Self {
        Self {
            max_payload: max_payload.max(MIN_PAYLOAD),
            begun: false,
            greeted: false,
            symbols: ReceivedSymbols::default(),
            fragments: Fragments::default(),
            failed: None,
        }
    }

    /// Takes one message off the front of `buffer`.
    ///
    /// `None`: more bytes are needed; `buffer` keeps the part of a frame that is there. An error
    /// is final: what follows has no meaning, and every later call returns it again.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, WireError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.advance(buffer);
        self.failed = result.as_ref().err().copied();
        result
    }

    /// How many bytes are missing, at least, until `decode` gets anywhere after it returned
    /// `None`; never more than one frame. For a large frame this is what to reserve in `buffer`,
    /// so that its content need not be moved.
    pub fn needs(&self, buffer: &[u8]) -> usize {
        let preamble = if self.begun { 0 } else { PREAMBLE };
        let frame = buffer.get(preamble..).and_then(|rest| rest.first_chunk());
        let wanted = match frame.map(|bytes| self.header(*bytes)) {
            Some(Ok(header)) => preamble + header.frame(),
            Some(Err(_)) => 0,
            None => preamble + HEADER,
        };
        wanted.saturating_sub(buffer.len())
    }

    /// Bytes kept between calls: fragmented messages that are not complete, and symbols. Whatever
    /// the peer sends, no more than arrived, and within the limits of both.
    pub fn kept(&self) -> usize {
        self.fragments.bytes() + self.symbols.bytes()
    }

    fn advance(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, WireError> {
        if !self.begun {
            self.begun = read_preamble(buffer)?;
            if !self.begun {
                return Ok(None);
            }
        }
        while let Some(bytes) = buffer.first_chunk() {
            let header = self.header(*bytes)?;
            if buffer.len() < header.frame() {
                break;
            }
            self.greeted = true;
            if let Some(message) = self.frame(header, buffer)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn header(&self, bytes: [u8; HEADER]) -> Result<Header, WireError> {
        let header = Header::read(bytes, self.max_payload)?;
        if header.kind.is_greeting() == self.greeted {
            return Err(WireError::Handshake { frame: header.kind.name() });
        }
        Ok(header)
    }

    /// Takes a frame off the front of `buffer`, all of which is there.
    fn frame(
        &mut self,
        header: Header,
        buffer: &mut BytesMut,
    ) -> Result<Option<Message>, WireError> {
        let start = HEADER + header.extensions;
        let end = header.frame();
        let (extensions, body) = (&buffer[HEADER..start], &buffer[start..end]);
        extensions::check(extensions)?;
        match header.kind {
            Kind::Data(kind) => {
                let fixed = split_fixed(kind, body)?;
                let mut copy = [0; MAX_FIXED];
                let copy = &mut copy[..fixed.len()];
                copy.copy_from_slice(fixed);
                let extensions = Bytes::copy_from_slice(extensions);
                let payload = payload::take(buffer, end, start + kind.fixed());
                data::read(kind, copy, payload, extensions, &self.symbols).map(Some)
            }
            Kind::Control(kind) => {
                let message = control::read(kind, body, extensions)?;
                if let Message::ProcessGone { process } = message {
                    self.fragments.forget(process);
                }
                buffer.advance(end);
                Ok(Some(message))
            }
            Kind::Symbol => {
                self.symbols.define(body)?;
                buffer.advance(end);
                Ok(None)
            }
            Kind::Fragment => {
                let whole = self.fragments.accept(extensions, body, self.max_payload)?;
                buffer.advance(end);
                let Some(whole) = whole else { return Ok(None) };
                let fixed = split_fixed(whole.kind, &whole.body)?;
                let payload = whole.body.slice(fixed.len()..);
                data::read(whole.kind, fixed, payload, whole.extensions.clone(), &self.symbols)
                    .map(Some)
            }
        }
    }
}

fn split_fixed(kind: DataKind, body: &[u8]) -> Result<&[u8], WireError> {
    body.get(..kind.fixed()).ok_or(WireError::Truncated { frame: kind.name() })
}

/// Takes the preamble off `buffer`, if all of it is there. Garbage is recognised at its first
/// byte: a peer that speaks something else may be waiting for us.
fn read_preamble(buffer: &mut BytesMut) -> Result<bool, WireError> {
    if buffer.iter().zip(MAGIC).any(|(byte, expected)| *byte != expected) {
        return Err(WireError::Magic);
    }
    let Some([.., high, low]) = buffer.first_chunk::<PREAMBLE>() else { return Ok(false) };
    let peer = u16::from_be_bytes([*high, *low]);
    if peer != VERSION {
        return Err(WireError::Version { peer });
    }
    buffer.advance(PREAMBLE);
    Ok(true)
}
