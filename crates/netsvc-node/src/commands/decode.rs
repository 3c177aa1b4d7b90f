//! Reads the buffer in which TypeScript collects the commands of one tick.
//!
//! 32-bit words in the machine's order. The first word of a command holds the operation in its
//! lowest byte, a content type in the next, flags of the operation or a status in the third, and
//! flags of any command in the fourth. Fixed words follow, then strings and contents, each filled
//! up to a whole word. If the command has extension fields, which a flag says, their length follows
//! in a word, then they do. Strings that repeat are named by slot, which a STRING before defines.
//!
//! Nothing of this is trusted: [`check`] finds whatever does not parse, and then no command of the
//! buffer is run.

use std::time::Duration;

use netsvc_core::{Prefer, RequestCode, RequestOptions};

use crate::commands::command::{Body, Command, Reply, Subject, Target};
use crate::numbers::{command, command_flag, request_flag, slots, status};

/// The command buffer breaks its format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("command buffer malformed at byte {at}: {what}")]
pub(crate) struct Malformed {
    /// Where the command, or the content, begins.
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// What is done with a command. Not a closure, because it has to be inlined where each kind of
/// command is read: otherwise all kinds share a place on the stack, and copying a command there
/// costs more than reading it.
pub(crate) trait Run<'a> {
    /// Has to be inlined.
    fn run(self, command: Command<'a>);
}

/// Does nothing.
struct Ignore;

impl Run<'_> for Ignore {
    #[inline]
    fn run(self, _: Command<'_>) {}
}

/// Reads all commands once. `slots`: how many are defined already.
pub(crate) fn check(buffer: &[u8], slots: usize) -> Result<(), Malformed> {
    let mut commands = Commands { bytes: buffer, at: 0, slots };
    while !commands.is_done() {
        commands.command(Ignore)?;
    }
    Ok(())
}

/// The commands of a buffer, one after the other.
#[derive(Debug)]
pub(crate) struct Commands<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Slots that are defined so far.
    slots: usize,
}

impl<'a> Commands<'a> {
    /// Those of a buffer that passed [`check`] with `slots`.
    pub(crate) fn checked(buffer: &'a [u8], slots: usize) -> Self {
        Self { bytes: buffer, at: 0, slots }
    }

    /// Bytes read so far.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Hands the next command to `run`. False: there is none.
    #[inline]
    pub(crate) fn next(&mut self, run: impl Run<'a>) -> bool {
        if self.is_done() {
            return false;
        }
        if self.command(run).is_err() {
            // Impossible after `check`. If it happened, nothing behind it could be read.
            self.at = self.bytes.len();
            return false;
        }
        true
    }

