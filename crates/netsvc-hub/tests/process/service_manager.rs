//! Readiness and watchdog, as systemd asks for them.

use std::os::unix::net::UnixDatagram;

use crate::support::{Folder, Hub, PATIENCE, signal};

fn next(manager: &UnixDatagram) -> String {
    let mut bytes = [0; 4096];
    let length = manager.recv(&mut bytes).expect("no notification");
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

fn manager(folder: &Folder) -> (UnixDatagram, String) {
    let path = folder.join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    (manager, path.to_str().unwrap().to_owned())
}

#[test]
fn it_tells_when_it_is_ready_and_when_it_stops() {
    let folder = Folder::new();
    let (manager, path) = manager(&folder);
    let socket = folder.join("hub.sock");
    let arguments = ["--socket", socket.to_str().unwrap()];
    let mut hub = Hub::start_with(&arguments, &[("NOTIFY_SOCKET", &path)]);
    let ready = next(&manager);
    assert_eq!(ready, format!("READY=1\nSTATUS=listening on {}", socket.display()));
    // Ready means that it can be connected to.
    std::os::unix::net::UnixStream::connect(&socket).unwrap();
    hub.signal("TERM");
    assert!(next(&manager).starts_with("STOPPING=1"));
    assert_eq!(hub.exit_code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn the_manager_may_listen_at_an_abstract_name() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let name = format!("netsvcd-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = UnixDatagram::bind_addr(&address).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let place = format!("@{name}");
    let _hub = Hub::start_with(&["--listen=127.0.0.1:0"], &[("NOTIFY_SOCKET", &place)]);
    assert!(next(&manager).starts_with("READY=1"));
}

#[test]
fn the_watchdog_hears_of_it_until_it_stands_still() {
    let folder = Folder::new();
    let (manager, path) = manager(&folder);
    let environment = [("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "40000")];
    let mut hub = Hub::start_with(&["--listen=127.0.0.1:0"], &environment);
    let mut heard = Vec::new();
    while heard.iter().filter(|state| *state == "WATCHDOG=1").count() < 5 {
        heard.push(next(&manager));
    }
    assert!(heard.iter().any(|state| state.starts_with("READY=1")), "{heard:?}");

    // What was sent before is read; then there is silence for many times the period asked for.
    signal(hub.id(), "STOP");
    manager.set_read_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
    let mut bytes = [0; 64];
    while manager.recv(&mut bytes).is_ok() {}
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    signal(hub.id(), "CONT");
    assert_eq!(next(&manager), "WATCHDOG=1");
    hub.signal("TERM");
    assert_eq!(hub.exit_code(), Some(0));
}

#[test]
fn a_watchdog_of_another_process_is_not_served() {
    let folder = Folder::new();
    let (manager, path) = manager(&folder);
    let environment =
        [("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "2000"), ("WATCHDOG_PID", "1")];
    let mut hub = Hub::start_with(&["--listen=127.0.0.1:0"], &environment);
    assert!(next(&manager).starts_with("READY=1"));
    hub.wait("start", |_| true);
    hub.signal("TERM");
    assert!(next(&manager).starts_with("STOPPING=1"));
}

#[test]
fn a_manager_that_is_not_there_is_a_warning() {
    let folder = Folder::new();
    let nowhere = folder.join("nowhere");
    let environment = [("NOTIFY_SOCKET", nowhere.to_str().unwrap())];
    let mut hub = Hub::start_with(&["--listen=127.0.0.1:0"], &environment);
    let warning = hub.wait("notify", |_| true);
    assert_eq!(warning["level"], "warn");
    hub.wait("start", |_| true);
}
