//! A program that was started here, and does not outlive its owner.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Nothing takes this long to start unless it hangs.
const STARTING: Duration = Duration::from_secs(20);

/// Killed when dropped.
pub(crate) struct Running {
    child: Child,
    /// What it writes to stderr.
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).lines());
            // It is read to its end: a full pipe would hold the program up.
            lines.map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        Ok(Self { child, lines })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The addresses of IPv4 in the first line that has any.
    pub(crate) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let until = Instant::now() + STARTING;
        let mut read = String::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                return Err(io::Error::other(format!("it does not start: {read}")));
            };
            let words = line.split(|sign: char| !(sign.is_ascii_digit() || ".:".contains(sign)));
            let found: Vec<_> = words.filter_map(|word| word.parse().ok()).collect();
            if !found.is_empty() {
                return Ok(found);
            }
            read.push_str(&line);
        }
    }

    /// What it has written since it was last asked.
    pub(crate) fn told(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// How it ended; `None`: it runs.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// What it says on stdout until its end; killed if that does not come in time (`None`).
    pub(crate) fn finish(mut self, within: Duration) -> io::Result<Option<(ExitStatus, String)>> {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.ended()? {
                let text = self.child.stdout.take().map(io::read_to_string);
                return Ok(Some((status, text.transpose()?.unwrap_or_default())));
            }
            if Instant::now() > until {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
