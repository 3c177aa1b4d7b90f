//! Runs attacks, each against a hub of its own with its own good clients.

use std::io;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::arguments::Options;
use crate::attack::Attack;
use crate::attacks;
use crate::ceilings::{self, Times};
use crate::figures::{Figures, LONG};
use crate::good::Good;
use crate::journal::Journal;
use crate::proc_figures::{cpu_seconds, memory};
use crate::running::Running;
use crate::surroundings::{Hub, Kind, provider};
use crate::table;
use crate::verdict;

/// Good clients are at work so long before the hub's memory is looked at, and the attack begins.
const SETTLING: Duration = Duration::from_secs(1);
/// An attack that goes on for so long after its time is ended from outside, which is a failure.
const GRACE: Duration = Duration::from_secs(5);
/// How long the hub and good clients are looked at after the attack: as long as memory has to be
/// given back, and at least.
const AFTER: Duration = Duration::from_secs(10);
const AFTER_AT_LEAST: Duration = Duration::from_millis(1500);
const TURN: Duration = Duration::from_millis(50);

/// Exit code 1: an attack broke a ceiling.
pub(crate) fn run(options: &Options) -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    let mut times = Times::IDLE;
    for kind in [Kind::Netsvcd, Kind::Embedded] {
        let mut rows = Vec::new();
        for attack in attacks::all().filter(|attack| is_chosen(attack, kind, options)) {
            let (row, harmless) = match measure(attack, kind, options) {
                Ok(figures) => {
                    if options.ci && attack.name == attacks::CI[0] {
                        times = Times::beside(&figures);
                    }
                    let broken = verdict::broken(attack, kind, &figures, times);
                    tell(attack, kind, &figures.said, &broken);
                    (table::row(attack, kind, &figures, &broken), broken.is_empty())
                }
                Err(error) => {
                    tell(attack, kind, "", &[format!("not measured: {error}")]);
                    (table::unmeasured(attack, &error), false)
                }
            };
            rows.push(row);
            *(if harmless { &mut passed } else { &mut failed }) += 1;
        }
        if !rows.is_empty() {
            println!("\n{}\n{}", table::title(kind), table::figures(&rows));
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_chosen(attack: &Attack, kind: Kind, options: &Options) -> bool {
    let there = match kind {
        Kind::Netsvcd => options.programs.netsvcd.is_some(),
        Kind::Embedded => options.embedded,
    };
    let named = options.only.iter().any(|only| only.name == attack.name);
    // What netsvcd withstands an embedded hub does, too, being the same code: quickly, there is
    // only what netsvcd cannot be attacked by.
    let here = kind == Kind::Netsvcd || !Kind::Netsvcd.offers(attack);
    let quick = attack.is_quick && here;
    let for_ci = attacks::CI.contains(&attack.name) && here;
    there
        && kind.offers(attack)
        && (quick || !options.quick)
        && (for_ci || !options.ci)
        && (options.only.is_empty() || named)
}

fn tell(attack: &Attack, kind: Kind, said: &str, broken: &[String]) {
    let verdict = if broken.is_empty() { "harmless" } else { "HARMFUL" };
    println!("{} on {}: {verdict} ({said})", attack.name, kind.name());
    for each in broken {
        println!("    {each}");
    }
}

fn measure(attack: &Attack, kind: Kind, options: &Options) -> io::Result<Figures> {
    let mut hub = Hub::start(kind, &options.programs)?;
    let pid = hub.process.pid();
    let provider = provider(&hub, &options.programs)?;
    let journal = Journal::default();
    let mut good = Good::start(&hub, attack.takes_links, &journal)?;
    std::thread::sleep(SETTLING);

    let gone = || io::Error::other("the hub is gone");
    let start = memory(pid).ok_or_else(gone)?;
    let cpu = cpu_seconds(pid).ok_or_else(gone)?;
    journal.begin();
    let attacker = Running::start(&mut attacker(attack, &hub)?)?;
    let within = attack.time() + GRACE;
    let said = attacker.finish(within)?;
    let end = Instant::now();

    good.close_the_door();
    let mut last = memory(pid).unwrap_or_default();
    while let Some(now) = memory(pid) {
        last = now;
        let back = mebibytes(now.now) <= ceilings::memory_after(mebibytes(start.now));
        let well = back && journal.is_calm(LONG);
        if end.elapsed() > AFTER || (well && end.elapsed() > AFTER_AT_LEAST) {
            break;
        }
        std::thread::sleep(TURN);
    }
    let spent = cpu_seconds(pid).map_or(f64::NAN, |now| now - cpu);
    for line in provider.told() {
        journal.lost("provider", &line);
    }
    let entries = journal.end(LONG);
    drop(good);

    let mut figures = Figures::new(entries, end);
    figures.memory = [start.now, last.peak, last.now].map(mebibytes);
    figures.cpu = spent;
    match said {
        Some((status, said)) if status.success() => figures.said = said.trim().into(),
        Some((_, said)) => figures.wrong.push(said.trim().into()),
        None => figures.wrong.push("the attack did not end".into()),
    }
    if let Some(status) = hub.process.ended()? {
        figures.wrong.push(format!("the hub ended: {status}"));
    }
    Ok(figures)
}

/// This program, as the process that attacks.
fn attacker(attack: &Attack, hub: &Hub) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["act", attack.name]).stdout(Stdio::piped());
    command.args(hub.addresses.iter().map(ToString::to_string));
    Ok(command)
}

fn mebibytes(kibibytes: u32) -> f64 {
    f64::from(kibibytes) / 1024.0
}
