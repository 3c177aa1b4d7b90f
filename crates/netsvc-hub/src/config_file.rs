//! The configuration file: read, and turned into options.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use crate::options::{LIMITS, Options};
use crate::value::{integer, number, text};

/// Something larger is not meant to be a configuration.
const MAX_BYTES: u64 = 1 << 20;

/// Characters of the file that a syntax error shows.
const EXCERPT: usize = 40;

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
    let (document, errors) = DeTable::parse_recoverable(text);
    let place = |error: &Error| error.span().map_or(text.len(), |span| span.start);
    if let Some(error) = errors.iter().min_by_key(|error| place(error)) {
        return Err(syntax_error(text, place(error), error.message()));
    }
    let mut options = Options::default();
    for entry in entries(document.get_ref()) {
        apply(&mut options, &entry).map_err(|error| located(text, entry.at, &error))?;
    }
    Ok(options)
}

/// With the text at the error: the parser's words alone do not name it.
fn syntax_error(text: &str, at: usize, message: &str) -> String {
    let rest = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let excerpt: String = rest.trim_end().chars().take(EXCERPT).collect();
    let place = match excerpt.as_str() {
        "" => "at the end of the line".to_owned(),
        excerpt => format!("at {excerpt:?}"),
    };
    located(text, at, &format!("{message}, {place}"))
}

/// `at` is a byte of the text.
fn located(text: &str, at: usize, message: &str) -> String {
    let before = text.bytes().take(at);
    format!("line {}: {message}", 1 + before.filter(|byte| *byte == b'\n').count())
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

/// `key = value` in a table; `""` is the head of the file. Items of a list follow it, each as an
/// entry of its own.
struct Entry<'a> {
    /// The byte of the text where it begins.
    at: usize,
    table: &'a str,
    key: &'a str,
    value: &'a DeValue<'a>,
    is_item: bool,
}

/// In the order of the file, so that the first mistake is the one that is told.
fn entries<'a>(document: &'a DeTable<'a>) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    for (name, value) in document {
        match value.get_ref() {
            DeValue::Table(table) if TABLES.contains(&name.get_ref().as_ref()) => {
                for (key, value) in table {
                    push(&mut entries, name.get_ref(), (key.span().start, key.get_ref()), value);
                }
            }
            _ => push(&mut entries, "", (name.span().start, name.get_ref()), value),
        }
    }
    entries.sort_by_key(|entry| entry.at);
    entries
}

fn push<'a>(
    entries: &mut Vec<Entry<'a>>,
    table: &'a str,
    (at, key): (usize, &'a str),
    value: &'a Spanned<DeValue<'a>>,
) {
    entries.push(Entry { at, table, key, value: value.get_ref(), is_item: false });
    let items = value.get_ref().as_array().into_iter().flatten();
    entries.extend(items.map(|item| {
        let (at, value) = (item.span().start, item.get_ref());
        Entry { at, table, key, value, is_item: true }
    }));
}

fn apply(options: &mut Options, entry: &Entry<'_>) -> Result<(), String> {
    match set(options, entry) {
        None => Err(unknown(entry)),
        Some(result) => result.map_err(|error| format!("{}: {error}", entry.key)),
    }
}

/// `None`: there is no such key.
fn set(options: &mut Options, entry: &Entry<'_>) -> Option<Result<(), String>> {
    let value = entry.value;
    Some(match (entry.table, entry.key) {
        ("", "listen") => {
            let places = options.listen.take().filter(|_| entry.is_item);
            options.listen = Some(places.unwrap_or_default());
            item(entry).and_then(|text| text.map_or(Ok(()), |text| options.add_listen(text)))
        }
        ("", "socket") => {
            let places = options.socket.take().filter(|_| entry.is_item);
            options.socket = Some(places.unwrap_or_default());
            item(entry).and_then(|text| text.map_or(Ok(()), |text| options.add_socket(text)))
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
        ("", name) if TABLES.contains(&name) => Err(format!("must be a table: [{name}]")),
        _ => return None,
    })
}

/// One of some texts; `None` where their list begins.
fn item<'a>(entry: &Entry<'a>) -> Result<Option<&'a str>, String> {
    match entry.value {
        DeValue::String(text) => Ok(Some(text)),
        DeValue::Array(_) if !entry.is_item => Ok(None),
        _ => Err("must be a text or a list of texts".to_owned()),
    }
}

fn unknown(entry: &Entry<'_>) -> String {
    let key = entry.key;
    let limits: Vec<&str> = LIMITS.iter().map(|limit| limit.name).collect();
    let (what, known) = match entry.table {
        "" if entry.value.is_table() => (format!("unknown table [{key}]"), &TABLES[..]),
        "" => (format!("unknown key \"{key}\""), &KEYS[..]),
        "heartbeat" => (format!("unknown key \"{key}\" in [heartbeat]"), &HEARTBEAT_KEYS[..]),
        _ => (format!("unknown key \"{key}\" in [limits]"), &limits[..]),
    };
    format!("{what}; known are {}", known.join(", "))
}
