//! Hears the reports of the good provider, and counts what is missing.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netsvc_core::{Event, Retry, SubscriptionLimits, SubscriptionTarget};

use super::client::Client;
use super::end::End;
use crate::journal::Journal;
use crate::names::PROVIDER;
use crate::surroundings::Hub;

const TURN: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns after the first report.
pub(super) fn start(hub: &Hub, journal: Journal, end: End) -> io::Result<JoinHandle<()>> {
    let client = Client::start("subscriber", hub.target(), Retry::Backoff)?;
    let limits = SubscriptionLimits { reports: 65_536, bytes: 32 << 20, latest: false };
    let subscribed = client.engine.with(|process, now| {
        let target = SubscriptionTarget::Name(PROVIDER.into());
        let id = process.subscribe(now, target, "tick", limits)?;
        process.grant(id, u32::MAX);
        Ok::<_, netsvc_core::CommandError>(id)
    });
    subscribed.map_err(io::Error::other)?;
    let heard = |event| matches!(event, Event::Report { .. }).then_some(());
    client.wait(PATIENCE, heard).ok_or_else(|| io::Error::other("the good provider is silent"))?;
    Ok(thread::spawn(move || {
        while !end.has_come() {
            client.events(Instant::now() + TURN, |event| match event {
                Event::Report { report, .. } => {
                    let mut entries = journal.lock();
                    entries.reports += 1;
                    entries.missed += report.missed;
                }
                Event::LinkInactive(link) => {
                    let why = link.reason.map(|reason| reason.message.to_string());
                    journal.lost("subscriber", &why.unwrap_or_default());
                }
                _ => {}
            });
        }
    }))
}
