//! Choices made by the bytes of a fuzzer.

use bytes::Bytes;
use netsvc_core::{ProcessId, ProcessSecret, Str};

/// Hands out the bytes of an input one after the other. When they are used up it says zero, so
/// that every input means something, and shorter inputs mean less.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    rest: &'a [u8],
}

/// Texts that are used again and again, so that names meet: short ones, patterns, one that is not
/// ASCII, an empty one.
const TEXTS: [&str; 12] =
    ["a", "b", "", "run", "a.b", "*", "a.*", "?", "grün", "a.c", "sensors", "stream"];

impl<'a> Source<'a> {
    /// Choices made by `data`.
    pub fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// Whether all choices are made.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A byte.
    pub fn u8(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// Little-endian, as all numbers here.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    /// Any number.
    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }

    /// Any number.
    pub fn u64(&mut self) -> u64 {
        u64::from(self.u32()) | u64::from(self.u32()) << 32
    }

    /// A number from 0 on, less than `end`, which is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.u8()) % end.max(1)
    }

    /// One of two.
    pub fn flag(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    /// A number that is probably in use, or else close to the ends of its range.
    pub fn number(&mut self) -> u32 {
        match self.u8() {
            small @ 0..=199 => u32::from(small % 8),
            200..=219 => u32::MAX - u32::from(self.u8() % 4),
            _ => self.u32(),
        }
    }

    /// As [`number`](Self::number), of the long sort.
    pub fn long(&mut self) -> u64 {
        match self.u8() {
            small @ 0..=199 => u64::from(small % 8),
            200..=219 => u64::MAX - u64::from(self.u8() % 4),
            _ => self.u64(),
        }
    }

    /// At most `most` bytes of the input.
    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(most.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Sixteen bytes that tell few things apart.
    pub fn id(&mut self) -> [u8; 16] {
        [self.u8() % 5; 16]
    }

    /// A process: one of those whose secrets peers know.
    pub fn process(&mut self) -> ProcessId {
        self.secret().process()
    }

    /// The secret of one of few processes.
    pub fn secret(&mut self) -> ProcessSecret {
        ProcessSecret::new([self.u8() % 5; 32])
    }

    /// A text of at most `limit` bytes.
    pub fn text(&mut self, limit: usize) -> Str {
        match self.u8() {
            known @ 0..=215 => Str::from(TEXTS[usize::from(known) % TEXTS.len()]),
            216..=223 => "x".repeat(limit).into(),
            _ => {
                let len = usize::from(self.u8()).min(limit);
                let text = String::from_utf8_lossy(self.take(len));
                // Replacing what is not UTF-8 makes it longer.
                let mut end = text.len().min(limit);
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                text[..end].into()
            }
        }
    }

    /// A content, rarely a large one.
    pub fn content(&mut self) -> Bytes {
        match self.u8() {
            len @ 0..=247 => Bytes::copy_from_slice(self.take(usize::from(len % 32))),
            large => {
                // On all sides of where encoder and decoder stop copying.
                let size = [900, 1100, 4095, 4096, 16_383, 16_384, 40_000, 70_000];
                Bytes::from(vec![large; size[usize::from(large) % size.len()]])
            }
        }
    }
}
