//! Bytes in, messages out.

use bytes::{Buf, BytesMut};

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

/// Frames of at least this many bytes are worth memory of their own, which their contents then
/// share.
const LARGE: usize = 16 << 10;

/// Decodes what arrives on one link, from its first byte.
///
/// It owns no buffer: the caller reads into a buffer of its own and hands it over until `decode`
/// wants more. Whatever the peer sends, nothing panics, and no more memory is taken than arrived,
/// but for tables of 100 KiB at most.
#[derive(Debug)]
pub struct Decoder {
    max_payload: usize,
    /// The preamble was read.
    begun: bool,
    stage: Stage,
    /// Bodies of so many bytes are not plain; 0 before the peer is admitted, and once something
    /// is wrong.
    plain_below: usize,
    symbols: ReceivedSymbols,
    fragments: Fragments,
    failed: Option<Box<WireError>>,
}

/// How far the greeting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The first frame, a greeting, is to come.
    Greeting,
    /// It was read, and is not answered: the peer may only say goodbye, and nothing is kept for it.
    Unanswered,
    /// Everything but a greeting may come.
    Admitted,
}

/// A whole frame where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    kind: Kind,
    extensions: &'a [u8],
    body: &'a [u8],
}

/// A whole frame with content that is read by a function of its own. What those return is never
/// one type for all kinds: it would lie on the stack in pieces (see `words.rs`).
#[derive(Clone, Copy, Debug)]
pub(crate) enum DataFrame<'a> {
    /// By [`Decoder::report`].
    Report(Frame<'a>),
    /// By [`Decoder::request`].
    Request(Frame<'a>),
    /// By [`Decoder::result`], or else by [`Decoder::response`].
    Response(Frame<'a>),
}

impl<'a> DataFrame<'a> {
    #[inline]
    fn frame(&self) -> &Frame<'a> {
        match self {
            Self::Report(frame) | Self::Request(frame) | Self::Response(frame) => frame,
        }
    }
}

impl<'a> Frame<'a> {
    /// Bytes of the whole frame.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        HEADER + self.extensions.len() + self.body.len()
    }

    /// It is worth memory of its own.
    pub(crate) fn is_large(&self) -> bool {
        self.len() >= LARGE
    }

    /// The same frame, if it is read by a function of its own.
    #[inline]
    pub(crate) fn data(&self) -> Option<DataFrame<'a>> {
        match self.kind {
            Kind::Data(DataKind::Report) => Some(DataFrame::Report(*self)),
            Kind::Data(DataKind::Request) => Some(DataFrame::Request(*self)),
            Kind::Data(DataKind::Response) => Some(DataFrame::Response(*self)),
            _ => None,
        }
    }
}

