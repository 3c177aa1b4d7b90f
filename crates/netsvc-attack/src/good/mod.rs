//! The good clients. Nothing that somebody else sends may harm them.

mod caller;
mod client;
mod end;
mod newcomers;
mod slow_reader;
mod subscriber;

use std::io;
use std::thread::JoinHandle;

use end::End;

use crate::journal::Journal;
use crate::surroundings::Hub;

/// All good clients of a hub but the provider; they end when dropped.
pub(crate) struct Good {
    end: End,
    /// Newcomers come until then.
    closed: End,
    threads: Vec<JoinHandle<()>>,
    newcomers: Vec<JoinHandle<()>>,
}

impl Good {
    /// Returns when all of them are at work.
    pub(crate) fn start(hub: &Hub, by_socket_only: bool, journal: &Journal) -> io::Result<Self> {
        let (end, closed) = (End::default(), End::default());
        let threads = vec![
            slow_reader::start(hub.address(), journal.clone(), end.clone())?,
            subscriber::start(hub, journal.clone(), end.clone())?,
            caller::start(hub, journal.clone(), end.clone())?,
        ];
        let newcomers = newcomers::start(hub, by_socket_only, journal, &closed);
        Ok(Self { end, closed, threads, newcomers })
    }

    /// Nobody comes any more; returns when the last newcomer has come or given up.
    pub(crate) fn close_the_door(&mut self) {
        self.closed.call();
        join(&mut self.newcomers);
    }
}

impl Drop for Good {
    fn drop(&mut self) {
        self.close_the_door();
        self.end.call();
        join(&mut self.threads);
    }
}

fn join(threads: &mut Vec<JoinHandle<()>>) {
    for thread in threads.drain(..) {
        // Whatever it failed with, it has said.
        let _ = thread.join();
    }
}
