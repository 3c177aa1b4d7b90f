//! What arrives, as bytes: frame by frame, each where it lies.

use bytes::{Buf, BytesMut};

use crate::delivery::sink::Sink;
use crate::ids::{ConnId, ExchangeId, LinkId, ServiceNo};
use crate::lazy_copy::LazyCopy;
use crate::links::phase::Phase;
use crate::process::Process;
use crate::reason::Reason;
use crate::reports::origin::Origin;
use crate::time::Time;
use crate::wire::{Decoder, Front, ReportRef, WireError};

/// Frames of at least this size are worth memory of their own, which their contents then share.
const LARGE: usize = 16 << 10;

/// The link over which frames arrive, while it is in use, and what was looked up for the last.
struct Arrival {
    link: LinkId,
    exchange: ExchangeId,
    /// Reports of one service come in bursts: the peer's number and ours.
    last: Option<(u32, ServiceNo)>,
}

impl Process {
    /// Bytes arrived on a connection: applies every whole frame at the front of `buffer`.
    ///
    /// `sink` gets what is for the application, as long as it has room and nothing that came
    /// before waits as an event. An error comes after everything before the broken frame was
    /// applied; what follows has no meaning and was dropped.
    pub fn handle_bytes(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        buffer: &mut BytesMut,
        mut sink: Option<&mut (dyn Sink + '_)>,
    ) -> Result<(), WireError> {
        loop {
            let applied = self.handle_front(now, conn, decoder, buffer, sink.as_deref_mut());
            match applied {
                Ok(applied) => buffer.advance(applied),
                Err(error) => {
                    buffer.clear();
                    return Err(error);
                }
            }
            // A large frame was left: its content is shared instead of copied.
            let Ok(Some(frame)) = decoder.front(buffer) else { return Ok(()) };
            let bytes = buffer.split_to(frame.len()).freeze();
            self.apply(now, conn, decoder, &LazyCopy::shared(&bytes), sink.as_deref_mut())?;
        }
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
        self.apply(now, conn, decoder, &LazyCopy::of(bytes), sink)
    }

    /// Bytes arrived on a connection, but no whole frame: the peer is alive.
    pub fn handle_received(&mut self, now: Time, conn: ConnId) {
        self.links.handle_received(now, conn);
    }

    /// Applies every whole frame at the front of `buffer`, up to a large one whose content would have
    /// to be copied.
    fn apply(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        buffer: &LazyCopy<'_>,
        sink: Option<&mut (dyn Sink + '_)>,
    ) -> Result<usize, WireError> {
        self.links.handle_received(now, conn);
        self.links.end_batch();
        self.deliveries.batch();
        let sink = sink.filter(|_| self.tells_at_once);
        let applied = self.apply_frames(now, conn, decoder, buffer, sink);
        self.links.end_batch();
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
        mut sink: Option<&mut (dyn Sink + '_)>,
    ) -> Result<usize, WireError> {
        let bytes = buffer.bytes();
        let mut applied = decoder.begin(bytes)?;
        let mut arrival = self.arrival(conn);
        while let Some(frame) = decoder.front(&bytes[applied..])? {
            if frame.len() >= LARGE && !buffer.is_shared() {
                break;
            }
            let left = bytes.len() - applied;
            applied += frame.len();
            let (front, sink) = (frame.front(), sink.as_deref_mut());
            if let Some(arrival) = &mut arrival {
                match front {
                    Front::Report => {
                        let report = decoder.report(&frame, buffer)?;
                        self.handle_report(now, arrival, &report, left, sink);
                        continue;
                    }
                    Front::Request => {
                        let request = decoder.request(&frame, buffer)?;
                        let link = arrival.link;
                        let result = self.router().handle_request(now, link, &request, sink);
                        if self.judge(now, link, result) {
                            continue;
                        }
                    }
                    Front::Response => {
                        let response = Decoder::response(&frame, buffer)?;
                        self.router().handle_response(arrival.link, &response, sink);
                        continue;
                    }
                    Front::Other => {
                        if let Some(message) = decoder.message(&frame, buffer)? {
                            self.links.end_batch();
                            self.handle_message(now, arrival.link, message);
                        }
                    }
                }
            } else if let Some(message) = decoder.message(&frame, buffer)? {
                self.handle_early(now, conn, message);
            }
            // It may have ended, or begun to be in use.
            arrival = self.arrival(conn);
        }
        Ok(applied)
    }

    /// The link of a connection, while it is in use.
    fn arrival(&self, conn: ConnId) -> Option<Arrival> {
        let link = self.links.link_of(conn)?;
        let state = self.links.get(link)?;
        state.linked().map(|_| Arrival { link, exchange: state.exchange, last: None })
    }

    #[allow(clippy::inline_always, reason = "the path of every report at a hub")]
    #[inline(always)]
    fn handle_report(
        &mut self,
        now: Time,
        arrival: &mut Arrival,
        report: &ReportRef<'_>,
        left: usize,
        sink: Option<&mut (dyn Sink + '_)>,
    ) {
        let no = match arrival.last {
            Some((peer_no, no)) if peer_no == report.service => no,
            _ => match self.links.service_of_peer(arrival.link, report.service) {
                Some(no) => no,
                None => return self.links.ignore(arrival.link),
            },
        };
        arrival.last = Some((report.service, no));
        let mut distributor = self.distributor();
        distributor.deliver(no, report, Some(arrival.link), sink);
        let origin = Origin::Link(arrival.link, arrival.exchange, left);
        distributor.forward(now, no, report, origin);
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
