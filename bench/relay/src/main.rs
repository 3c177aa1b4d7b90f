//! The least that a hub and its clients must do: frames, whose heads say who asked, are read,
//! routed and written by blocking threads, without names, services, bounds or deadlines. What it
//! reaches is the limit that products of this kind are measured against.
//!
//! `relay ROLE OPTIONS` is one process of a measurement; see `control` for how it talks.

mod clients;
mod control;
mod frames;
mod hub;
mod socket;

use std::io;
use std::process::ExitCode;

use control::{Options, Role};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(role), Some(options)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: relay ROLE OPTIONS");
        return ExitCode::FAILURE;
    };
    match run(&role, &Options::new(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay {role}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(role: &str, options: &Options) -> io::Result<()> {
    let started: Box<dyn Role> = match role {
        "hub" => Box::new(hub::start(options)?),
        "responder" => Box::new(clients::responder(options)?),
        "requester" => Box::new(clients::Requester::start(options)?),
        "publisher" => Box::new(clients::Publisher::start(options)?),
        "subscriber" => Box::new(clients::Subscribers::start(options)?),
        _ => return Err(io::Error::other("no such role")),
    };
    control::serve(started)
}
