//! Writes the numbers as TypeScript, and checks that they are there.

use std::fmt::Write;
use std::fs;

use netsvc_core::{AbortReason, DEADLINE_PASSED, ReasonCode, RequestCode, Status};

use super::LISTS;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ts/border/numbers.ts");

const HEAD: &str = "\
// The numbers that both sides of the border know. Made from crates/netsvc-node/src/numbers.rs by
// `cargo test -p netsvc-node numbers`: change them there.
";

/// One list of numbers.
pub(super) struct List {
    pub(super) about: &'static str,
    pub(super) form: Form,
    pub(super) prefix: &'static str,
    pub(super) numbers: &'static [(&'static str, i64)],
}

/// How TypeScript gets a list.
pub(super) enum Form {
    /// As a constant for each number.
    Constants,
    /// As an object of names by their numbers.
    Names,
}

/// Numbers of the core that cross the border as they are.
const CORE_LISTS: &[List] = &[
    List {
        about: " Why a call is aborted.",
        form: Form::Constants,
        prefix: "ABORT",
        numbers: &[
            ("CANCELLED", AbortReason::Cancelled as i64),
            ("CALLER_GONE", AbortReason::CallerGone as i64),
            ("DEADLINE", AbortReason::Deadline as i64),
            ("SERVICE_CLOSED", AbortReason::ServiceClosed as i64),
        ],
    },
    List {
        about: " What a watch tells.",
        form: Form::Names,
        prefix: "CHANGE_STATUSES",
        numbers: &[
            ("AVAILABLE", Status::Available as i64),
            ("WITHDRAWN", Status::Withdrawn as i64),
            ("JOINED", Status::Joined as i64),
            ("LEFT", Status::Left as i64),
            ("CURRENT", Status::Current as i64),
            ("RESET", Status::Reset as i64),
        ],
    },
];

fn constants(list: &List, out: &mut String) {
    for (name, number) in list.numbers {
        writeln!(out, "export const {}_{name} = {number};", list.prefix).unwrap();
    }
}

/// An object whose keys need quotes if they are not plain words.
fn object(name: &str, entries: impl Iterator<Item = (String, String)>, out: &mut String) {
    writeln!(out, "export const {name} = {{").unwrap();
    for (key, value) in entries {
        let quote = if key.contains('-') { "\"" } else { "" };
        writeln!(out, "  {quote}{key}{quote}: {value},").unwrap();
    }
    writeln!(out, "}} as const;").unwrap();
}

fn names(list: &List, out: &mut String) {
    let entries = list.numbers.iter().map(|(name, no)| (no.to_string(), quoted(&camel_case(name))));
    object(list.prefix, entries, out);
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// `ATTEMPT_FAILED` as `attemptFailed`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_').map(str::to_lowercase);
    let mut text = words.next().unwrap_or_default();
    for word in words {
        text.push_str(&word[..1].to_uppercase());
        text.push_str(&word[1..]);
    }
    text
}

fn file() -> String {
    let mut out = HEAD.to_string();
    for list in LISTS.iter().chain(CORE_LISTS) {
        writeln!(out, "\n//{}", list.about).unwrap();
        match list.form {
            Form::Constants => constants(list, &mut out),
            Form::Names => names(list, &mut out),
        }
    }
    writeln!(out, "\n// Why the framework ended a request.").unwrap();
    let codes = RequestCode::ALL.map(|code| (code.name().to_string(), (code as u8).to_string()));
    object("REQUEST_CODES", codes.into_iter(), &mut out);
    writeln!(out, "\n// What a call is told whose deadline has passed.").unwrap();
    writeln!(out, "export const DEADLINE_PASSED = {};", quoted(DEADLINE_PASSED)).unwrap();
    writeln!(out, "\n// Why a link was refused, failed, was lost or closed.").unwrap();
    let codes = ReasonCode::ALL.map(|code| ((code as u8).to_string(), quoted(code.name())));
    object("LINK_CODES", codes.into_iter(), &mut out);
    out
}

#[test]
fn typescript_has_the_same_numbers() {
    let found = fs::read_to_string(FILE).unwrap_or_default().replace("\r\n", "\n");
    let right = file();
    if found != right {
        fs::write(FILE, &right).unwrap();
        panic!("ts/border/numbers.ts was out of date and has been written anew: commit it");
    }
}

#[test]
fn each_number_of_a_list_has_one_name() {
    for list in LISTS.iter().filter(|list| list.prefix != "ABSENT") {
        let mut numbers: Vec<i64> = list.numbers.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), list.numbers.len(), "{}", list.prefix);
    }
}
