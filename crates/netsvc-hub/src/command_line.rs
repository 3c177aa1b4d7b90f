//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::options::{LIMITS, Options};
use crate::value;

/// What the user wants.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Version,
    Run { config: Option<PathBuf>, options: Options },
}

/// Those with a value first.
const OPTIONS: [&str; 12] = [
    "--listen",
    "--socket",
    "--group",
    "--label",
    "--heartbeat",
    "--drain",
    "--limit",
    "--config",
    "--log-level",
    "--log-format",
    "--help",
    "--version",
];

pub(crate) const HELP: &str = "\
Usage: netsvcd [OPTION]…
       netsvc hub [--embedded] [OPTION]…
The hub of a netsvc message exchange. `netsvc hub` runs netsvcd, or the same hub
in a Node process where netsvcd is not there or, with --embedded, in any case.

      --listen PLACE        host:port, [IPv6]:port, or a port of both loopback
                            addresses; repeatable; default 11111. Everybody who
                            reaches the port can use the hub. After tcp:// no
                            Unix socket accompanies a loopback address
      --socket PATH         Unix socket, mode 0660; repeatable
      --group NAME          exchange group; default: the unnamed one
      --label NAME          what others call this process; default host:pid
      --heartbeat I[/D]     heartbeat after I seconds of silence, a peer is dead
                            after D; default 5/15
      --drain SECONDS       for what is queued when stopping; default 5
      --limit NAME=N        payload, outbox (bytes), links, …; repeatable;
                            a wrong name lists all
      --config FILE         the same in a file (TOML); the command line wins
      --log-level LEVEL     off, error, warn, info or debug; default info
      --log-format FORMAT   text or json; to stderr
  -h, --help                print this
  -V, --version             print the version

Signals: SIGTERM and SIGINT stop, a second one at once. SIGHUP reads the file
again: log-level, log-format and additional places to listen take effect.
Exit codes: 0 stopped, 1 cannot listen or lacks resources, 2 wrong options or
configuration, 3 a fault in netsvcd.
";

/// The arguments without the name of the program. An error is for people.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut config = None;
    let mut options = Options::default();
    let mut arguments = arguments.map(utf8);
    while let Some(argument) = arguments.next() {
        let argument = argument?;
        let (name, mut value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (argument.as_str(), None),
        };
        if matches!(name, "-h" | "--help" | "-V" | "--version") {
            if value.is_some() {
                return Err(format!("{name} takes no value"));
            }
            let help = matches!(name, "-h" | "--help");
            return Ok(if help { Command::Help } else { Command::Version });
        }
        if !OPTIONS.contains(&name) {
            return Err(unknown(name));
        }
        if value.is_none() {
            value = arguments.next().transpose()?;
        }
        let Some(value) = value else { return Err(format!("{name} needs a value")) };
        match name {
            "--config" if value.is_empty() => return Err("--config: \"\" is not a path".to_owned()),
            "--config" if config.is_some() => return Err("--config is given twice".to_owned()),
            "--config" => config = Some(value.into()),
            _ => set(&mut options, name, &value).map_err(|error| format!("{name}: {error}"))?,
        }
    }
    Ok(Command::Run { config, options })
}

fn set(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    match name {
        "--listen" => options.add_listen(value),
        "--socket" => options.add_socket(value),
        "--group" => options.set_group(value),
        "--label" => options.set_label(value),
        "--drain" => options.set_drain(seconds(value)?),
        "--heartbeat" => {
            let (interval, dead) = match value.split_once('/') {
                Some((interval, dead)) => (interval, Some(dead)),
                None => (value, None),
            };
            options.set_interval(seconds(interval)?)?;
            match dead {
                Some(dead) => options.set_dead(seconds(dead)?),
                None => Ok(()),
            }
        }
        "--limit" => limit(options, value),
        "--log-level" => options.set_log_level(value),
        _ => options.set_log_format(value),
    }
}

fn limit(options: &mut Options, text: &str) -> Result<(), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(format!("\"{text}\" is not NAME=N"));
    };
    let Some(value) = value::parse(value, value::integer) else {
        return Err(format!("{name}: \"{value}\" is not a whole number"));
    };
    let Some(result) = options.set_limit(name, value) else {
        let names: Vec<&str> = LIMITS.iter().map(|limit| limit.name).collect();
        return Err(format!("unknown limit \"{name}\"; known are {}", names.join(", ")));
    };
    result.map_err(|error| format!("{name}: {error}"))
}

fn seconds(text: &str) -> Result<f64, String> {
    value::parse(text, value::number)
        .ok_or_else(|| format!("\"{text}\" is not a number of seconds"))
}

fn unknown(name: &str) -> String {
    let what = if name.starts_with('-') { "unknown option" } else { "unexpected argument" };
    format!("{what} \"{name}\"; known are {}", OPTIONS.join(", "))
}

fn utf8(argument: OsString) -> Result<String, String> {
    argument.into_string().map_err(|argument| format!("{} is not UTF-8", argument.display()))
}
