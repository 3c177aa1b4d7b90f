//! Command lines and configuration files with what they mean.

use std::ffi::OsString;

use netsvc_net::ListenTarget;
use serde_json::{Map, Value, json};

use crate::address::show_target;
use crate::command_line::{self, Command};
use crate::config_file;
use crate::options::Options;

const FILES: &str = include_str!("../tests/vectors/files.json");
const COMMAND_LINES: &str = include_str!("../tests/vectors/command-lines.json");

#[test]
fn files_mean_what_the_vectors_say() {
    for vector in vectors(FILES) {
        let read = config_file::from_text(vector["text"].as_str().unwrap());
        check(&vector, read.map(|options| shown(&options)));
    }
}

#[test]
fn command_lines_mean_what_the_vectors_say() {
    for vector in vectors(COMMAND_LINES) {
        let arguments = vector["arguments"].as_array().unwrap();
        let arguments = arguments.iter().map(|argument| OsString::from(argument.as_str().unwrap()));
        let read = command_line::parse(arguments).map(|command| match command {
            Command::Help => json!("help"),
            Command::Version => json!("version"),
            Command::Run { config, options } => {
                let mut shown = shown(&options);
                if let Some(config) = config {
                    shown["config"] = json!(config);
                }
                shown
            }
        });
        check(&vector, read);
    }
}

#[test]
fn the_command_line_wins_over_the_file() {
    let file = config_file::from_text(
        "listen = '1'\ngroup = 'f'\nlabel = 'l'\ndrain = 1\n[limits]\nlinks = 7\npayload = 8\n\
         [heartbeat]\ninterval = 1\ndead = 9",
    )
    .unwrap();
    let arguments = ["--socket=/s", "--group=c", "--limit=links=9", "--heartbeat=2"];
    let Ok(Command::Run { options, .. }) =
        command_line::parse(arguments.iter().map(OsString::from))
    else {
        panic!("is a command to run");
    };
    let settings = options.over(&file).unwrap();
    assert_eq!(settings.listen, [ListenTarget::Unix("/s".into())]);
    assert_eq!((settings.group.as_str(), settings.label.as_str()), ("c", "l"));
    assert_eq!((settings.limits.links, settings.limits.payload), (9, 8));
    assert_eq!(settings.limits.memory, 64 << 20);
    assert_eq!((settings.heartbeat.interval.as_secs(), settings.heartbeat.dead.as_secs()), (2, 9));
    assert_eq!(settings.drain.as_secs(), 1);
}

#[test]
fn without_a_place_it_is_the_usual_port_of_loopback_and_an_empty_list_is_a_mistake() {
    let none = Options::default();
    let settings = none.over(&none).unwrap();
    assert_eq!(settings.listen.iter().map(show_target).collect::<Vec<_>>(), ["11111"]);
    let empty = config_file::from_text("listen = []").unwrap();
    assert!(none.over(&empty).unwrap_err().contains("nowhere to listen"));
}

#[test]
fn a_peer_is_not_dead_before_it_could_be_heard_of() {
    let options = config_file::from_text("[heartbeat]\ninterval = 5\ndead = 5").unwrap();
    assert!(Options::default().over(&options).unwrap_err().starts_with("heartbeat: "));
}

fn vectors(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[track_caller]
fn check(vector: &Value, read: Result<Value, String>) {
    match read {
        Ok(read) => assert_eq!(Some(&read), vector.get("options"), "{vector}"),
        Err(error) => assert_eq!(Some(&json!(error)), vector.get("error"), "{vector}"),
    }
}

/// What was set, by the names of the configuration file.
fn shown(options: &Options) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    let listen = options.listen.as_ref();
    put("listen", listen.map(|all| json!(all.iter().map(show_target).collect::<Vec<_>>())));
    put("socket", options.socket.as_ref().map(|all| json!(all)));
    put("group", options.group.as_ref().map(|name| json!(name)));
    put("label", options.label.as_ref().map(|name| json!(name)));
    put("interval", options.interval.map(number));
    put("dead", options.dead.map(number));
    put("drain", options.drain.map(number));
    put("log-level", options.log_level.map(|level| json!(level.name())));
    put("log-format", options.log_format.map(|format| json!(format.name())));
    let limits = options.limits.iter().map(|(limit, value)| (limit.name.to_owned(), json!(value)));
    put("limits", (!options.limits.is_empty()).then(|| Value::Object(limits.collect())));
    Value::Object(shown)
}

/// A whole number as JSON has it.
fn number(seconds: f64) -> Value {
    let text = seconds.to_string();
    serde_json::from_str(&text).unwrap()
}
