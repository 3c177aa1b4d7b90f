//! Attacks a hub with bounded force, and measures what that does to it and to good clients.
//!
//! `attack list` tells of the attacks. `attack suite …` runs them, each against a hub of its own:
//! this process has the good clients and the figures, another one attacks. `attack act NAME HUB
//! [OTHER]` is that one. `scripts/attack.mjs` builds what is needed and gives the arguments.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints what it finds"
)]

mod arguments;
mod attack;
mod attacks;
mod ceilings;
mod figures;
mod good;
mod greeting;
mod journal;
mod messages;
mod names;
mod proc_figures;
mod random;
mod raw_peer;
mod running;
mod scene;
mod suite;
mod surroundings;
mod table;
mod verdict;

use std::process::ExitCode;

use arguments::Command;
use scene::Scene;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments::parse(&arguments) {
        Ok(Command::List) => {
            print!("{}", table::attacks());
            ExitCode::SUCCESS
        }
        Ok(Command::Suite(options)) => suite::run(&options),
        Ok(Command::Act { attack, hub, other }) => {
            act(attack, &Scene::new(hub, other, attack.budget()))
        }
        Err(error) => {
            eprintln!("attack: {error}");
            ExitCode::from(2)
        }
    }
}

/// What the attack came to, on stdout; exit code 1 if it got what nobody may have.
fn act(attack: &attack::Attack, scene: &Scene) -> ExitCode {
    let end = (attack.act)(scene);
    let sent = scene.sent();
    match end {
        Ok(()) => println!("{sent} sent"),
        Err(scene::Stop::Got(what)) => {
            println!("{what}");
            return ExitCode::FAILURE;
        }
        Err(stop) => println!("{sent} sent; {stop}"),
    }
    ExitCode::SUCCESS
}
