//! Commands of the benchmark's driver: JSON lines on standard input, answers on standard output.

use std::io::{self, BufRead, Write};
use std::sync::OnceLock;
use std::time::Instant;

/// A process of a measurement. Commands come one at a time.
pub trait Role {
    /// Answers a command by JSON.
    fn command(&mut self, command: &str, options: &Options) -> Result<String, String>;
}

/// A JSON object, of which fields are taken by their names wherever they are. Enough for what the
/// driver sends: flat, or with names that occur once, and strings without escapes.
pub struct Options(String);

impl Options {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        let value = self.value(name)?.strip_prefix('"')?;
        value.split('"').next()
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        let value = self.value(name)?;
        let end = value.find(|digit: char| !digit.is_ascii_digit());
        value[..end.unwrap_or(value.len())].parse().ok()
    }

    fn value(&self, name: &str) -> Option<&str> {
        let key = format!("\"{name}\":");
        let start = self.0.find(&key)? + key.len();
        Some(&self.0[start..])
    }
}

/// Milliseconds since this process began to count.
pub fn now() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0
}

/// Says that the role is ready, and answers until the driver is gone.
pub fn serve(mut role: Box<dyn Role>) -> io::Result<()> {
    now();
    let mut output = io::stdout().lock();
    writeln!(output, r#"{{"id":0,"result":null}}"#)?;
    output.flush()?;
    for line in io::stdin().lock().lines() {
        let options = Options::new(line?);
        let (Some(command), Some(id)) = (options.text("do"), options.number("id")) else {
            continue; // grants of messages: here TCP holds the publisher back
        };
        match role.command(command, &options) {
            Ok(result) => writeln!(output, r#"{{"id":{id},"result":{result}}}"#)?,
            Err(error) => writeln!(output, r#"{{"id":{id},"error":"{error}"}}"#)?,
        }
        output.flush()?;
    }
    Ok(())
}
