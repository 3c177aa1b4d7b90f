//! One step of a message's way, run for callgrind, which collects in [`counted`] only. The
//! arguments are the step's name and the number of receivers; prints how many messages were
//! counted.
//!
//! Everything that is not the step, and the rounds in which tables and buffers reach their size,
//! stays outside. Nothing here depends on time or chance.
#![allow(clippy::print_stdout, reason = "the count is read by the script that starts it")]

use bytes::Bytes;
use netsvc_bench::{Relay, Shape, Step};

/// Contents, in bytes.
const SIZE: usize = 128;
/// Messages at once: what a full turn of an event loop gives, less than one read of a socket.
const BURST: usize = 256;
const WARM_UP: usize = 8;
const ROUNDS: usize = 8;

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let step = Step::ALL.into_iter().find(|step| step.name() == name);
    let step = step.ok_or_else(|| format!("no step \"{name}\""))?;
    let receivers = arguments.next().and_then(|text| text.parse().ok());
    let receivers = receivers.ok_or("how many receivers?")?;

    let mut relay = Relay::new(Shape { receivers, ..Shape::default() });
    let content = Bytes::from(vec![7; SIZE]);
    for _ in 0..WARM_UP {
        relay.round(step, BURST, &content, |work| work());
    }
    for _ in 0..ROUNDS {
        relay.round(step, BURST, &content, counted);
    }
    println!("{}", ROUNDS * BURST);
    Ok(())
}

/// Its name is what the script tells callgrind.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}
