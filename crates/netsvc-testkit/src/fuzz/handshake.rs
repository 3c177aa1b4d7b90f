//! Any greetings, at both ends of a handshake.

use std::time::Duration;

use netsvc_core::wire::{Message, Role};
use netsvc_core::{Limits, LinkToken, ProcessSecret};

use super::bench::{Bench, GROUP, SERVER, SLOTS};
use super::frames::framed;
use super::messages::{hello, message};
use super::source::Source;

/// The peer that keeps the rules, and its process.
const HONEST: usize = 0;
const HONEST_SECRET: ProcessSecret = ProcessSecret::new([200; 32]);

/// Lets strangers greet a process in any way, and answer its greetings.
///
/// - Nothing panics, and nothing goes on for ever.
/// - A link that has nothing to do with it stays as it is.
/// - When everything is closed, every table is empty.
///
/// # Panics
/// If one of these does not hold.
pub fn handshake(data: &[u8]) {
    let mut source = Source::new(data);
    let limits = Limits { handshakes: 2, links: 4, ..Limits::default() };
    let mut bench = Bench::new(limits);
    assert!(bench.shake_hands(HONEST, &HONEST_SECRET), "the first link is not taken");
    let asks = source.flag();
    bench.process.require_authorisation(bench.server, asks);
    let mut steps = 0;
    while !source.is_empty() && steps < 400 {
        step(&mut bench, &mut source);
        steps += 1;
    }
    bench.say(HONEST, &Message::Flush { token: 77 });
    let heard = bench.hear(HONEST, usize::MAX);
    assert!(heard.contains(&Message::Flushed { token: 77 }), "an honest peer heard {heard:?}");
    bench.finish();
}

fn step(bench: &mut Bench, source: &mut Source<'_>) {
    let slot = 1 + source.below(SLOTS - 1);
    match source.below(16) {
        0 | 1 => bench.open(slot),
        2 | 3 => {
            let mut hello = hello(source);
            if source.below(4) != 3 {
                hello.role = Role::Client;
            }
            bench.say(slot, &Message::Hello(hello));
        }
        4 | 5 => bench.say(slot, &Message::Welcome(hello(source))),
        6 => answer(bench, source),
        7 => bench.say(slot, &message(source)),
        8 => bench.say_bytes(slot, source.take(64)),
        9 => {
            let len = source.u8().into();
            let bytes = framed(&mut Source::new(source.take(len)));
            for piece in bytes.chunks(1 + source.below(64)) {
                bench.say_bytes(slot, piece);
            }
        }
        10 => bench.hang_up(slot),
        11 => bench.fail_to_open(),
        12 => {
            if !bench.applicants.is_empty() {
                let index = source.below(bench.applicants.len());
                let link = bench.applicants.swap_remove(index);
                bench.process.authorise(bench.now, link, source.flag());
                bench.run();
            }
        }
        13 => drop(bench.hear(slot, usize::MAX)),
        14 => {
            bench.shake_hands(slot, &source.secret());
        }
        _ => {
            for _ in 0..source.below(16) {
                bench.pass(Duration::from_millis(700));
                bench.say(HONEST, &Message::Heartbeat);
                bench.hear(HONEST, usize::MAX);
            }
        }
    }
}

/// An answer to the process's greeting that fits but for what is chosen.
fn answer(bench: &mut Bench, source: &mut Source<'_>) {
    bench.open(SERVER);
    let Some(Message::Hello(theirs)) = bench.hear(SERVER, usize::MAX).into_iter().next() else {
        return;
    };
    let mut welcome = hello(source);
    match source.below(8) {
        0 => welcome.token = LinkToken([9; 16]),
        1 => welcome.attempt = theirs.attempt.wrapping_add(1),
        2 => {}
        _ => {
            welcome.token = theirs.token;
            welcome.attempt = theirs.attempt;
            welcome.role = Role::Server;
            welcome.group = GROUP.into();
        }
    }
    bench.say(SERVER, &Message::Welcome(welcome));
}
