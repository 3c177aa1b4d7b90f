//! Frames: the length of what follows, the connection that asked (filled in by the hub), the number
//! of the request, then content. Numbers have four bytes, the least significant first.

use std::io::{self, Read};

use crate::socket::Reader;

pub const HEAD: usize = 12;
/// A read takes at most that much, or what is missing of a frame that is larger.
const READ: usize = 64 << 10;

pub fn number(bytes: &[u8]) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[..4]);
    u32::from_le_bytes(four)
}

/// `count` frames back to back, all with the same content.
pub fn batch(content: &[u8], count: usize) -> Vec<u8> {
    let length = u32::try_from(HEAD - 4 + content.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(HEAD + content.len());
    frame.extend(length.to_le_bytes());
    frame.extend([0; 8]);
    frame.extend(content);
    frame.repeat(count)
}

/// Reads whole frames.
pub struct Frames {
    reader: Reader,
    buffer: Vec<u8>,
    filled: usize,
    taken: usize,
}

impl Frames {
    pub fn new(reader: Reader) -> Self {
        Self { reader, buffer: vec![0; READ], filled: 0, taken: 0 }
    }

    /// The next frames, back to back, at least one; `None` at the end of the connection.
    pub fn next(&mut self) -> io::Result<Option<&mut [u8]>> {
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        loop {
            let (whole, missing) = self.whole();
            if whole > 0 {
                self.taken = whole;
                return Ok(Some(&mut self.buffer[..whole]));
            }
            if self.buffer.len() < self.filled + missing {
                self.buffer.resize(self.filled + missing, 0);
            }
            let read = self.reader.read(&mut self.buffer[self.filled..])?;
            if read == 0 {
                return Ok(None);
            }
            self.filled += read;
        }
    }

    /// How many bytes are whole frames, and how many the first incomplete one needs.
    fn whole(&self) -> (usize, usize) {
        let mut whole = 0;
        while self.filled - whole >= 4 {
            let length = 4 + number(&self.buffer[whole..]) as usize;
            if self.filled - whole < length {
                return (whole, length - (self.filled - whole));
            }
            whole += length;
        }
        (whole, 4)
    }
}

/// The frames of what `Frames::next` gave.
pub fn each(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let (frame, rest) = bytes.split_at(4 + number(bytes) as usize);
        bytes = rest;
        Some(frame)
    })
}
