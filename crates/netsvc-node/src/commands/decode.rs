//! Reads the staging buffer in which TypeScript collects the commands of one tick.
//!
//! 32-bit words in the machine's order. The first word of a command holds the operation in its
//! lowest byte, a content type in the next, flags or a status in the third. Fixed words follow, then
//! strings and contents, each filled up to a whole word. Strings that repeat are named by slot, which
//! a SYMBOL before defines. Nothing of this is trusted: [`check`] finds whatever does not parse, and
//! then nothing of the buffer is run.

use std::time::Duration;

use netsvc_core::{RequestCode, RequestOptions};

use crate::commands::strings::SLOTS;

/// Operation of [`Command::Publish`]; `COMMAND_FAILED` records name it, also for the other one.
pub(crate) const OP_PUBLISH: u8 = 4;
/// Operation of [`Command::Part`]; `COMMAND_FAILED` records name it.
pub(crate) const OP_PART: u8 = 7;

/// Flag of a request: wait for a provider.
const FLAG_WAIT: u8 = 1;
/// Flag of a request: the target is an identity, else a name.
const FLAG_IDENTITY: u8 = 2;

/// One command, borrowing from the staging buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// From now on `slot` stands for `text`.
    Symbol {
        slot: u32,
        text: &'a str,
    },
    Request {
        key: u32,
        options: RequestOptions,
        target: Target,
        /// Slot.
        method: u32,
        content: Body<'a>,
    },
    Respond {
        call: u64,
        result: Reply<'a>,
    },
    /// With lifetime 0; others come as single calls.
    Publish {
        service: u32,
        subject: Subject<'a>,
        content: Body<'a>,
    },
    Grant {
        subscription: u32,
        reports: u32,
    },
    GrantWatch {
        watch: u32,
        changes: u32,
    },
    /// Of a streamed result.
    Part {
        call: u64,
        content: Body<'a>,
    },
    GrantParts {
        key: u32,
        parts: u32,
    },
}

/// Whom a request is for, by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Name(u32),
    /// The text of an identity, not parsed: a wrong one is the caller's error, not the buffer's.
    Identity(u32),
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    Slot(u32),
    Text(&'a str),
}

/// What a handler answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    Response(Body<'a>),
    Failure(Body<'a>),
    Error(RequestCode, &'a str),
}

/// A content still in the staging buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Body<'a> {
    pub(crate) kind: u8,
    pub(crate) bytes: &'a [u8],
}

/// The staging buffer breaks its format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("staging buffer malformed at byte {at}: {what}")]
pub(crate) struct Malformed {
    /// Where the command, or the content, begins.
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// What is done with a command. Not a closure, since it has to be part of where each kind is read:
/// commands of all kinds would otherwise share a place on the stack, copied there in pieces, which costs
/// more than reading them.
pub(crate) trait Run<'a> {
    /// Is to be inlined.
    fn run(self, command: Command<'a>);
}

/// Nothing.
struct Ignore;

impl Run<'_> for Ignore {
    #[inline]
    fn run(self, _: Command<'_>) {}
}

/// Reads all commands once. `slots` are defined already.
pub(crate) fn check(staging: &[u8], slots: usize) -> Result<(), Malformed> {
    let mut commands = Commands { bytes: staging, at: 0, slots };
    while !commands.is_done() {
        commands.command(Ignore)?;
    }
    Ok(())
}

/// The commands of a staging buffer, one after the other.
#[derive(Debug)]
pub(crate) struct Commands<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Slots that are defined here.
    slots: usize,
}

impl<'a> Commands<'a> {
    /// Those of a buffer that passed [`check`] with `slots`.
    pub(crate) fn checked(staging: &'a [u8], slots: usize) -> Self {
        Self { bytes: staging, at: 0, slots }
    }

    /// Bytes read so far.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Hands the next command to `run`; false: there is none.
    #[inline]
    pub(crate) fn next(&mut self, run: impl Run<'a>) -> bool {
        if self.is_done() {
            return false;
        }
        if self.command(run).is_err() {
            // Not after `check`; if it were, nothing behind it could be read.
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
        let [op, kind, extra, rest] = first.to_le_bytes();
        if rest != 0 {
            return Err(malformed("unknown bits of a command"));
        }
        match op {
            1 => {
                let [key, timeout, parts, target, method, length] = self.numbers()?;
                if extra & !(FLAG_WAIT | FLAG_IDENTITY) != 0 {
                    return Err(malformed("unknown flags of a request"));
                }
                self.slot(target, start)?;
                self.slot(method, start)?;
                let timeout = Duration::from_millis(timeout.into());
                let bytes = self.take(length)?;
                run.run(Command::Request {
                    key,
                    options: RequestOptions { timeout, wait: extra & FLAG_WAIT != 0, parts },
                    target: if extra & FLAG_IDENTITY == 0 {
                        Target::Name(target)
                    } else {
                        Target::Identity(target)
                    },
                    method,
                    content: Body { kind, bytes },
                });
            }
            2 => {
                let [slot, length] = self.numbers()?;
                let text = self.text(length)?;
                let index = slot as usize;
                if index > self.slots || index >= SLOTS {
                    return Err(malformed("a slot out of order"));
                }
                self.slots = self.slots.max(index + 1);
                run.run(Command::Symbol { slot, text });
            }
            3 => {
                let [low, high, length] = self.numbers()?;
                let call = wide(low, high);
                match extra {
                    0 => {
                        let result = Reply::Response(Body { kind, bytes: self.take(length)? });
                        run.run(Command::Respond { call, result });
                    }
                    1 => {
                        let result = Reply::Failure(Body { kind, bytes: self.take(length)? });
                        run.run(Command::Respond { call, result });
                    }
                    2 => {
                        let unknown = malformed("unknown request code");
                        let code = RequestCode::from_wire(kind).ok_or(unknown)?;
                        let result = Reply::Error(code, self.text(length)?);
                        run.run(Command::Respond { call, result });
                    }
                    _ => return Err(malformed("unknown status of a result")),
                }
            }
            OP_PUBLISH => {
                let [service, subject, length] = self.numbers()?;
                self.slot(subject, start)?;
                let (subject, bytes) = (Subject::Slot(subject), self.take(length)?);
                run.run(Command::Publish { service, subject, content: Body { kind, bytes } });
            }
            5 => {
                let [subscription, reports] = self.numbers()?;
                run.run(Command::Grant { subscription, reports });
            }
            6 => {
                let [watch, changes] = self.numbers()?;
                run.run(Command::GrantWatch { watch, changes });
            }
            OP_PART => {
                let [low, high, length] = self.numbers()?;
                let content = Body { kind, bytes: self.take(length)? };
                run.run(Command::Part { call: wide(low, high), content });
            }
            8 => {
                let [key, parts] = self.numbers()?;
                run.run(Command::GrantParts { key, parts });
            }
            9 => {
                let [service, subject, length] = self.numbers()?;
                let (subject, bytes) = (Subject::Text(self.text(subject)?), self.take(length)?);
                run.run(Command::Publish { service, subject, content: Body { kind, bytes } });
            }
            _ => return Err(malformed("unknown operation")),
        }
        Ok(())
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

fn wide(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[cfg(test)]
mod tests;
