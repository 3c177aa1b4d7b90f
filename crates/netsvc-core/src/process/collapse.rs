//! The end of a process in which somebody has panicked.

use crate::delivery::event::{AbortReason, Event, FlushError, LinkEvent, Peer};
use crate::ids::CallId;
use crate::links::link::Link;
use crate::links::phase::Phase;
use crate::outcome::{Delivered, Outcome, RequestCode, RequestError};
use crate::process::{Config, Process};
use crate::reason::{Reason, ReasonCode};
use crate::requests::call_table::Call;
use crate::time::Time;

const TEXT: &str = "a fault in netsvc has ended this registry";

impl Process {
    /// Somebody has panicked in the middle of a change: nothing of this process is believed any
    /// more, for half of what belongs together may be there.
    ///
    /// It becomes a closed one without links, services or subscriptions, which has to tell its
    /// application how everything ends: what waits to be told; the outcome of each request, of
    /// which nobody knows whether it was delivered; that handlers should stop; flushes; and its
    /// links and exchanges, for the reason `internal`. To that end the tables of the old one are
    /// read, each by itself, and nothing else is done with them. All its transports are to be
    /// dropped; there is no action for them.
    pub fn collapse(&mut self, now: Time) {
        let config = Config {
            secret: self.secret.clone(),
            label: self.label.clone(),
            limits: self.rules.limits.clone(),
            seed: self.links.seed(),
        };
        let mut torn = std::mem::replace(self, Self::new(config, now));
        self.closed = true;
        let deliveries = &mut self.deliveries;
        torn.deliveries.take_events().for_each(|event| deliveries.push(event));
        for key in torn.requests.own_keys() {
            let code = RequestCode::LinkLost;
            let error = RequestError::new(code, Delivered::Unknown, TEXT);
            let (outcome, extensions) = (Outcome::Error(error), bytes::Bytes::new());
            deliveries.push(Event::Outcome { key, outcome, extensions });
        }
        let mut told: Vec<CallId> = torn.requests.calls.find(Call::is_told);
        told.sort_unstable();
        for call in told {
            deliveries.push(Event::Abort { call, reason: AbortReason::ServiceClosed });
        }
        for flush in torn.links.flush_ids() {
            deliveries.push(Event::Flushed { flush, result: Err(FlushError::LinkLost) });
        }
        for link in torn.links.all() {
            let event = torn.end_of(link);
            if matches!(link.phase(), Some(Phase::Active(_))) {
                deliveries.push(Event::LinkInactive(event.clone()));
            }
            if link.connector.is_some() {
                deliveries.push(Event::LinkClosed(event));
            }
        }
        for exchange in torn.links.exchange_ids() {
            deliveries.push(Event::ExchangeClosed(exchange));
        }
    }

    fn end_of(&self, link: &Link) -> LinkEvent {
        let peer = link.connection.as_ref().and_then(|connection| connection.peer.as_ref());
        let known = peer.and_then(|peer| self.registry.processes.get(peer.process));
        LinkEvent {
            exchange: link.exchange,
            link: link.id,
            peer: known.map(|known| Peer { process: known.id, label: known.label.clone() }),
            address: link.address(),
            attempt: link.attempts(peer.map_or(0, |peer| peer.attempt)),
            reason: Some(Reason::new(ReasonCode::Internal, TEXT)),
            retry_in: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::backoff::Retry;
    use crate::links::exchange::Heartbeat;
    use crate::{
        Action, Content, ContentType, LinkToken, NewService, RequestOptions, Role, TargetRef,
    };

    #[test]
    fn everything_that_was_begun_is_told_to_have_ended() {
        let now = Time(1_000_000_000);
        let secret = crate::ProcessSecret::new([1; 32]);
        let limits = crate::Limits::default();
        let config = Config { secret, label: "torn".into(), limits, seed: 1 };
        let mut process = Process::new(config, now);
        let client = process.create_exchange(Role::Client, "", Heartbeat::default()).unwrap();
        let server = process.create_exchange(Role::Server, "b", Heartbeat::default()).unwrap();
        let link = process.connect(now, client, Retry::Backoff, LinkToken([1; 16])).unwrap();
        assert!(matches!(process.poll_action(), Some(Action::Open { .. })));
        let service = NewService {
            name: "a".into(),
            audience: "*".into(),
            methods: vec!["run".into()],
            ..NewService::default()
        };
        process.create_service(now, service).unwrap();
        let content = Content { kind: ContentType(0), bytes: bytes::Bytes::new() };
        let ask = |process: &mut Process, key| {
            let (name, run) = ("a".into(), "run".into());
            let options = RequestOptions::within(std::time::Duration::from_secs(5));
            let target = TargetRef::Name(&name);
            process.request(now, key, target, &run, content.by_ref(), options);
        };
        ask(&mut process, 7);
        let Some(Event::Invoke(invoked)) = process.poll_event(now) else { panic!("not invoked") };
        ask(&mut process, 8);
        let flush = process.flush(now, client, std::time::Duration::from_secs(1));

        process.collapse(now);
        let events: Vec<Event> = std::iter::from_fn(|| process.poll_event(now)).collect();
        let outcome = |wanted: u64| {
            events.iter().filter(move |event| {
                matches!(event, Event::Outcome { key, outcome: Outcome::Error(error), .. }
                    if *key == wanted && error.delivered == Delivered::Unknown)
            })
        };
        assert_eq!((outcome(7).count(), outcome(8).count()), (1, 1));
        let abort = Event::Abort { call: invoked.call, reason: AbortReason::ServiceClosed };
        assert!(events.contains(&abort));
        assert!(events.contains(&Event::Flushed { flush, result: Err(FlushError::LinkLost) }));
        let closed = events.iter().find_map(|event| match event {
            Event::LinkClosed(closed) => Some(closed),
            _ => None,
        });
        let closed = closed.unwrap();
        let code = closed.reason.as_ref().map(|reason| reason.code);
        assert_eq!((closed.link, code), (link, Some(ReasonCode::Internal)));
        assert!(events.ends_with(&[Event::ExchangeClosed(client), Event::ExchangeClosed(server)]));
        assert!(process.is_closed() && process.poll_action().is_none());
        for (table, entries) in process.table_sizes() {
            assert_eq!(entries, usize::from(table == "processes"), "entries left in {table}");
        }
        // A handler that ends all the same does no harm.
        let result = crate::HandlerResult::Response(content.clone());
        process.respond(invoked.call, result.by_ref(), &[]);
        assert!(process.poll_event(now).is_none());
    }
}
