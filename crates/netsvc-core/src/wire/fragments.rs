//! Puts the fragments of large data frames together again.
//!
//! Fragments exist so that a large message of one process need not stand in the way of other
//! processes' messages on a shared link. Version 1 accepts them and sends none.

use bytes::Bytes;

use super::error::WireError;
use super::frame::{DataKind, Kind, MAX_FIXED};
use super::reader::Reader;

/// Fragmented messages under way at once on one link, one per origin.
const MAX_UNFINISHED: usize = 64;

/// The fragmented messages under way on one link.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// At most one per origin; few enough to be searched one by one.
    unfinished: Vec<Unfinished>,
}

/// A data frame that was put together.
pub(super) struct Whole {
    pub(super) kind: DataKind,
    pub(super) extensions: Bytes,
    pub(super) body: Bytes,
}

#[derive(Debug)]
struct Unfinished {
    origin: u32,
    kind: DataKind,
    /// Length of the body when complete.
    total: usize,
    extensions: Bytes,
    /// Grows with what arrives: `total` is only a claim.
    body: Vec<u8>,
}

impl Fragments {
    /// Takes in one FRAGMENT; gives the frame that it completes.
    pub(super) fn accept(
        &mut self,
        extensions: &[u8],
        body: &[u8],
        max_payload: usize,
    ) -> Result<Option<Whole>, WireError> {
        let mut reader = Reader::new(Kind::Fragment.name(), body);
        let origin = reader.u32()?;
        let number = reader.u8()?;
        let flags = reader.u8()?;
        let last = reader.flag("last")?;
        reader.reserved::<1>()?;
        let total = reader.u32()? as usize;
        let chunk = reader.rest();

        let kind = DataKind::from_wire(number).ok_or(WireError::FragmentKind { kind: number })?;
        if flags != 0 {
            return Err(WireError::Flags { frame: kind.name(), flags });
        }
        let begun = self.unfinished.iter().position(|unfinished| unfinished.origin == origin);
        let index = match begun {
            Some(index) if extensions.is_empty() => index,
            Some(_) => return Err(WireError::Fragment { origin }),
            None => self.begin(origin, kind, total, extensions, max_payload)?,
        };
        let unfinished = &mut self.unfinished[index];
        let done = unfinished.body.len() + chunk.len();
        // A chunk must bring something, or a peer could make work without end from nothing.
        let continues = unfinished.kind == kind
            && unfinished.total == total
            && !chunk.is_empty()
            && done <= total
            && last == (done == total);
        if !continues {
            return Err(WireError::Fragment { origin });
        }
        let room = unfinished.body.try_reserve(chunk.len());
        room.map_err(|_| WireError::Memory { bytes: total })?;
        unfinished.body.extend_from_slice(chunk);
        if !last {
            return Ok(None);
        }
        let Unfinished { kind, extensions, body, .. } = self.unfinished.swap_remove(index);
        Ok(Some(Whole { kind, extensions, body: body.into() }))
    }

    /// Drops what a process left unfinished when it went.
    pub(super) fn forget(&mut self, origin: u32) {
        self.unfinished.retain(|unfinished| unfinished.origin != origin);
    }

    /// Bytes that have arrived of unfinished messages.
    pub(super) fn bytes(&self) -> usize {
        let unfinished = self.unfinished.iter();
        unfinished.map(|message| message.body.len() + message.extensions.len()).sum()
    }

    fn begin(
        &mut self,
        origin: u32,
        kind: DataKind,
        total: usize,
        extensions: &[u8],
        max_payload: usize,
    ) -> Result<usize, WireError> {
        let limit = kind.limit(max_payload);
        if total > limit {
            return Err(WireError::TooLarge { frame: kind.name(), bytes: total, limit });
        }
        // Totals are counted, not what has arrived: so the sender knows beforehand what fits.
        let under_way: usize = self.unfinished.iter().map(|unfinished| unfinished.total).sum();
        let full = self.unfinished.len() == MAX_UNFINISHED;
        if full || under_way + total > MAX_FIXED + max_payload {
            return Err(WireError::FragmentsFull);
        }
        let extensions = Bytes::copy_from_slice(extensions);
        self.unfinished.push(Unfinished { origin, kind, total, extensions, body: Vec::new() });
        Ok(self.unfinished.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1024;

    struct Part<'a> {
        origin: u32,
        kind: u8,
        last: u8,
        total: u32,
        chunk: &'a [u8],
    }

    fn fragment(part: &Part<'_>) -> Vec<u8> {
        let fixed = [part.kind, 0, part.last, 0];
        [&part.origin.to_le_bytes()[..], &fixed, &part.total.to_le_bytes(), part.chunk].concat()
    }

    fn accept(fragments: &mut Fragments, part: &Part<'_>) -> Result<Option<Bytes>, WireError> {
        let whole = fragments.accept(&[], &fragment(part), MAX)?;
        Ok(whole.map(|whole| whole.body))
    }

    fn report(origin: u32, last: u8, total: u32, chunk: &[u8]) -> Part<'_> {
        Part { origin, kind: 0x50, last, total, chunk }
    }

