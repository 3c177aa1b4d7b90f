//! What the program is told on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::attack::Attack;
use crate::attacks;
use crate::surroundings::Programs;

pub(crate) enum Command {
    List,
    Suite(Options),
    Act { attack: &'static Attack, hub: SocketAddr, other: Option<SocketAddr> },
}

/// Which attacks are run against which hubs.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) programs: Programs,
    /// A hub within a program in TypeScript is attacked as well.
    pub(crate) embedded: bool,
    /// What takes less than five minutes in all.
    pub(crate) quick: bool,
    /// What CI runs, judged as on a machine that has more to do.
    pub(crate) ci: bool,
    /// Nothing but these; all if empty.
    pub(crate) only: Vec<&'static Attack>,
}

pub(crate) fn parse(arguments: &[String]) -> Result<Command, String> {
    let mut rest = arguments.iter();
    match rest.next().map(String::as_str) {
        Some("list") => Ok(Command::List),
        Some("act") => {
            let attack = named(rest.next())?;
            let hub = address(rest.next())?.ok_or("act: there is no hub")?;
            Ok(Command::Act { attack, hub, other: address(rest.next())? })
        }
        Some("suite") => suite(rest).map(Command::Suite),
        _ => Err("list, suite or act".into()),
    }
}

fn suite<'a>(mut rest: impl Iterator<Item = &'a String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(name) = rest.next() {
        match name.as_str() {
            "--netsvcd" => options.programs.netsvcd = Some(path(rest.next())?),
            "--node" => options.programs.node = path(rest.next())?,
            "--programs" => options.programs.folder = path(rest.next())?,
            "--sockets" => options.programs.sockets = path(rest.next())?,
            "--embedded" => options.embedded = true,
            "--quick" => options.quick = true,
            "--ci" => options.ci = true,
            "--only" => options.only.push(named(rest.next())?),
            other => return Err(format!("there is no option {other}")),
        }
    }
    Ok(options)
}

fn path(path: Option<&String>) -> Result<PathBuf, String> {
    path.map(PathBuf::from).ok_or_else(|| "a path is to be given".into())
}

fn named(name: Option<&String>) -> Result<&'static Attack, String> {
    let name = name.ok_or("an attack is to be named")?;
    let found = attacks::all().find(|attack| attack.name == name);
    found.ok_or_else(|| format!("there is no attack {name}; --list tells those that there are"))
}

fn address(text: Option<&String>) -> Result<Option<SocketAddr>, String> {
    text.map(|text| text.parse().map_err(|_| format!("{text} is no address"))).transpose()
}
