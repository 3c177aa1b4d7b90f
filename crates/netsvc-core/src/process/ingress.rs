//! What arrives, as bytes: frame by frame, each where it lies.

use bytes::{Buf, BytesMut};

use crate::delivery::sink::{NoSink, Sink};
use crate::ids::{ConnId, ExchangeId, LinkId, ServiceNo};
use crate::lazy_copy::LazyCopy;
use crate::links::phase::Phase;
use crate::process::Process;
use crate::reason::Reason;
use crate::reports::origin::Origin;
use crate::time::Time;
use crate::wire::{DataFrame, Decoder, Frame, Report, ReportRef, WireError};

/// The link over which frames arrive, while it is in use, and what was looked up for the last.
struct Arrival {
    link: LinkId,
    exchange: ExchangeId,
    /// Reports of one service come in bursts.
    last: Option<Publisher>,
}

/// The service whose report arrived.
#[derive(Clone, Copy)]
struct Publisher {
    /// The peer's number of it, and ours.
    peer_no: u32,
    no: ServiceNo,
    /// Whether anybody beyond this process wants its reports, and when that was asked.
    wanted_beyond: bool,
    epoch: u64,
}

impl Process {
    /// Bytes arrived on a connection: applies every whole frame at the front of `buffer`.
    ///
    /// `sink` gets what is for the application, as long as it has room and nothing that came
    /// before waits as an event. An error comes after everything before the broken frame was
    /// applied; what follows has no meaning and was dropped. Whole frames are left if it
    /// [has stopped](Self::has_stopped).
    pub fn handle_bytes(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        buffer: &mut BytesMut,
        sink: Option<&mut (dyn Sink + '_)>,
    ) -> Result<(), WireError> {
        let applied = self.apply_buffer(now, conn, decoder, buffer, sink);
        if applied.is_err() {
            buffer.clear();
        }
        applied
    }

    fn apply_buffer(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        buffer: &mut BytesMut,
        mut sink: Option<&mut (dyn Sink + '_)>,
    ) -> Result<(), WireError> {
        loop {
            // Most of the frames have to be kept: where they lie, then.
            if sink.is_none() && self.deliveries.last_was_kept {
                let whole = decoder.whole_frames(buffer);
                if whole > 0 {
                    self.deliveries.last_was_kept =
                        self.apply_shared(now, conn, decoder, buffer, whole, None)?;
                    if self.has_stopped() {
                        return Ok(());
                    }
                }
            }
            let applied = self.handle_front(now, conn, decoder, buffer, sink.as_deref_mut())?;
            buffer.advance(applied);
            let Ok(Some(frame)) = decoder.front(buffer) else { return Ok(()) };
            if self.has_stopped() {
                return Ok(());
            }
            // A large frame was left: its content is shared instead of copied.
            let len = frame.len();
            self.apply_shared(now, conn, decoder, buffer, len, sink.as_deref_mut())?;
            if self.has_stopped() {
                return Ok(());
            }
        }
    }

    /// Applies whole frames, the first `len` bytes of a buffer, without copying what has to be
    /// kept. Returns whether anything was.
    fn apply_shared(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        buffer: &mut BytesMut,
        len: usize,
        sink: Option<&mut (dyn Sink + '_)>,
    ) -> Result<bool, WireError> {
        let frames = buffer.split_to(len).freeze();
        let applied = self.apply(now, conn, decoder, &LazyCopy::shared(&frames), sink)?;
        if applied < len {
            // They are not many bytes, and this follows much work.
            let mut rest = BytesMut::from(&frames[applied..]);
            rest.unsplit(std::mem::take(buffer));
            *buffer = rest;
        }
        let kept = !frames.is_unique();
        self.deliveries.applied(kept);
        Ok(kept)
    }

    /// Whether the last `handle_bytes` or `handle_front` left whole frames unapplied, because its
    /// peer has caused as much work as it may at once
    /// ([`TURN_STEPS`](crate::limits::TURN_STEPS)): other connections come first, then the rest is
    /// to be given to it again.
    #[inline]
    pub fn has_stopped(&self) -> bool {
        self.links.has_stopped()
    }

    /// Steps that the last `handle_bytes` or `handle_front` took beyond what the size of its
    /// messages pays for.
    pub fn work(&self) -> usize {
        self.links.work()
    }

    /// As [`handle_bytes`](Self::handle_bytes), of bytes that somebody writes again. Returns how
    /// many bytes that was: the rest is the beginning of a frame, or a large one, for
    /// `handle_bytes`.
    pub fn handle_front(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        bytes: &[u8],
        sink: Option<&mut (dyn Sink + '_)>,
    ) -> Result<usize, WireError> {
        let copy = LazyCopy::of(bytes);
        let applied = self.apply(now, conn, decoder, &copy, sink);
        if applied != Ok(0) {
            self.deliveries.last_was_kept = copy.is_shared();
            self.deliveries.applied(copy.is_shared());
        }
        applied
    }

    /// Bytes arrived on a connection, but no whole frame: the peer is alive.
    pub fn handle_received(&mut self, now: Time, conn: ConnId) {
        self.links.handle_received(now, conn);
    }

    /// So many bytes of unfinished messages and symbols of the peer are held for a connection.
    #[cold]
    pub fn handle_arriving(&mut self, conn: ConnId, bytes: usize) {
        if let Some(link) = self.links.link_of(conn) {
            self.links.note_arriving(link, bytes);
            self.links.relieve();
        }
    }

    /// Applies every whole frame at the front of `buffer`, up to a large one whose content would
    /// have to be copied.
    fn apply(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        buffer: &LazyCopy<'_>,
        sink: Option<&mut (dyn Sink + '_)>,
    ) -> Result<usize, WireError> {
        let link = self.links.handle_received(now, conn);
        self.links.end_batch();
        self.links.begin_turn(link);
        let applied = match sink.filter(|_| self.tells_at_once) {
            Some(sink) => self.apply_frames(now, conn, decoder, buffer, sink),
            None => self.apply_frames(now, conn, decoder, buffer, &mut NoSink),
        };
        self.links.settle(now);
        if let Err(error) = applied {
            self.handle_wire_error(now, conn, &decoder.fail(error));
        }
        applied
    }

    fn apply_frames(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        buffer: &LazyCopy<'_>,
        sink: &mut (dyn Sink + '_),
    ) -> Result<usize, WireError> {
        let bytes = buffer.bytes();
        let mut applied = decoder.begin(bytes)?;
        if applied > 0 {
            self.links.note_preamble(conn);
        }
        let mut arrival = self.arrival(conn);
        loop {
            let rest = &bytes[applied..];
            let (Some(frame), Some(arriving)) = (decoder.plain_front(rest), &mut arrival) else {
                match self.apply_other(now, conn, decoder, buffer, rest, sink)? {
                    0 if self.has_stopped() => return Ok(applied - self.links.left()),
                    0 => return Ok(applied),
                    other => applied += other,
                }
                // It may have ended, or begun to be in use.
                arrival = self.arrival(conn);
                continue;
            };
            applied += self.apply_data(now, arriving, decoder, buffer, frame, rest.len(), sink)?;
        }
    }

    /// Applies the frame at the front of `rest`, whatever it is. Returns how many bytes that was;
    /// 0: there is no whole frame, or a large one whose content would have to be copied.
    #[inline(never)] // Kept out of the way of plain frames.
    fn apply_other(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        buffer: &LazyCopy<'_>,
        rest: &[u8],
        sink: &mut (dyn Sink + '_),
    ) -> Result<usize, WireError> {
        // Its greeting may have been answered since the last frame.
        if decoder.is_unanswered() && self.arrival(conn).is_some() {
            decoder.admit();
        }
        let Some(frame) = decoder.front(rest)? else { return Ok(0) };
        if frame.is_large() && !buffer.is_shared() {
            return Ok(0);
        }
        let mut arrival = self.arrival(conn);
        if let (Some(data), Some(arrival)) = (frame.data(), &mut arrival) {
            return self.apply_data(now, arrival, decoder, buffer, data, rest.len(), sink);
        }
        if let Some(message) = decoder.message(&frame, buffer)? {
            self.links.end_batch();
            match arrival {
                Some(arrival) => {
                    self.handle_message(now, arrival.link, message);
                    if self.links.ends_turn(arrival.link, rest.len() - frame.len()) {
                        return Ok(rest.len());
                    }
                }
                None => self.handle_early(now, conn, message),
            }
        }
        Ok(frame.len())
    }

    /// Applies a frame with content, where it lies. `left`: bytes from its beginning on. Returns
    /// how many bytes it was; all that are left if it ended the link, or its turn.
    #[allow(clippy::inline_always, reason = "the path of every message")]
    #[allow(clippy::too_many_arguments, reason = "inlined")]
    #[inline(always)]
    fn apply_data(
        &mut self,
        now: Time,
        arrival: &mut Arrival,
        decoder: &Decoder,
        buffer: &LazyCopy<'_>,
        frame: DataFrame<'_>,
        left: usize,
        sink: &mut (dyn Sink + '_),
    ) -> Result<usize, WireError> {
        match frame {
            DataFrame::Report(frame) => {
                let Some(report) = decoder.report(&frame, buffer) else {
                    return Err(decoder.fault(&frame));
                };
                let over = self.handle_report(now, arrival, &report, left, sink);
                if over && self.links.ends_turn(arrival.link, left - frame.len()) {
                    return Ok(left);
                }
                Ok(frame.len())
            }
            DataFrame::Request(frame) => {
                let Some(request) = decoder.request(&frame, buffer) else {
                    return Err(decoder.fault(&frame));
                };
                let result = self.router().handle_request(now, arrival.link, &request, sink);
                // What follows on a link that has ended has no meaning. A provider of a name may
                // have been looked for among very many.
                let stays = self.judge(now, arrival.link, result)
                    && !self.links.ends_turn(arrival.link, left - frame.len());
                Ok(if stays { frame.len() } else { left })
            }
            DataFrame::Response(frame) => {
                if let Some(result) = Decoder::result(&frame, buffer) {
                    self.router().handle_result(arrival.link, &result, sink);
                } else {
                    self.apply_failure(arrival.link, &frame, buffer)?;
                    // Another provider may have been looked for.
                    if self.links.ends_turn(arrival.link, left - frame.len()) {
                        return Ok(left);
                    }
                }
                Ok(frame.len())
            }
        }
    }

    #[inline(never)] // Kept out of the way of results.
    fn apply_failure(
        &mut self,
        link: LinkId,
        frame: &Frame<'_>,
        buffer: &LazyCopy<'_>,
    ) -> Result<(), WireError> {
        let response = Decoder::response(frame, buffer)?;
        self.router().handle_response(link, &response);
        Ok(())
    }

    /// The link of a connection, while it is in use.
    fn arrival(&self, conn: ConnId) -> Option<Arrival> {
        let link = self.links.link_of(conn)?;
        let state = self.links.get(link)?;
        state.linked().map(|_| Arrival { link, exchange: state.exchange, last: None })
    }

    /// A report that came in fragments, or from a test.
    pub(super) fn handle_report_alone(&mut self, now: Time, link: LinkId, report: &Report) {
        let Some(exchange) = self.links.get(link).map(|link| link.exchange) else { return };
        let mut arrival = Arrival { link, exchange, last: None };
        self.handle_report(now, &mut arrival, &report.by_ref(), 0, &mut NoSink);
    }

    /// True: it may have cost more than its size says.
    #[allow(clippy::inline_always, reason = "the path of every report at a hub")]
    #[inline(always)]
    fn handle_report(
        &mut self,
        now: Time,
        arrival: &mut Arrival,
        report: &ReportRef<'_>,
        left: usize,
        sink: &mut (dyn Sink + '_),
    ) -> bool {
        let epoch = self.registry.destinations_epoch();
        let publisher = match arrival.last {
            Some(last) if last.peer_no == report.service && last.epoch == epoch => last,
            _ => {
                let Some(publisher) = self.publisher(arrival.link, report) else {
                    self.links.ignore(arrival.link);
                    return false;
                };
                *arrival.last.insert(publisher)
            }
        };
        let no = publisher.no;
        // Copies of the report and views of the parts are made where they are needed only.
        if self.reports.subscriptions.concern_any() {
            self.distributor().deliver(no, &{ *report }, Some(arrival.link), sink);
        }
        if publisher.wanted_beyond && !self.links.continue_batch(no, report, epoch) {
            let origin = Origin::Link(arrival.link, arrival.exchange, left);
            let report = ReportRef { service: no.0, ..*report };
            self.distributor().forward(now, no, &report, origin);
            return true;
        }
        false
    }

    /// Asked for the first of a burst.
    #[inline(never)]
    fn publisher(&mut self, link: LinkId, report: &ReportRef<'_>) -> Option<Publisher> {
        let (peer_no, no) = (report.service, self.policy().publisher(link, report)?);
        let service = self.registry.services.get(no);
        let wanted_beyond = service.is_some_and(|service| !service.subscribers.is_empty());
        Some(Publisher { peer_no, no, wanted_beyond, epoch: self.registry.destinations_epoch() })
    }

    /// Ends the link if its peer broke the rules; true: it did not.
    pub(super) fn judge(&mut self, now: Time, link: LinkId, result: Result<(), Reason>) -> bool {
        match result {
            Ok(()) => true,
            Err(reason) => {
                self.reject(now, link, reason);
                false
            }
        }
    }

    /// Whether what arrived on a connection of a link is still of use.
    pub(super) fn phase_of(&self, conn: ConnId) -> Option<(LinkId, Phase)> {
        let link = self.links.link_of(conn)?;
        Some((link, self.links.phase(link)?.clone()))
    }
}
