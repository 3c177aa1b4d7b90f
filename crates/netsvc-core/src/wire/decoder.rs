//! Bytes in, messages out.

use bytes::{Buf, Bytes, BytesMut};

use crate::lazy_copy::LazyCopy;

use super::body::control;
use super::body::payload::Payload;
use super::body::report::{self, ReportRef};
use super::body::request::{self, RequestRef};
use super::body::response::{self, ResponseRef};
use super::error::WireError;
use super::extensions;
use super::fragments::{Fragments, Whole};
use super::frame::{DataKind, HEADER, Header, Kind, MAGIC, MIN_PAYLOAD, PREAMBLE};
use super::message::{Message, VERSION};
use super::symbols::link::ReceivedSymbols;

/// Decodes what arrives on one link, from its first byte.
///
/// It owns no buffer: the caller reads into a buffer of its own and hands it over until `decode`
/// wants more. Whatever the peer sends, nothing panics, and no more memory is taken than arrived, but
/// for tables of 100 KiB at most.
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

/// A whole frame where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    kind: Kind,
    extensions: &'a [u8],
    body: &'a [u8],
}

/// What is to be read of a frame by one of the decoder's functions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Front {
    /// By [`Decoder::report`].
    Report,
    /// By [`Decoder::request`].
    Request,
    /// By [`Decoder::response`].
    Response,
    /// By [`Decoder::message`].
    Other,
}

