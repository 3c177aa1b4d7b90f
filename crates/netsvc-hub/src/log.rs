//! Messages for the operator, on stderr.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::SystemTime;

use crate::timestamp::rfc3339;

/// From silence to everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

/// How lines look. Text has no time: what collects stderr adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

/// Messages on their way to stderr.
pub(crate) struct Log {
    pub(crate) level: Level,
    pub(crate) format: Format,
    lines: Lines,
}

/// Lines on their way to stderr. Nothing waits for a reader of stderr that does not read: what
/// exceeds the channel, or is refused by stderr, is lost and counted.
#[derive(Clone)]
pub(crate) struct Lines {
    sender: SyncSender<Line>,
    lost: Arc<AtomicU64>,
}

/// A line with its end.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// Messages that are lost with it.
    pub(crate) messages: u64,
}

/// One message.
#[derive(Debug)]
pub(crate) struct Entry {
    level: Level,
    event: &'static str,
    message: String,
    /// Only in JSON; the message says the same.
    fields: Vec<(&'static str, Field)>,
}

#[derive(Debug)]
pub(crate) enum Field {
    Text(String),
    Number(u64),
    Texts(Vec<String>),
}

impl Level {
    pub(crate) const ALL: [Self; 5] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Text, Self::Json];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Log {
    pub(crate) fn new(level: Level, format: Format, lines: Lines) -> Self {
        Self { level, format, lines }
    }

    pub(crate) fn write(&mut self, entry: &Entry) {
        if entry.level > self.level {
            return;
        }
        let lost = self.lines.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let message = format!("{lost} messages before this one were dropped");
            let notice = Entry::new(Level::Warn, "dropped", message);
            self.send(&notice, lost);
        }
        self.send(entry, 1);
    }

    fn send(&self, entry: &Entry, messages: u64) {
        let text = entry.line(self.format, SystemTime::now());
        // Without a receiver nobody is left who could be told.
        if let Err(TrySendError::Full(line)) = self.lines.sender.try_send(Line { text, messages }) {
            self.lines.lost.fetch_add(line.messages, Ordering::Relaxed);
        }
    }
}

impl Lines {
    pub(crate) fn new(sender: SyncSender<Line>) -> Self {
        Self { sender, lost: Arc::default() }
    }

    /// Lines that were lost and not told of.
    pub(crate) fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }
}

impl Entry {
    /// `event` is stable, to branch on.
    pub(crate) fn new(level: Level, event: &'static str, message: impl Into<String>) -> Self {
        Self { level, event, message: message.into(), fields: Vec::new() }
    }

    pub(crate) fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, Field::Text(value.into())));
        self
    }

    pub(crate) fn number(mut self, name: &'static str, value: u64) -> Self {
        self.fields.push((name, Field::Number(value)));
        self
    }

    pub(crate) fn texts(mut self, name: &'static str, values: Vec<String>) -> Self {
        self.fields.push((name, Field::Texts(values)));
        self
    }

    /// With its end of line. Whatever a peer sent stays within the line.
    pub(crate) fn line(&self, format: Format, now: SystemTime) -> String {
        let mut line = String::new();
        match format {
            Format::Text => {
                line.push_str("netsvcd ");
                line.push_str(self.level.name());
                line.push_str(": ");
                line.extend(self.message.chars().flat_map(printable));
            }
            Format::Json => self.json(&mut line, now),
        }
        line.push('\n');
        line
    }

    fn json(&self, line: &mut String, now: SystemTime) {
        line.push('{');
        for (name, value) in [
            ("time", rfc3339(now).as_str()),
            ("level", self.level.name()),
            ("event", self.event),
            ("message", &self.message),
        ] {
            key(line, name);
            json_text(line, value);
        }
        for (name, field) in &self.fields {
            key(line, name);
            match field {
                Field::Text(text) => json_text(line, text),
                Field::Number(number) => line.push_str(&number.to_string()),
                Field::Texts(texts) => {
                    line.push('[');
                    for (index, text) in texts.iter().enumerate() {
                        line.push_str(if index == 0 { "" } else { "," });
                        json_text(line, text);
                    }
                    line.push(']');
                }
            }
        }
        line.push('}');
    }
}

fn key(line: &mut String, name: &str) {
    line.push_str(if line.len() > 1 { "," } else { "" });
    json_text(line, name);
    line.push(':');
}

fn json_text(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            c if is_hidden(c) => {
                // Writing to a string cannot fail. All of them are in the first plane.
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line.push('"');
}

fn printable(c: char) -> impl Iterator<Item = char> {
    let (plain, escaped) =
        if is_hidden(c) { (None, Some(c.escape_unicode())) } else { (Some(c), None) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// Control characters, and those that end a line for some readers.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;
    use std::time::UNIX_EPOCH;

    fn entry() -> Entry {
        Entry::new(Level::Info, "link-active", "linked with \"a\"\n\u{1b}[2J")
            .text("label", "ä\\\u{2028}\u{85}")
            .number("attempt", 2)
            .texts("addresses", vec!["a".to_owned(), "b".to_owned()])
    }

    #[test]
    fn a_line_of_json_is_what_was_said_and_one_line() {
        let line = entry().line(Format::Json, UNIX_EPOCH);
        assert!(line.ends_with('\n') && !line.trim_end().contains(is_hidden), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        let wanted = serde_json::json!({
            "time": "1970-01-01T00:00:00.000Z",
            "level": "info",
            "event": "link-active",
            "message": "linked with \"a\"\n\u{1b}[2J",
            "label": "ä\\\u{2028}\u{85}",
            "attempt": 2,
            "addresses": ["a", "b"],
        });
        assert_eq!(read, wanted);
    }

    #[test]
    fn a_line_of_text_cannot_be_broken_by_a_peer() {
        let line = entry().line(Format::Text, UNIX_EPOCH);
        assert_eq!(line, "netsvcd info: linked with \"a\"\\u{a}\\u{1b}[2J\n");
    }

    #[test]
    fn what_is_below_the_level_is_not_written() {
        let (lines, written) = sync_channel(9);
        let mut log = Log::new(Level::Warn, Format::Text, Lines::new(lines));
        for level in [Level::Error, Level::Warn, Level::Info, Level::Debug] {
            log.write(&Entry::new(level, "e", "m"));
        }
        log.level = Level::Off;
        log.write(&Entry::new(Level::Error, "e", "m"));
        drop(log);
        let written: Vec<String> = written.iter().map(|line| line.text).collect();
        assert_eq!(written, ["netsvcd error: m\n", "netsvcd warn: m\n"]);
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted() {
        let (lines, written) = sync_channel(2);
        let mut log = Log::new(Level::Info, Format::Text, Lines::new(lines));
        for number in 0..5 {
            log.write(&Entry::new(Level::Info, "e", number.to_string()));
        }
        assert_eq!(written.try_iter().count(), 2);
        log.write(&Entry::new(Level::Info, "e", "5"));
        let rest: Vec<String> = written.try_iter().map(|line| line.text).collect();
        let wanted =
            ["netsvcd warn: 3 messages before this one were dropped\n", "netsvcd info: 5\n"];
        assert_eq!(rest, wanted);
    }
}
