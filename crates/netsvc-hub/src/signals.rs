//! What the operating system asks of the hub.

use std::io;

use tokio::sync::mpsc::UnboundedSender;

use crate::hub::Message;

/// Forwards signals for as long as the hub listens. To be called on the I/O thread.
#[cfg(unix)]
pub(crate) fn forward(hub: &UnboundedSender<Message>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let on = |kind: SignalKind, message: fn() -> Message| {
        let mut signals = signal(kind)?;
        let hub = hub.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && hub.send(message()).is_ok() {}
        });
        io::Result::Ok(())
    };
    on(SignalKind::terminate(), || Message::Stop("SIGTERM"))?;
    on(SignalKind::interrupt(), || Message::Stop("SIGINT"))?;
    on(SignalKind::hangup(), || Message::Reload)
}

/// Windows has nothing like SIGHUP: a changed file takes effect with the next start.
#[cfg(windows)]
pub(crate) fn forward(hub: &UnboundedSender<Message>) -> io::Result<()> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

    macro_rules! on {
        ($signal:ident, $name:literal) => {
            let mut signals = $signal()?;
            let hub = hub.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() && hub.send(Message::Stop($name)).is_ok() {}
            });
        };
    }
    on!(ctrl_c, "Ctrl-C");
    on!(ctrl_break, "Ctrl-Break");
    on!(ctrl_close, "the closed console");
    on!(ctrl_shutdown, "the system's shutdown");
    Ok(())
}
