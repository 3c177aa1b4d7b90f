//! What arrives, as bytes. Reports, requests and results are passed on and told straight from the
//! buffer they were read into, as long as nothing stands in their way; everything else is decoded
//! into messages first, and so is whatever needs a second look.

use std::mem;

use bytes::{Buf, BytesMut};

use crate::content::ContentType;
use crate::delivery::event::{Asked, Told};
use crate::ids::{ConnId, LinkId, ServiceNo, SubscriptionId};
use crate::links::link::Phase;
use crate::reports::subscription::Telling;
use crate::time::Time;
use crate::wire::{Decoder, Front, ReportView, WireError};

use crate::process::Process;

/// Messages decoded at once: their memory stays in the processor's cache.
const RUN: usize = 64;

/// Takes reports for the application while they arrive, which saves queueing them as events.
pub trait Teller {
    /// Whether that many reports of `bytes` bytes of content each, and of this subject, can be
    /// taken.
    fn has_room(&mut self, reports: usize, report: &Told<'_>) -> bool;

    /// Takes a report, as [`Event::Report`](crate::Event::Report) would tell it.
    fn tell(&mut self, subscription: SubscriptionId, report: &Told<'_>);

    /// Whether a content of that many bytes can be taken, with names of `names` bytes beside it.
    fn has_room_for(&mut self, content: usize, names: usize) -> bool;

    /// Takes a result, as [`Event::Outcome`](crate::Event::Outcome) would tell it.
    fn result(&mut self, key: u64, kind: ContentType, content: &[u8]);

    /// Takes a request, as [`Event::Invoke`](crate::Event::Invoke) would tell it.
    fn invoke(&mut self, request: &Asked<'_>);
}

impl Process {
    /// Bytes arrived on a connection: applies every whole frame at the front of `buffer`.
    ///
    /// `teller` gets the reports for the application, as long as it has room and nothing that came
    /// before waits as an event. An error comes after everything before the broken frame was
    /// applied; what follows has no meaning and was dropped.
    pub fn handle_bytes(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &mut Decoder,
        buffer: &mut BytesMut,
        mut teller: Option<&mut dyn Teller>,
    ) -> Result<(), WireError> {
        self.handle_received(now, conn);
        self.deliveries.batch();
        let mut messages = mem::take(&mut self.decoded);
        let result = loop {
            let applied = match &mut teller {
                Some(teller) => self.pass(now, conn, decoder, buffer, Some(&mut **teller)),
                None => self.pass(now, conn, decoder, buffer, None),
            };
            buffer.advance(applied);
            let result = decoder.decode_run(buffer, &mut messages, RUN);
            if !messages.is_empty() {
                self.handle_messages(now, conn, &mut messages);
            }
            match result {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => {
                    buffer.clear();
                    self.handle_wire_error(now, conn, &error);
                    break Err(error);
                }
            }
        };
        self.decoded = messages;
        result
    }

    /// As much of [`handle_bytes`](Self::handle_bytes) as can be done where `bytes` lie: what is
    /// frequent and small, up to the first message that is not, or stands in the way. Returns how many
    /// bytes that was; the rest is for `handle_bytes`.
    pub fn handle_front(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &Decoder,
        bytes: &[u8],
        teller: Option<&mut dyn Teller>,
    ) -> usize {
        self.handle_received(now, conn);
        // No content keeps `bytes` alive, so this counts as no batch.
        self.pass(now, conn, decoder, bytes, teller)
    }

    /// Passes on what is at the front of `bytes`, up to the first message that takes more than
    /// that. Returns how many bytes it was.
    fn pass(
        &mut self,
        now: Time,
        conn: ConnId,
        decoder: &Decoder,
        bytes: &[u8],
        mut teller: Option<&mut dyn Teller>,
    ) -> usize {
        let Some(link) = self.conns.get(&conn).copied() else { return 0 };
        let phase = self.links.get(&link).and_then(|state| state.phase());
        if !matches!(phase, Some(Phase::Syncing | Phase::Active(_))) {
            return 0;
        }
        let mut passed = 0;
        // Reports of one service come in bursts.
        let mut last = None;
        while let Some((front, frame)) = decoder.front(&bytes[passed..]) {
            let teller: Option<&mut dyn Teller> = match &mut teller {
                Some(teller) => Some(&mut **teller),
                None => None,
            };
            let done = match front {
                Front::Report(body) => decoder.report(body).is_some_and(|view| {
                    let left = bytes.len() - passed;
                    self.pass_report(link, &view, &mut last, left, teller)
                }),
                Front::Request(body) => decoder.request(body).is_some_and(|view| {
                    self.end_run();
                    self.pass_request(now, link, &view, teller)
                }),
                Front::Result(body) => Decoder::result(body).is_some_and(|view| {
                    self.end_run();
                    self.pass_result(link, &view, teller)
                }),
            };
            if !done {
                break;
            }
            passed += frame;
        }
        self.end_run();
        passed
    }

    fn pass_report(
        &mut self,
        link: LinkId,
        view: &ReportView<'_>,
        last: &mut Option<(u32, ServiceNo)>,
        likely: usize,
        teller: Option<&mut dyn Teller>,
    ) -> bool {
        let no = match *last {
            Some((peer_no, no)) if peer_no == view.service => no,
            _ => match self.service_of_peer(link, view.service) {
                Some(no) => no,
                None => return false,
            },
        };
        *last = Some((view.service, no));
        let told = match teller {
            Some(teller) => self.tell_now(no, view, teller),
            None => self.subscriptions.attached(no).is_empty(),
        };
        if told {
            self.relay(no, view, Some(link), likely);
        }
        told
    }

    /// Tells a report to every subscription that it concerns; false: they have to queue it.
    fn tell_now(&mut self, no: ServiceNo, view: &ReportView<'_>, teller: &mut dyn Teller) -> bool {
        // The list is borrowed, not cloned: see wire/views.rs on atomic operations.
        let Some((matching, subscriptions)) = self.subscriptions.matching(no, view.subject) else {
            return true;
        };
        if matching.is_empty() {
            return true;
        }
        let Some(service) = self.registry.service(no) else { return true };
        if !self.deliveries.is_empty() {
            return false;
        }
        let mut told = Told {
            service: no,
            id: service.id,
            name: &service.name,
            subject: view.subject,
            sequence: view.sequence,
            resumed: false,
            missed: 0,
            kind: view.kind,
            content: view.content,
        };
        if !teller.has_room(matching.len(), &told) {
            return false;
        }
        let mut can_tell = |id| {
            let subscription = subscriptions.get_mut(&id);
            subscription.is_none_or(|known| known.can_tell(no, service.id, view.sequence))
        };
        if !matching.iter().all(|id| can_tell(*id)) {
            return false;
        }
        for id in matching.iter() {
            let Some(subscription) = subscriptions.get_mut(id) else { continue };
            if let Some(Telling { missed, resumed }) = subscription.tell(no, told.id, view.sequence)
            {
                (told.missed, told.resumed) = (missed, resumed);
                teller.tell(*id, &told);
            }
        }
        true
    }
}
