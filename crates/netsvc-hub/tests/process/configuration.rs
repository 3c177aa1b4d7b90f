//! Wrong options, files, and reading them again.

use crate::support::{Client, Folder, Hub, command};

fn usage(arguments: &[&str]) -> String {
    let output = command(arguments, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_wrong_on_the_command_line_or_in_the_file_ends_it_with_2() {
    assert!(usage(&["--lisen"]).starts_with("netsvcd: unknown option \"--lisen\""));
    let folder = Folder::new();
    let file = folder.write("hub.toml", "drain = 1\n\nlisen = '1'\n");
    let file = file.to_str().unwrap();
    let wanted = format!("netsvcd: {file}: line 3: unknown key \"lisen\"; known are listen, ");
    let error = usage(&["--config", file]);
    assert!(error.starts_with(&wanted), "{error}");
    let missing = folder.join("missing.toml");
    assert!(usage(&["--config", missing.to_str().unwrap()]).contains("missing.toml: No such file"));
    let folder_itself = folder.join("");
    assert!(usage(&["--config", folder_itself.to_str().unwrap()]).contains("directory"));
}

#[test]
fn the_file_says_where_to_listen() {
    let folder = Folder::new();
    let socket = folder.join("hub.sock");
    let text = format!("socket = '{}'\nlabel = 'from the file'\n", socket.display());
    let file = folder.write("hub.toml", &text);
    let mut hub = Hub::start(&["--config", file.to_str().unwrap()]);
    let start = hub.wait("start", |_| true);
    assert_eq!(start["label"], "from the file");
    assert_eq!(start["addresses"], serde_json::json!([socket]));
    Client::unix("one", &socket).active();
}

#[test]
fn a_reload_changes_the_level_and_adds_places_and_says_what_it_cannot_change() {
    let folder = Folder::new();
    let (first, second) = (folder.join("first.sock"), folder.join("second.sock"));
    let (first, second) = (first.display(), second.display());
    let file = folder.write("hub.toml", &format!("socket = '{first}'\ngroup = 'a'\n"));
    let mut hub = Hub::start(&["--config", file.to_str().unwrap()]);
    hub.wait("start", |_| true);

    let text = format!(
        "socket = ['{first}', '{second}']\ngroup = 'b'\nlog-level = 'debug'\n[limits]\nlinks = 5\n"
    );
    folder.write("hub.toml", &text);
    hub.signal("HUP");
    let applied = hub.wait("reload", |_| true);
    assert_eq!(applied["message"], "reloaded log-level, listen or socket (a place was added)");
    let refused = hub.wait("reload", |_| true);
    assert_eq!(refused["level"], "warn");
    assert_eq!(refused["message"], "group, limits take effect with the next start only");
    hub.wait("listen", |message| message["message"].as_str().unwrap().contains("as well"));
    let target = netsvc_net::Target::Unix(folder.join("second.sock"));
    Client::connect("one", "a", target).active();
    // The second refusal in a row is worth a line at level debug only.
    for _ in 0..2 {
        drop(std::os::unix::net::UnixStream::connect(folder.join("first.sock")).unwrap());
    }
    hub.wait("link-refused", |message| message["level"] == "debug");
}

#[test]
fn a_reload_of_a_broken_file_leaves_everything_as_it_was() {
    let folder = Folder::new();
    let socket = folder.join("hub.sock");
    let file = folder.write("hub.toml", &format!("socket = '{}'\n", socket.display()));
    let mut hub = Hub::start(&["--config", file.to_str().unwrap()]);
    hub.wait("start", |_| true);
    folder.write("hub.toml", "log-level = 'off'\nsocket = 'x");
    hub.signal("HUP");
    let error = hub.wait("reload", |message| message["level"] == "error");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("hub.toml: line 2: invalid literal string, expected `'`"),
        "{message}"
    );
    Client::unix("one", &socket).active();
    hub.wait("link-active", |_| true);
}

#[test]
fn a_reload_without_a_file_says_so_and_a_taken_place_does_not_end_the_hub() {
    let (mut hub, address) = Hub::at_free_port(&[]);
    hub.signal("HUP");
    let error = hub.wait("reload", |_| true);
    assert!(error["message"].as_str().unwrap().contains("without --config"));

    let folder = Folder::new();
    let file = folder.write("hub.toml", "listen = '127.0.0.1:0'\n");
    let mut other = Hub::start(&["--config", file.to_str().unwrap()]);
    other.wait("start", |_| true);
    folder.write("hub.toml", &format!("listen = ['127.0.0.1:0', '{address}']\n"));
    other.signal("HUP");
    let error = other.wait("listen", |message| message["level"] == "error");
    assert_eq!(error["reason"], "address-in-use");
    hub.signal("TERM");
    assert_eq!(hub.exit_code(), Some(0));
    // It was not taken over, so that the same file may be read once more.
    other.signal("HUP");
    other.wait("listen", |message| message["level"] == "info");
    Client::tcp("one", address).active();
}
