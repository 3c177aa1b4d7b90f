//! What the operating system asks of the hub.

use std::io;

use netsvc_hub::Control;

/// Forwards signals for as long as the hub listens. To be called on the I/O thread.
#[cfg(unix)]
pub(crate) fn forward(control: &Control) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let on = |kind: SignalKind, ask: fn(&Control)| {
        let mut signals = signal(kind)?;
        let control = control.clone();
        tokio::spawn(async move {
            while control.is_open() && signals.recv().await.is_some() {
                ask(&control);
            }
        });
        io::Result::Ok(())
    };
    on(SignalKind::terminate(), |control| control.stop("SIGTERM"))?;
    on(SignalKind::interrupt(), |control| control.stop("SIGINT"))?;
    on(SignalKind::hangup(), Control::reload)
}

/// Windows has nothing like SIGHUP: a changed file takes effect with the next start.
#[cfg(windows)]
pub(crate) fn forward(control: &Control) -> io::Result<()> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

    macro_rules! on {
        ($signal:ident, $name:literal) => {
            let mut signals = $signal()?;
            let control = control.clone();
            tokio::spawn(async move {
                while control.is_open() && signals.recv().await.is_some() {
                    control.stop($name);
                }
            });
        };
    }
    on!(ctrl_c, "Ctrl-C");
    on!(ctrl_break, "Ctrl-Break");
    on!(ctrl_close, "the closed console");
    on!(ctrl_shutdown, "the system's shutdown");
    Ok(())
}