    #[test]
    fn origins_interleave() {
        let mut fragments = Fragments::default();
        assert_eq!(accept(&mut fragments, &report(1, 0, 4, b"ab")), Ok(None));
        assert_eq!(accept(&mut fragments, &report(2, 0, 3, b"x")), Ok(None));
        assert_eq!(accept(&mut fragments, &report(1, 1, 4, b"cd")), Ok(Some("abcd".into())));
        assert_eq!(accept(&mut fragments, &report(1, 1, 2, b"ef")), Ok(Some("ef".into())));
        assert_eq!(accept(&mut fragments, &report(2, 1, 3, b"yz")), Ok(Some("xyz".into())));
        assert!(fragments.unfinished.is_empty());
    }

    #[test]
    fn a_fragment_must_continue_the_one_before() {
        let wrong = [
            report(1, 0, 5, b"c"),
            report(1, 1, 4, b"c"),
            report(1, 0, 4, b"cd"),
            report(1, 1, 4, b"cde"),
            report(1, 0, 4, b""),
            Part { kind: 0x41, ..report(1, 0, 4, b"c") },
        ];
        for part in wrong {
            let mut fragments = Fragments::default();
            assert_eq!(accept(&mut fragments, &report(1, 0, 4, b"ab")), Ok(None));
            let result = accept(&mut fragments, &part);
            assert_eq!(result, Err(WireError::Fragment { origin: 1 }), "{:?}", part.chunk);
        }
    }

    #[test]
    fn extension_fields_come_with_the_first_fragment() {
        const EXTENSION: [u8; 4] = [2, 0, 0, 0];
        let mut fragments = Fragments::default();
        let first = fragment(&report(1, 0, 4, b"ab"));
        assert!(fragments.accept(&EXTENSION, &first, MAX).unwrap().is_none());
        let second = fragment(&report(1, 1, 4, b"cd"));
        let error = fragments.accept(&EXTENSION, &second, MAX).err();
        assert_eq!(error, Some(WireError::Fragment { origin: 1 }));
        let whole = fragments.accept(&[], &second, MAX).unwrap().unwrap();
        assert_eq!((whole.extensions, whole.body), (Bytes::from_static(&EXTENSION), "abcd".into()));
    }

    #[test]
    fn only_data_frames_are_fragmented() {
        let part = Part { kind: 0x22, ..report(1, 0, 4, b"ab") };
        let result = accept(&mut Fragments::default(), &part);
        assert_eq!(result, Err(WireError::FragmentKind { kind: 0x22 }));
    }

    #[test]
    fn fixed_fields_are_checked() {
        for (index, error) in [
            (5, WireError::Flags { frame: "REPORT", flags: 9 }),
            (6, WireError::Value { field: "last", value: 9 }),
            (7, WireError::Value { field: "reserved", value: 9 }),
        ] {
            let mut body = fragment(&report(1, 0, 4, b"ab"));
            body[index] = 9;
            let result = Fragments::default().accept(&[], &body, MAX);
            assert_eq!(result.err(), Some(error));
        }
    }

    #[test]
    fn what_is_under_way_is_limited() {
        let mut fragments = Fragments::default();
        let most = 16 + MAX as u32;
        let error = WireError::TooLarge { frame: "REPORT", bytes: 1041, limit: 1040 };
        assert_eq!(accept(&mut fragments, &report(1, 0, most + 1, b"a")), Err(error));
        assert_eq!(accept(&mut fragments, &report(1, 0, most, b"a")), Ok(None));
        assert_eq!(accept(&mut fragments, &report(2, 0, 16, b"a")), Ok(None));
        let result = accept(&mut fragments, &report(3, 0, 2, b"a"));
        assert_eq!(result, Err(WireError::FragmentsFull));

        let mut fragments = Fragments::default();
        for origin in 0..64 {
            assert_eq!(accept(&mut fragments, &report(origin, 0, 2, b"a")), Ok(None));
        }
        let result = accept(&mut fragments, &report(64, 0, 2, b"a"));
        assert_eq!(result, Err(WireError::FragmentsFull));
    }

    #[test]
    fn a_process_that_goes_makes_room() {
        let mut fragments = Fragments::default();
        assert_eq!(accept(&mut fragments, &report(1, 0, 1000, b"a")), Ok(None));
        fragments.forget(1);
        assert_eq!(accept(&mut fragments, &report(1, 0, 1000, b"a")), Ok(None));
    }
}
