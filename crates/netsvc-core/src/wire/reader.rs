//! Reads the fields of a body, one after the other.

use std::str;

use crate::ids::Str;

use super::error::WireError;

/// What is left of a body.
pub(super) struct Reader<'a> {
    frame: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `body`; `frame` is its kind's name, for errors.
    pub(super) fn new(frame: &'static str, body: &'a [u8]) -> Self {
        Self { frame, rest: body }
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.array().map(u8::from_le_bytes)
    }

    /// A number that is 0 or 1; `field` says which, for errors.
    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(WireError::Value { field, value: value.into() }),
        }
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (array, rest) =
            self.rest.split_first_chunk().ok_or(WireError::Truncated { frame: self.frame })?;
        self.rest = rest;
        Ok(*array)
    }

    /// Bytes that must be zero until a later version gives them a meaning.
    pub(super) fn reserved<const N: usize>(&mut self) -> Result<(), WireError> {
        match self.array::<N>()?.into_iter().find(|byte| *byte != 0) {
            None => Ok(()),
            Some(byte) => Err(WireError::Value { field: "reserved", value: u32::from(byte) }),
        }
    }

    /// A string of at most `limit` bytes.
    pub(super) fn string(&mut self, field: &'static str, limit: usize) -> Result<Str, WireError> {
        let bytes = usize::from(self.u16()?);
        if bytes > limit {
            return Err(WireError::StringTooLong { field, bytes, limit });
        }
        let (text, rest) =
            self.rest.split_at_checked(bytes).ok_or(WireError::Truncated { frame: self.frame })?;
        self.rest = rest;
        self::text(field, text).map(Str::from)
    }

    /// A list of at most `most` strings of at most `limit` bytes each.
    pub(super) fn strings(
        &mut self,
        field: &'static str,
        most: usize,
        limit: usize,
    ) -> Result<Vec<Str>, WireError> {
        let count = usize::from(self.u16()?);
        if count > most {
            return Err(WireError::TooMany { field, count, limit: most });
        }
        // Collected one by one: the count is a claim, and only what arrived may be allocated for.
        let mut strings = Vec::new();
        for _ in 0..count {
            strings.push(self.string(field, limit)?);
        }
        Ok(strings)
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Ends the body: nothing may be left.
    pub(super) fn end(self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(WireError::Trailing { frame: self.frame, bytes }),
        }
    }
}

/// The text of `bytes`.
pub(super) fn text<'a>(field: &'static str, bytes: &'a [u8]) -> Result<&'a str, WireError> {
    str::from_utf8(bytes).map_err(|_| WireError::Utf8 { field })
}