impl Frame<'_> {
    /// Which function reads it. What they return is never one type for all kinds: it would lie on
    /// the stack in pieces (see `words.rs`).
    #[inline]
    pub(crate) fn front(&self) -> Front {
        match self.kind {
            Kind::Data(DataKind::Report) => Front::Report,
            Kind::Data(DataKind::Request) => Front::Request,
            Kind::Data(DataKind::Response) => Front::Response,
            _ => Front::Other,
        }
    }

    /// Bytes of the whole frame.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        HEADER + self.extensions.len() + self.body.len()
    }
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
        let result = self.advance(buffer);
        if let Err(error) = result {
            self.fail(error);
        }
        result
    }

    fn advance(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, WireError> {
        buffer.advance(self.begin(buffer)?);
        while let Some(frame) = self.front(buffer)? {
            let bytes = buffer.split_to(frame.len()).freeze();
            let Some(frame) = self.front(&bytes)? else { break };
            if let Some(message) = self.message(&frame, &LazyCopy::shared(&bytes))? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Reads the preamble if it is to come; returns how many bytes that takes. Garbage is
    /// recognised at its first byte: a peer that speaks something else may be waiting for us.
    pub(crate) fn begin(&mut self, bytes: &[u8]) -> Result<usize, WireError> {
        if self.begun {
            return Ok(0);
        }
        if bytes.iter().zip(MAGIC).any(|(byte, expected)| *byte != expected) {
            return Err(self.fail(WireError::Magic));
        }
        let Some([.., high, low]) = bytes.first_chunk::<PREAMBLE>() else { return Ok(0) };
        let peer = u16::from_be_bytes([*high, *low]);
        if peer != VERSION {
            return Err(self.fail(WireError::Version { peer }));
        }
        self.begun = true;
        Ok(PREAMBLE)
    }

    /// The frame at the front of `bytes`; `None`: not all of it is there. The preamble must have
    /// been taken off.
    #[inline]
    pub(crate) fn front<'a>(&self, bytes: &'a [u8]) -> Result<Option<Frame<'a>>, WireError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Some((header, rest)) = bytes.split_first_chunk().filter(|_| self.begun) else {
            return Ok(None);
        };
        let Header { kind, extensions, body } = self.header(*header)?;
        let Some(rest) = rest.get(..extensions + body) else { return Ok(None) };
        let (extensions, body) = rest.split_at(extensions);
        if !extensions.is_empty() {
            extensions::check(extensions)?;
        }
        Ok(Some(Frame { kind, extensions, body }))
    }

    /// Reads a REPORT. `buffer`: what the frame is a part of.
    #[inline]
    pub(crate) fn report<'a>(
        &'a self,
        frame: &Frame<'a>,
        buffer: &'a LazyCopy<'a>,
    ) -> Result<ReportRef<'a>, WireError> {
        let (fixed, payload) = split(frame, buffer)?;
        report::read(*fixed, payload, &self.symbols)
    }

    /// Reads a REQUEST. `buffer`: what the frame is a part of.
    #[inline]
    pub(crate) fn request<'a>(
        &'a self,
        frame: &Frame<'a>,
        buffer: &'a LazyCopy<'a>,
    ) -> Result<RequestRef<'a>, WireError> {
        let (fixed, payload) = split(frame, buffer)?;
        request::read(*fixed, payload, &self.symbols)
    }

    /// Reads a RESPONSE. `buffer`: what the frame is a part of.
    #[inline]
    pub(crate) fn response<'a>(
        frame: &Frame<'a>,
        buffer: &'a LazyCopy<'a>,
    ) -> Result<ResponseRef<'a>, WireError> {
        let (fixed, payload) = split(frame, buffer)?;
        response::read(*fixed, payload)
    }

    /// Reads any frame; `None`: it concerned the codec alone, or was a part of one to come.
    pub(crate) fn message(
        &mut self,
        frame: &Frame<'_>,
        buffer: &LazyCopy<'_>,
    ) -> Result<Option<Message>, WireError> {
        self.greeted = true;
        match frame.kind {
            Kind::Data(kind) => self.data(kind, frame, buffer).map(Some),
            Kind::Control(kind) => {
                let message = control::read(kind, frame.body, frame.extensions)?;
                if let Message::ProcessGone { process } = message {
                    self.fragments.forget(process);
                }
                Ok(Some(message))
            }
            Kind::Symbol => {
                self.symbols.define(frame.body)?;
                Ok(None)
            }
            Kind::Fragment => {
                let (extensions, body) = (frame.extensions, frame.body);
                let whole = self.fragments.accept(extensions, body, self.max_payload)?;
                let Some(Whole { kind, extensions, body }) = whole else { return Ok(None) };
                let frame = Frame { kind: Kind::Data(kind), extensions: &extensions, body: &body };
                self.data(kind, &frame, &LazyCopy::shared(&body)).map(Some)
            }
        }
    }

    /// What went wrong is final: every later call returns it again.
    pub(crate) fn fail(&mut self, error: WireError) -> WireError {
        *self.failed.get_or_insert(error)
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

    /// The preamble has come, and was right.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Bytes kept between calls: fragmented messages that are not complete, and symbols. Whatever
    /// the peer sends, no more than arrived, and within the limits of both.
    pub fn kept(&self) -> usize {
        self.fragments.bytes() + self.symbols.bytes()
    }

    #[inline]
    fn header(&self, bytes: [u8; HEADER]) -> Result<Header, WireError> {
        let header = Header::read(bytes, self.max_payload)?;
        if header.kind.is_greeting() == self.greeted {
            return Err(WireError::Handshake { frame: header.kind.name() });
        }
        Ok(header)
    }

    /// Reads a frame with content into a message of its own.
    fn data(
        &self,
        kind: DataKind,
        frame: &Frame<'_>,
        buffer: &LazyCopy<'_>,
    ) -> Result<Message, WireError> {
        Ok(match kind {
            DataKind::Report => Message::Report(self.report(frame, buffer)?.keep()),
            DataKind::Request => Message::Request(self.request(frame, buffer)?.keep()),
            DataKind::Response => {
                let ResponseRef { call, outcome, extensions } = Self::response(frame, buffer)?;
                let extensions = Bytes::copy_from_slice(extensions);
                Message::Response { call, outcome: outcome.keep(), extensions }
            }
            DataKind::Part => {
                let (fixed, payload) = split(frame, buffer)?;
                response::read_part(*fixed, payload)?
            }
            DataKind::Targeted => {
                let (fixed, payload) = split(frame, buffer)?;
                report::read_targeted(*fixed, payload, &self.symbols)?
            }
            DataKind::Replayed => {
                let (fixed, payload) = split(frame, buffer)?;
                report::read_replayed(*fixed, payload, &self.symbols)?
            }
        })
    }
}

/// The fixed fields of a data frame, and the rest.
#[inline]
fn split<'a, const FIXED: usize>(
    frame: &Frame<'a>,
    buffer: &'a LazyCopy<'a>,
) -> Result<(&'a [u8; FIXED], Payload<'a>), WireError> {
    let Frame { kind, extensions, body } = *frame;
    match body.split_first_chunk() {
        Some((fixed, content)) => Ok((fixed, Payload { extensions, content, buffer })),
        None => Err(WireError::Truncated { frame: kind.name() }),
    }
}
