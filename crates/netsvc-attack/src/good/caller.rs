//! Asks the good provider every few milliseconds, whether or not there were answers.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netsvc_core::{ContentRef, ContentType, Event, Outcome, RequestOptions, Retry, Str, TargetRef};

use super::client::Client;
use super::end::End;
use crate::journal::{Answer, Journal};
use crate::names::PROVIDER;
use crate::surroundings::Hub;

const EVERY: Duration = Duration::from_millis(5);
const TIMEOUT: Duration = Duration::from_secs(5);
/// Numbers from here on take five bytes of CBOR.
const FIRST: u32 = 1 << 16;

/// Returns after the first answer.
pub(super) fn start(hub: &Hub, journal: Journal, end: End) -> io::Result<JoinHandle<()>> {
    let client = Client::start("caller", hub.target(), Retry::Backoff)?;
    let mut caller = Caller { client, journal, last: FIRST };
    caller.ask(true);
    let until = Instant::now() + TIMEOUT;
    while caller.journal.lock().answers.is_empty() && Instant::now() < until {
        caller.hear(until);
    }
    match caller.journal.lock().answers.first() {
        Some(Answer { fault: None, .. }) => {}
        _ => return Err(io::Error::other("the good provider does not answer")),
    }
    Ok(thread::spawn(move || caller.run(&end)))
}

struct Caller {
    client: Client,
    journal: Journal,
    last: u32,
}

impl Caller {
    fn run(mut self, end: &End) {
        let mut next = Instant::now();
        while !end.has_come() {
            self.hear(next);
            if Instant::now() >= next {
                self.ask(false);
                next += EVERY;
            }
        }
    }

    fn ask(&mut self, wait: bool) {
        self.last += 1;
        let number = self.last;
        self.journal.lock().asked.insert(number, Instant::now());
        let content = [&[0x81, 0x1a], &number.to_be_bytes()[..]].concat();
        let options = RequestOptions { wait, ..RequestOptions::within(TIMEOUT) };
        let (target, method): (Str, Str) = (PROVIDER.into(), "echo".into());
        self.client.engine.with(|process, now| {
            let content = ContentRef::new(ContentType::CBOR, &content);
            let target = TargetRef::Name(&target);
            process.request(now, number.into(), target, &method, content, options);
        });
    }

    fn hear(&mut self, until: Instant) {
        let Self { client, journal, .. } = self;
        client.events(until, |event| match event {
            Event::Outcome { key, outcome, .. } => {
                let number = key as u32;
                let mut entries = journal.lock();
                let Some(sent) = entries.asked.remove(&number) else { return };
                let fault = fault(number, outcome);
                entries.answers.push(Answer { sent, ended: Instant::now(), fault });
            }
            Event::LinkInactive(link) => {
                let why = link.reason.map_or_else(String::new, |reason| reason.message.to_string());
                journal.lost("caller", &why);
            }
            _ => {}
        });
    }
}

/// What is wrong with an answer.
fn fault(number: u32, outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Response(content) => {
            let expected = [&[0x1a], &number.to_be_bytes()[..]].concat();
            (content.bytes != expected).then(|| "the answer of somebody else".into())
        }
        Outcome::Failure(_) => Some("a failure of the service".into()),
        Outcome::Error(error) => Some(format!("{:?}", error.code)),
    }
}
