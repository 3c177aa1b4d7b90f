//! The configuration file: read, and turned into options.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::config_syntax::{Entry, Value, parse};
use crate::options::{LIMITS, Options};

/// Something larger is not meant to be a configuration.
const MAX_BYTES: u64 = 1 << 20;

/// Keys outside a table.
const KEYS: [&str; 7] = ["listen", "socket", "group", "label", "drain", "log-level", "log-format"];
const TABLES: [&str; 2] = ["heartbeat", "limits"];
const HEARTBEAT_KEYS: [&str; 2] = ["interval", "dead"];

/// Reads the file. An error is for people, and begins with the path and the line.
pub(crate) fn load(path: &Path) -> Result<Options, String> {
    let place = path.display();
    let text = read(path).map_err(|error| format!("{place}: {error}"))?;
    from_text(&text).map_err(|error| format!("{place}: {error}"))
}

/// An error begins with the line.
pub(crate) fn from_text(text: &str) -> Result<Options, String> {
    let entries = parse(text).map_err(|error| format!("line {}: {}", error.line, error.message))?;
    let mut options = Options::default();
    for entry in entries {
        apply(&mut options, &entry).map_err(|error| format!("line {}: {error}", entry.line))?;
    }
    Ok(options)
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("is larger than {MAX_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

fn apply(options: &mut Options, entry: &Entry) -> Result<(), String> {
    match set(options, entry) {
        None => Err(unknown(&entry.table, &entry.key)),
        Some(result) => result.map_err(|error| format!("{}: {error}", entry.key)),
    }
}

/// `None`: there is no such key.
fn set(options: &mut Options, entry: &Entry) -> Option<Result<(), String>> {
    let value = &entry.value;
    Some(match (entry.table.as_str(), entry.key.as_str()) {
        ("", "listen") => {
            options.listen = Some(Vec::new());
            each(value, |text| options.add_listen(text))
        }
        ("", "socket") => {
            options.socket = Some(Vec::new());
            each(value, |text| options.add_socket(text))
        }
        ("", "group") => text(value).and_then(|name| options.set_group(name)),
        ("", "label") => text(value).and_then(|name| options.set_label(name)),
        ("", "drain") => number(value).and_then(|seconds| options.set_drain(seconds)),
        ("", "log-level") => text(value).and_then(|name| options.set_log_level(name)),
        ("", "log-format") => text(value).and_then(|name| options.set_log_format(name)),
        ("heartbeat", "interval") => number(value).and_then(|s| options.set_interval(s)),
        ("heartbeat", "dead") => number(value).and_then(|s| options.set_dead(s)),
        ("limits", name) => match integer(value) {
            Ok(value) => return options.set_limit(name, value),
            // Whether the key exists comes first.
            Err(error) => return options.clone().set_limit(name, 1.0).map(|_| Err(error)),
        },
        _ => return None,
    })
}

fn unknown(table: &str, key: &str) -> String {
    let limits: Vec<&str> = LIMITS.iter().map(|limit| limit.name).collect();
    let (what, known) = match table {
        "" => (format!("unknown key \"{key}\""), &KEYS[..]),
        "heartbeat" => (format!("unknown key \"{key}\" in [heartbeat]"), &HEARTBEAT_KEYS[..]),
        "limits" => (format!("unknown key \"{key}\" in [limits]"), &limits[..]),
        _ => (format!("unknown table [{table}]"), &TABLES[..]),
    };
    format!("{what}; known are {}", known.join(", "))
}

fn each(value: &Value, mut take: impl FnMut(&str) -> Result<(), String>) -> Result<(), String> {
    match value {
        Value::Text(text) => take(text),
        Value::Texts(texts) => texts.iter().try_for_each(|text| take(text)),
        _ => Err("must be a text or a list of texts".to_owned()),
    }
}

fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err("must be a text".to_owned()),
    }
}

fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Integer(number) | Value::Fraction(number) => Ok(*number),
        _ => Err("must be a number".to_owned()),
    }
}

fn integer(value: &Value) -> Result<f64, String> {
    match value {
        Value::Integer(number) => Ok(*number),
        _ => Err("must be a whole number".to_owned()),
    }
}
