//! Bytes in, messages out.

use bytes::{Buf, Bytes, BytesMut};

use super::control;
use super::data::{self, REPORT_FIXED, REQUEST_FIXED, RESPONSE_FIXED};
use super::error::WireError;
use super::extensions;
use super::fragments::Fragments;
use super::frame::{DataKind, HEADER, Header, Kind, MAGIC, MIN_PAYLOAD, PREAMBLE};
use super::message::{Message, VERSION};
use super::symbols::ReceivedSymbols;
use super::views::{self, Front, ReportView, RequestView, ResultView};
use super::write_batch::SEGMENT_FROM;

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

    /// Takes messages off the front of `buffer` and appends them to `messages`, until `most` are
    /// there or no whole frame is left; true in the first case. As [`decode`](Self::decode), but
    /// cheaper by the message. The messages before an error are there.
    ///
    /// Contents are slices that keep what was read together alive. Whoever lets them wait copies
    /// the small ones; what is passed on or told at once is never copied on its way.
    pub fn decode_run(
        &mut self,
        buffer: &mut BytesMut,
        messages: &mut Vec<Message>,
        most: usize,
    ) -> Result<bool, WireError> {
        while messages.len() < most && !self.greeted {
            match self.decode(buffer)? {
                Some(message) => messages.push(message),
                None => return Ok(false),
            }
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        let room = most.saturating_sub(messages.len());
        let (end, frames, result) = self.whole_frames(buffer, room);
        let run = buffer.split_to(end).freeze();
        let result = self.run(&run, messages).and(result);
        self.failed = result.as_ref().err().copied();
        result.map(|()| frames == room)
    }

    /// The body of the message at the front of `bytes`, and the length of its frame; `None`: it is
    /// none of the frequent ones, or large, or not all there, or has to be looked at by
    /// [`decode`](Self::decode).
    ///
    /// Its fields are read by one of the three functions below: returned in one type for all kinds, they would
    /// lie on the stack in pieces (see views.rs).
    #[inline]
    pub(crate) fn front<'a>(&self, bytes: &'a [u8]) -> Option<(Front<'a>, usize)> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        let header = u64::from_le_bytes(*header);
        let (kind, length) = (header as u8, (header >> 32) as usize);
        let plain = header as u32 <= u8::MAX.into() && length <= SEGMENT_FROM.min(self.max_payload);
        if !plain || self.failed.is_some() || !self.greeted {
            return None;
        }
        let body = rest.get(..length)?;
        let front = match DataKind::from_wire(kind)? {
            DataKind::Report => Front::Report(body),
            DataKind::Request => Front::Request(body),
            DataKind::Response => Front::Result(body),
            DataKind::Part | DataKind::Replayed | DataKind::Targeted => return None,
        };
        Some((front, HEADER + length))
    }

    /// Reads the body of a REPORT; `None`: [`decode`](Self::decode) will say why not.
    #[inline]
    pub(crate) fn report<'a>(&'a self, body: &'a [u8]) -> Option<ReportView<'a>> {
        let (fixed, content) = body.split_first_chunk::<REPORT_FIXED>()?;
        views::report_view(*fixed, content, &self.symbols)
    }

    /// Reads the body of a REQUEST; `None`: [`decode`](Self::decode) will say why not.
    #[inline]
    pub(crate) fn request<'a>(&'a self, body: &'a [u8]) -> Option<RequestView<'a>> {
        let (fixed, content) = body.split_first_chunk::<REQUEST_FIXED>()?;
        views::request_view(*fixed, content, &self.symbols)
    }

    /// Reads the body of a RESPONSE that is a result; `None`: it is none, or
    /// [`decode`](Self::decode) will say why not.
    #[inline]
    pub(crate) fn result(body: &[u8]) -> Option<ResultView<'_>> {
        let (fixed, content) = body.split_first_chunk::<RESPONSE_FIXED>()?;
        views::result_view(*fixed, content)
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
            let frame = buffer.split_to(header.frame()).freeze();
            if let Some(message) = self.frame(header, &frame, 0)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Where the last of at most `most` whole frames ends, how many they are, and whether what
    /// follows them can be one.
    fn whole_frames(&self, buffer: &[u8], most: usize) -> (usize, usize, Result<(), WireError>) {
        let (mut end, mut frames) = (0, 0);
        while frames < most
            && let Some(bytes) = buffer.get(end..).and_then(|rest| rest.first_chunk())
        {
            match self.header(*bytes) {
                Ok(header) if buffer.len() - end >= header.frame() => end += header.frame(),
                Ok(_) => break,
                Err(error) => return (end, frames, Err(error)),
            }
            frames += 1;
        }
        (end, frames, Ok(()))
    }

    /// Decodes whole frames whose headers were judged before.
    fn run(&mut self, run: &Bytes, messages: &mut Vec<Message>) -> Result<(), WireError> {
        let mut at = 0;
        while let Some(bytes) = run.get(at..).and_then(|rest| rest.first_chunk()) {
            let header = Header::read(*bytes, self.max_payload)?;
            if header.extensions == 0
                && let Kind::Data(kind) = header.kind
                && let Some(message) = self.plain(kind, run, at + HEADER, at + header.frame())?
            {
                messages.push(message);
                at += header.frame();
                continue;
            }
            if let Some(message) = self.frame(header, run, at)? {
                messages.push(message);
            }
            at += header.frame();
        }
        Ok(())
    }

    fn header(&self, bytes: [u8; HEADER]) -> Result<Header, WireError> {
        let header = Header::read(bytes, self.max_payload)?;
        if header.kind.is_greeting() == self.greeted {
            return Err(WireError::Handshake { frame: header.kind.name() });
        }
        Ok(header)
    }

    /// Decodes the body of one of the most frequent frames; `None`: it is another.
    #[inline]
    fn plain(
        &self,
        kind: DataKind,
        run: &Bytes,
        start: usize,
        end: usize,
    ) -> Result<Option<Message>, WireError> {
        let body = &run[start..end];
        Ok(match kind {
            DataKind::Report => match body.first_chunk() {
                Some(fixed) => {
                    let payload = slice(run, start + REPORT_FIXED, end);
                    let report = data::report(*fixed, payload, Bytes::new(), &self.symbols)?;
                    Some(Message::Report(report))
                }
                None => None,
            },
            DataKind::Request => match body.first_chunk() {
                Some(fixed) => {
                    let payload = slice(run, start + REQUEST_FIXED, end);
                    let request = data::request(*fixed, payload, Bytes::new(), &self.symbols)?;
                    Some(Message::Request(request))
                }
                None => None,
            },
            DataKind::Response => body
                .first_chunk()
                .and_then(|fixed| data::result(*fixed, || slice(run, start + RESPONSE_FIXED, end))),
            DataKind::Part | DataKind::Replayed | DataKind::Targeted => None,
        })
    }

    /// Decodes the frame that begins at `at`, all of which is there.
    #[inline]
    fn frame(
        &mut self,
        header: Header,
        frames: &Bytes,
        at: usize,
    ) -> Result<Option<Message>, WireError> {
        let start = at + HEADER + header.extensions;
        let end = at + header.frame();
        let (extensions, body) = (&frames[at + HEADER..start], &frames[start..end]);
        extensions::check(extensions)?;
        match header.kind {
            Kind::Data(kind) => {
                let fixed = split_fixed(kind, body)?;
                let extensions = Bytes::copy_from_slice(extensions);
                let payload = slice(frames, start + fixed.len(), end);
                data::read(kind, fixed, payload, extensions, &self.symbols).map(Some)
            }
            Kind::Control(kind) => {
                let message = control::read(kind, body, extensions)?;
                if let Message::ProcessGone { process } = message {
                    self.fragments.forget(process);
                }
                Ok(Some(message))
            }
            Kind::Symbol => {
                self.symbols.define(body)?;
                Ok(None)
            }
            Kind::Fragment => {
                let whole = self.fragments.accept(extensions, body, self.max_payload)?;
                let Some(whole) = whole else { return Ok(None) };
                let fixed = split_fixed(whole.kind, &whole.body)?;
                let payload = whole.body.slice(fixed.len()..);
                data::read(whole.kind, fixed, payload, whole.extensions.clone(), &self.symbols)
                    .map(Some)
            }
        }
    }
}

/// A part of `frames`. An empty one would keep all of it alive for nothing.
#[inline]
fn slice(frames: &Bytes, start: usize, end: usize) -> Bytes {
    if start == end { Bytes::new() } else { frames.slice(start..end) }
}

#[inline]
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
