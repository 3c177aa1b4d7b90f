//! Clients that come while the hub is attacked, by TCP and by a Unix socket: of each, one after the
//! other.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netsvc_core::{Event, Retry};
use netsvc_net::Target;

use super::client::Client;
use super::end::End;
use crate::journal::{Journal, Newcomer};
use crate::surroundings::Hub;

const EVERY: Duration = Duration::from_millis(200);
/// Longer than the library tries.
const PATIENCE: Duration = Duration::from_secs(6);

pub(super) fn start(
    hub: &Hub,
    by_socket_only: bool,
    journal: &Journal,
    end: &End,
) -> Vec<JoinHandle<()>> {
    let mut ways = vec![("the Unix socket", Target::Unix(hub.socket.clone()))];
    if !by_socket_only {
        ways.push(("TCP", hub.tcp()));
    }
    let come_by = |(name, target)| {
        let (journal, end) = (journal.clone(), end.clone());
        thread::spawn(move || come(name, &target, &journal, &end))
    };
    ways.into_iter().map(come_by).collect()
}

fn come(way: &str, target: &Target, journal: &Journal, end: &End) {
    while !end.has_come() {
        let start = Instant::now();
        let fault = link(target.clone()).err().map(|fault| format!("by {way}: {fault}"));
        journal.lock().newcomers.push(Newcomer { took: start.elapsed(), fault });
        thread::sleep(EVERY.saturating_sub(start.elapsed()));
    }
}

/// Connects, and goes.
fn link(target: Target) -> io::Result<()> {
    let client = Client::start("newcomer", target, Retry::Once)?;
    let linked = client.wait(PATIENCE, |event| match event {
        Event::LinkActive(_) => Some(Ok(())),
        Event::AttemptFailed(link) => {
            let why = link.reason.map(|reason| reason.message.to_string());
            Some(Err(io::Error::other(why.unwrap_or_default())))
        }
        _ => None,
    });
    linked.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
}