    /// Reads a command for `run`.
    #[inline]
    fn command(&mut self, run: impl Run<'a>) -> Result<(), Malformed> {
        let start = self.at;
        let malformed = |what| Malformed { at: start, what };
        let [first] = self.numbers()?;
        let [op, kind, extra, flags] = first.to_le_bytes();
        if flags != 0 && !(flags == command_flag::EXTENSIONS && takes_extensions(op)) {
            return Err(malformed("unknown bits of a command"));
        }
        match op {
            command::REQUEST => {
                let [key, timeout, parts, target, method, length] = self.numbers()?;
                let known = request_flag::WAIT | request_flag::IDENTITY | request_flag::PREFER_ANY;
                if extra & !known != 0 {
                    return Err(malformed("unknown flags of a request"));
                }
                self.slot(target, start)?;
                self.slot(method, start)?;
                let timeout = Duration::from_millis(timeout.into());
                let wait = extra & request_flag::WAIT != 0;
                let prefer = match extra & request_flag::PREFER_ANY {
                    0 => Prefer::Local,
                    _ => Prefer::Any,
                };
                let bytes = self.take(length)?;
                let extensions = self.extensions(flags)?;
                run.run(Command::Request {
                    key,
                    options: RequestOptions { timeout, wait, prefer, parts, extensions: &[] },
                    target: if extra & request_flag::IDENTITY == 0 {
                        Target::Name(target)
                    } else {
                        Target::Identity(target)
                    },
                    method,
                    content: Body { kind, bytes },
                    extensions,
                });
            }
            command::STRING => {
                let [slot, length] = self.numbers()?;
                let text = self.text(length)?;
                let index = slot as usize;
                if index > self.slots || index >= slots::COMMANDS as usize {
                    return Err(malformed("a slot out of order"));
                }
                self.slots = self.slots.max(index + 1);
                run.run(Command::String { slot, text });
            }
            command::RESPOND => {
                let [low, high, length] = self.numbers()?;
                let call = wide(low, high);
                match extra {
                    status::RESPONSE => {
                        let result = Reply::Response(Body { kind, bytes: self.take(length)? });
                        let extensions = self.extensions(flags)?;
                        run.run(Command::Respond { call, result, extensions });
                    }
                    status::FAILURE => {
                        let result = Reply::Failure(Body { kind, bytes: self.take(length)? });
                        let extensions = self.extensions(flags)?;
                        run.run(Command::Respond { call, result, extensions });
                    }
                    status::ERROR => {
                        let unknown = malformed("unknown request code");
                        let code = RequestCode::from_wire(kind).ok_or(unknown)?;
                        let result = Reply::Error(code, self.text(length)?);
                        let extensions = self.extensions(flags)?;
                        run.run(Command::Respond { call, result, extensions });
                    }
                    _ => return Err(malformed("unknown status of a result")),
                }
            }
            command::PUBLISH => {
                let [service, subject, length] = self.numbers()?;
                self.slot(subject, start)?;
                let (subject, bytes) = (Subject::Slot(subject), self.take(length)?);
                let (content, extensions) = (Body { kind, bytes }, self.extensions(flags)?);
                run.run(Command::Publish { service, subject, content, extensions });
            }
            command::GRANT => {
                let [subscription, reports] = self.numbers()?;
                run.run(Command::Grant { subscription, reports });
            }
            command::GRANT_WATCH => {
                let [watch, changes] = self.numbers()?;
                run.run(Command::GrantWatch { watch, changes });
            }
            command::PART => {
                let [low, high, length] = self.numbers()?;
                let content = Body { kind, bytes: self.take(length)? };
                run.run(Command::Part { call: wide(low, high), content });
            }
            command::GRANT_PARTS => {
                let [key, parts] = self.numbers()?;
                run.run(Command::GrantParts { key, parts });
            }
            command::PUBLISH_TEXT => {
                let [service, subject, length] = self.numbers()?;
                let (subject, bytes) = (Subject::Text(self.text(subject)?), self.take(length)?);
                let (content, extensions) = (Body { kind, bytes }, self.extensions(flags)?);
                run.run(Command::Publish { service, subject, content, extensions });
            }
            _ => return Err(malformed("unknown operation")),
        }
        Ok(())
    }

    /// Extension fields, which end a command that has any.
    #[inline]
    fn extensions(&mut self, flags: u8) -> Result<&'a [u8], Malformed> {
        if flags & command_flag::EXTENSIONS == 0 {
            return Ok(&[]);
        }
        let [length] = self.numbers()?;
        self.take(length)
    }

    /// Whether a slot is defined.
    fn slot(&self, slot: u32, at: usize) -> Result<(), Malformed> {
        if (slot as usize) < self.slots {
            Ok(())
        } else {
            Err(Malformed { at, what: "a slot that is not defined" })
        }
    }

    /// A content or string, and what fills up its last word.
    fn take(&mut self, length: u32) -> Result<&'a [u8], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let cut = Malformed { at: self.at, what: "cut short" };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(whole) = length.checked_next_multiple_of(4) else { return Err(cut) };
        let bytes = rest.get(..whole).ok_or(cut)?;
        self.at += whole;
        Ok(&bytes[..length])
    }

    fn text(&mut self, length: u32) -> Result<&'a str, Malformed> {
        let at = self.at;
        std::str::from_utf8(self.take(length)?)
            .map_err(|_| Malformed { at, what: "a string is not UTF-8" })
    }

    fn numbers<const N: usize>(&mut self) -> Result<[u32; N], Malformed> {
        let (words, _) = self.bytes.get(self.at..).unwrap_or_default().as_chunks::<4>();
        let words = words.first_chunk::<N>();
        let words = words.ok_or(Malformed { at: self.at, what: "cut short" })?;
        self.at += 4 * N;
        Ok(words.map(u32::from_ne_bytes))
    }
}

/// Whether such a command may have extension fields.
fn takes_extensions(op: u8) -> bool {
    matches!(op, command::REQUEST | command::RESPOND | command::PUBLISH | command::PUBLISH_TEXT)
}

fn wide(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[cfg(test)]
mod tests;