impl Decoder {
    /// A decoder for a new connection that accepts contents of `max_payload` bytes, as announced
    /// in this end's HELLO or WELCOME. Less than 1,024 counts as 1,024.
    pub fn new(max_payload: usize) -> Self {
        Self {
            max_payload: max_payload.max(MIN_PAYLOAD),
            begun: false,
            stage: Stage::Greeting,
            plain_below: 0,
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
            let message = self.message(&frame, &LazyCopy::shared(&bytes))?;
            // Whoever takes message by message judges the greeting himself.
            if self.is_unanswered() {
                self.admit();
            }
            if let Some(message) = message {
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
    pub(crate) fn front<'a>(&self, bytes: &'a [u8]) -> Result<Option<Frame<'a>>, WireError> {
        if let Some(error) = &self.failed {
            return Err(**error);
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

    /// As [`front`](Self::front), of what nearly all frames are: small, with content, and without
    /// extension fields. `None`: ask `front`.
    #[inline]
    pub(crate) fn plain_front<'a>(&self, bytes: &'a [u8]) -> Option<DataFrame<'a>> {
        let (header, rest) = bytes.split_first_chunk()?;
        let header = u64::from_le_bytes(*header);
        let size = (header >> 32) as usize;
        let body = rest.get(..size).filter(|_| size < self.plain_below)?;
        // Flags, or extension fields, would make it more than the kind.
        let kind = match header as u32 {
            0x50 => DataKind::Report,
            0x40 => DataKind::Request,
            0x41 => DataKind::Response,
            _ => return None,
        };
        Frame { kind: Kind::Data(kind), extensions: &[], body }.data()
    }

    /// Bytes of all whole frames at the front of `bytes`, up to one that is broken.
    pub(crate) fn whole_frames(&self, bytes: &[u8]) -> usize {
        let mut whole = 0;
        loop {
            let rest = &bytes[whole..];
            whole += match self.plain_front(rest) {
                Some(data) => data.frame().len(),
                None => match self.front(rest) {
                    Ok(Some(frame)) => frame.len(),
                    _ => return whole,
                },
            };
        }
    }

    /// Reads a REPORT. `buffer`: what the frame is a part of. `None`: [`fault`](Self::fault) says
    /// why not.
    #[allow(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(crate) fn report<'a>(
        &'a self,
        frame: &Frame<'a>,
        buffer: &'a LazyCopy<'a>,
    ) -> Option<ReportRef<'a>> {
        let (fixed, payload) = split(frame, buffer)?;
        report::read(*fixed, payload, &self.symbols)
    }

    /// Reads a REQUEST, like [`report`](Self::report).
    #[allow(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(crate) fn request<'a>(
        &'a self,
        frame: &Frame<'a>,
        buffer: &'a LazyCopy<'a>,
    ) -> Option<RequestRef<'a>> {
        let (fixed, payload) = split(frame, buffer)?;
        request::read(*fixed, payload, &self.symbols)
    }

    /// Reads a RESPONSE with a handler's result. `None`: [`response`](Self::response) reads it.
    #[allow(clippy::inline_always, reason = "the path of every response")]
    #[inline(always)]
    pub(crate) fn result<'a>(
        frame: &Frame<'a>,
        buffer: &'a LazyCopy<'a>,
    ) -> Option<ResponseRef<'a>> {
        let (fixed, payload) = split(frame, buffer)?;
        response::read_result(*fixed, payload)
    }

    /// Reads any RESPONSE.
    pub(crate) fn response<'a>(
        frame: &Frame<'a>,
        buffer: &'a LazyCopy<'a>,
    ) -> Result<ResponseRef<'a>, WireError> {
        match split(frame, buffer) {
            Some((fixed, payload)) => response::read(*fixed, payload),
            None => Err(WireError::Truncated { frame: frame.kind.name() }),
        }
    }

    /// What is wrong with a frame that could not be read.
    #[cold]
    pub(crate) fn fault(&self, frame: &Frame<'_>) -> WireError {
        let fault = match frame.kind {
            Kind::Data(DataKind::Request) => {
                frame.body.first_chunk().map(|fixed| request::fault(*fixed, &self.symbols))
            }
            Kind::Data(kind) => {
                // Of the frames with a report its fields are the last.
                let fixed = frame.body.get(..kind.fixed()).and_then(|fixed| fixed.last_chunk());
                fixed.map(|fixed| report::fault(*fixed, &self.symbols))
            }
            _ => None,
        };
        fault.unwrap_or(WireError::Truncated { frame: frame.kind.name() })
    }

    /// Reads any frame; `None`: it concerned the codec alone, or was a part of one to come.
    pub(crate) fn message(
        &mut self,
        frame: &Frame<'_>,
        buffer: &LazyCopy<'_>,
    ) -> Result<Option<Message>, WireError> {
        if self.stage == Stage::Greeting {
            self.stage = Stage::Unanswered;
        }
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

    /// The greeting was read, and the peer is not [admitted](Self::admit) yet.
    #[inline]
    pub(crate) fn is_unanswered(&self) -> bool {
        self.stage == Stage::Unanswered
    }

    /// The greeting was taken and answered: from now on frames of all kinds may come.
    #[cold]
    pub(crate) fn admit(&mut self) {
        self.stage = Stage::Admitted;
        self.plain_below = LARGE.min(self.max_payload);
    }

    /// What went wrong is final: every later call returns it again.
    pub(crate) fn fail(&mut self, error: WireError) -> WireError {
        self.plain_below = 0;
        **self.failed.get_or_insert_with(|| Box::new(error))
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
        let fits = match self.stage {
            Stage::Greeting => header.kind.is_greeting(),
            Stage::Unanswered => header.kind.is_goodbye(),
            Stage::Admitted => !header.kind.is_greeting(),
        };
        if !fits {
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
        let message = match kind {
            DataKind::Report => {
                self.report(frame, buffer).map(|report| Message::Report(report.keep()))
            }
            DataKind::Request => {
                self.request(frame, buffer).map(|request| Message::Request(request.keep()))
            }
            DataKind::Response => return Ok(Self::response(frame, buffer)?.keep()),
            DataKind::Part => match split(frame, buffer) {
                Some((fixed, payload)) => return response::read_part(*fixed, payload),
                None => None,
            },
            DataKind::Targeted => split(frame, buffer)
                .and_then(|(fixed, payload)| report::read_targeted(*fixed, payload, &self.symbols)),
            DataKind::Replayed => split(frame, buffer)
                .and_then(|(fixed, payload)| report::read_replayed(*fixed, payload, &self.symbols)),
        };
        message.ok_or_else(|| self.fault(frame))
    }
}

/// The fixed fields of a data frame, and the rest; `None`: it is too short.
#[inline]
fn split<'a, const FIXED: usize>(
    frame: &Frame<'a>,
    buffer: &'a LazyCopy<'a>,
) -> Option<(&'a [u8; FIXED], Payload<'a>)> {
    let (fixed, content) = frame.body.split_first_chunk()?;
    Some((fixed, Payload { extensions: frame.extensions, content, buffer }))
}
