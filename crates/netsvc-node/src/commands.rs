//! Reads the staging buffer in which TypeScript collects the commands of one tick.
//!
//! Byte-packed, back to back, little-endian, an operation byte first. Nothing in it is trusted:
//! whatever does not parse is [`Malformed`], and then nothing of the buffer is run.

use std::time::Duration;

use netsvc_core::{RequestCode, RequestOptions};

/// Operation byte of [`Command::Publish`]; `COMMAND_FAILED` records name it.
pub(crate) const OP_PUBLISH: u8 = 4;
/// Operation byte of [`Command::Part`]; `COMMAND_FAILED` records name it.
pub(crate) const OP_PART: u8 = 7;

/// Bit of a request's flags: wait for a provider.
const FLAG_WAIT: u8 = 1;

/// One command, borrowing from the staging buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Request {
        key: u32,
        options: RequestOptions,
        target: Target<'a>,
        method: &'a str,
        content: Body<'a>,
    },
    Respond {
        call: u64,
        result: Reply<'a>,
    },
    /// With lifetime 0; others come as single calls.
    Publish {
        service: u32,
        subject: &'a str,
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

/// Whom a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    Name(&'a str),
    /// The text of an identity, not parsed: a wrong one is the caller's error, not the buffer's.
    Identity(&'a str),
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
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// All commands of `staging`, or an error if any of them is malformed.
pub(crate) fn decode(staging: &[u8]) -> Result<Vec<Command<'_>>, Malformed> {
    // The shortest command takes 9 bytes, a usual one 40 or more.
    let mut commands = Vec::with_capacity(1 + staging.len() / 40);
    let mut reader = Reader { bytes: staging, at: 0 };
    while reader.at < staging.len() {
        commands.push(reader.command()?);
    }
    Ok(commands)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn command(&mut self) -> Result<Command<'a>, Malformed> {
        let start = self.at;
        Ok(match self.u8()? {
            1 => self.request()?,
            3 => self.respond()?,
            OP_PUBLISH => self.publish()?,
            5 => Command::Grant { subscription: self.u32()?, reports: self.u32()? },
            6 => Command::GrantWatch { watch: self.u32()?, changes: self.u32()? },
            OP_PART => self.part()?,
            8 => Command::GrantParts { key: self.u32()?, parts: self.u32()? },
            _ => return Err(Malformed { at: start, what: "unknown operation" }),
        })
    }

    fn request(&mut self) -> Result<Command<'a>, Malformed> {
        let key = self.u32()?;
        let timeout = Duration::from_millis(self.u32()?.into());
        let parts = self.u32()?;
        let flags_at = self.at;
        let flags = self.u8()?;
        if flags & !FLAG_WAIT != 0 {
            return Err(Malformed { at: flags_at, what: "unknown flags of a request" });
        }
        let options = RequestOptions { timeout, wait: flags & FLAG_WAIT != 0, parts };
        let target_at = self.at;
        let target_kind = self.u8()?;
        let kind = self.u8()?;
        let method_length = self.u16()?;
        let target_length = self.u16()?;
        let content_length = self.u32()?;
        let method = self.text(method_length.into())?;
        let target = self.text(target_length.into())?;
        let target = match target_kind {
            0 => Target::Name(target),
            1 => Target::Identity(target),
            _ => return Err(Malformed { at: target_at, what: "unknown kind of target" }),
        };
        let content = Body { kind, bytes: self.take(content_length)? };
        Ok(Command::Request { key, options, target, method, content })
    }

    fn respond(&mut self) -> Result<Command<'a>, Malformed> {
        let call = u64::from_le_bytes(self.array()?);
        let status_at = self.at;
        let status = self.u8()?;
        let kind = self.u8()?;
        let length = self.u32()?;
        let result = match status {
            0 => Reply::Response(Body { kind, bytes: self.take(length)? }),
            1 => Reply::Failure(Body { kind, bytes: self.take(length)? }),
            2 => {
                let unknown = Malformed { at: status_at + 1, what: "unknown request code" };
                Reply::Error(RequestCode::from_wire(kind).ok_or(unknown)?, self.text(length)?)
            }
            _ => return Err(Malformed { at: status_at, what: "unknown status of a result" }),
        };
        Ok(Command::Respond { call, result })
    }

    fn part(&mut self) -> Result<Command<'a>, Malformed> {
        let call = u64::from_le_bytes(self.array()?);
        let kind = self.u8()?;
        let length = self.u32()?;
        let content = Body { kind, bytes: self.take(length)? };
        Ok(Command::Part { call, content })
    }

    fn publish(&mut self) -> Result<Command<'a>, Malformed> {
        let service = self.u32()?;
        let kind = self.u8()?;
        let subject_length = self.u16()?;
        let content_length = self.u32()?;
        let subject = self.text(subject_length.into())?;
        let content = Body { kind, bytes: self.take(content_length)? };
        Ok(Command::Publish { service, subject, content })
    }

    fn take(&mut self, length: u32) -> Result<&'a [u8], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let bytes = rest.get(..length).ok_or(Malformed { at: self.at, what: "cut short" })?;
        self.at += length;
        Ok(bytes)
    }

    fn text(&mut self, length: u32) -> Result<&'a str, Malformed> {
        let at = self.at;
        std::str::from_utf8(self.take(length)?)
            .map_err(|_| Malformed { at, what: "a string is not UTF-8" })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let array = rest.first_chunk::<N>().ok_or(Malformed { at: self.at, what: "cut short" })?;
        self.at += N;
        Ok(*array)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(7u32.to_le_bytes());
        bytes.extend(1500u32.to_le_bytes());
        bytes.extend(16u32.to_le_bytes());
        bytes.extend([FLAG_WAIT, 0, 1]);
        bytes.extend(4u16.to_le_bytes());
        bytes.extend(3u16.to_le_bytes());
        bytes.extend(2u32.to_le_bytes());
        bytes.extend(b"readabc");
        bytes.extend([0x81, 0x01]);
        bytes
    }

    fn respond(status: u8, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![3];
        bytes.extend(0x0000_0002_0000_0009u64.to_le_bytes());
        bytes.extend([status, kind]);
        bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        bytes.extend(content);
        bytes
    }

    fn publish() -> Vec<u8> {
        let mut bytes = vec![OP_PUBLISH];
        bytes.extend(3u32.to_le_bytes());
        bytes.push(2);
        bytes.extend(1u16.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(b"s1");
        bytes
    }

    fn part() -> Vec<u8> {
        let mut bytes = vec![OP_PART];
        bytes.extend(0x0000_0002_0000_0009u64.to_le_bytes());
        bytes.push(1);
        bytes.extend(2u32.to_le_bytes());
        bytes.extend(b"p1");
        bytes
    }

    /// One of each operation.
    fn all() -> Vec<u8> {
        let mut bytes = request();
        bytes.extend(respond(0, 1, b"ok"));
        bytes.extend(respond(2, 2, b"no such method"));
        bytes.extend(publish());
        bytes.extend([5, 1, 0, 0, 0, 0, 4, 0, 0]);
        bytes.extend([6, 2, 0, 0, 0, 16, 0, 0, 0]);
        bytes.extend(part());
        bytes.extend([8, 7, 0, 0, 0, 8, 0, 0, 0]);
        bytes
    }

    #[test]
    fn reads_every_operation() {
        assert_eq!(
            decode(&all()).unwrap(),
            [
                Command::Request {
                    key: 7,
                    options: RequestOptions {
                        timeout: Duration::from_millis(1500),
                        wait: true,
                        parts: 16,
                    },
                    target: Target::Name("abc"),
                    method: "read",
                    content: Body { kind: 1, bytes: &[0x81, 0x01] },
                },
                Command::Respond {
                    call: 0x0000_0002_0000_0009,
                    result: Reply::Response(Body { kind: 1, bytes: b"ok" }),
                },
                Command::Respond {
                    call: 0x0000_0002_0000_0009,
                    result: Reply::Error(RequestCode::NoMethod, "no such method"),
                },
                Command::Publish {
                    service: 3,
                    subject: "s",
                    content: Body { kind: 2, bytes: b"1" }
                },
                Command::Grant { subscription: 1, reports: 1024 },
                Command::GrantWatch { watch: 2, changes: 16 },
                Command::Part {
                    call: 0x0000_0002_0000_0009,
                    content: Body { kind: 1, bytes: b"p1" },
                },
                Command::GrantParts { key: 7, parts: 8 },
            ]
        );
    }

    #[test]
    fn an_empty_buffer_holds_no_command() {
        assert_eq!(decode(&[]).unwrap(), []);
    }

    #[test]
    fn every_cut_is_found() {
        let whole = all();
        let ends: Vec<usize> = {
            let mut reader = Reader { bytes: &whole, at: 0 };
            std::iter::from_fn(|| {
                (reader.at < whole.len()).then(|| {
                    reader.command().unwrap();
                    reader.at
                })
            })
            .collect()
        };
        for length in 1..whole.len() {
            assert_eq!(decode(&whole[..length]).is_ok(), ends.contains(&length), "{length}");
        }
    }

    #[test]
    fn no_byte_makes_it_panic() {
        let whole = all();
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = decode(&bytes);
            }
        }
    }

    #[test]
    fn says_where_and_what() {
        let mut bytes = vec![8, 7, 0, 0, 0, 8, 0, 0, 0];
        bytes.push(2);
        assert_eq!(decode(&bytes), Err(Malformed { at: 9, what: "unknown operation" }));

        let mut bytes = request();
        bytes[13] = 2;
        assert_eq!(decode(&bytes), Err(Malformed { at: 13, what: "unknown flags of a request" }));

        let mut bytes = request();
        bytes[14] = 2;
        assert_eq!(decode(&bytes), Err(Malformed { at: 14, what: "unknown kind of target" }));

        let mut bytes = request();
        bytes[24] = 0xff;
        assert_eq!(decode(&bytes), Err(Malformed { at: 24, what: "a string is not UTF-8" }));

        let unknown = Malformed { at: 9, what: "unknown status of a result" };
        assert_eq!(decode(&respond(3, 0, b"")), Err(unknown));
        let unknown = Malformed { at: 10, what: "unknown request code" };
        assert_eq!(decode(&respond(2, 200, b"")), Err(unknown));
    }

    #[test]
    fn a_length_beyond_the_buffer_is_refused() {
        let mut bytes = publish();
        bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&bytes).unwrap_err().what, "cut short");
    }
}
