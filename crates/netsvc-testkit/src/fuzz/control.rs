//! Well-formed messages without sense, from several peers, to a process that is in use.

use std::time::Duration;

use netsvc_core::wire::Message;
use netsvc_core::{Limits, ProcessSecret};

use super::bench::{Bench, SERVER, SLOTS};
use super::messages::message;
use super::source::Source;

/// Lets peers say anything that can be encoded, while the application does what it does.
///
/// - Nothing panics, and nothing goes on for ever.
/// - What the process says to the others can be decoded.
/// - Every request of the application ends exactly once.
/// - The watch tells exactly the changes of the registry.
/// - When everything is closed, every table is empty.
///
/// # Panics
/// If one of these does not hold.
pub fn control(data: &[u8]) {
    let mut source = Source::new(data);
    let mut bench = Bench::new(limits(source.u8()));
    for slot in 0..SLOTS {
        bench.shake_hands(slot, &ProcessSecret::new([slot as u8; 32]));
    }
    let mut steps = 0;
    while !source.is_empty() && steps < 400 {
        step(&mut bench, &mut source);
        steps += 1;
    }
    bench.finish();
}

/// Small ones come into play.
fn limits(choice: u8) -> Limits {
    if choice < 128 {
        return Limits::default();
    }
    Limits {
        payload: 1024,
        outbox: 4096,
        running_requests: 2,
        pending_requests: 3,
        services: 4,
        interests: 3,
        kept_values: 2,
        kept_bytes: 64,
        links: 3,
        handshakes: 2,
        ..Limits::default()
    }
}

fn step(bench: &mut Bench, source: &mut Source<'_>) {
    let (what, slot) = (source.u8(), source.below(SLOTS));
    match what % 16 {
        0..=7 => {
            let message = message(source);
            // Some things happen only after many.
            let repeat = if what == 247 { source.u8() } else { 0 };
            bench.say(slot, &message);
            for number in 0..repeat {
                bench.say(slot, &another(&message, number));
            }
        }
        8 => drop(bench.hear(slot, usize::from(source.u8()) * 16)),
        9 => {
            if what < 128 || slot == SERVER {
                bench.shake_hands(slot, &source.secret());
            } else {
                bench.open(slot);
            }
        }
        10 => match what {
            0..=127 => bench.hang_up(slot),
            128..=191 => bench.fail_to_open(),
            192..=239 => bench.listening = !bench.listening,
            _ => bench.close_link(),
        },
        11 => {
            let millis = [1, 100, 1_000, 6_000, 20_000][source.below(5)];
            bench.pass(Duration::from_millis(millis));
        }
        _ => {
            bench.application.act(&mut bench.process, bench.now, source);
            bench.run();
        }
    }
}

/// The next of a series.
pub(super) fn another(message: &Message, number: u8) -> Message {
    let mut message = message.clone();
    match &mut message {
        Message::Joined(change) => {
            change.revision = change.revision.saturating_add(1 + u64::from(number));
            change.group = format!("{number:0>255}").into();
        }
        Message::Service(service) => service.service = u32::from(number) + 8,
        Message::Request(request) => request.call = u64::from(number) + 8,
        Message::Interest { id, .. } => *id = u32::from(number) + 8,
        Message::Report(report) => report.sequence = u64::from(number) + 8,
        _ => {}
    }
    message
}
