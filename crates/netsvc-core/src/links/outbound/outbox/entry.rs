//! One entry of an outbox.

use crate::ids::LinkId;

use super::out::Out;

/// An entry, the bytes that it is charged, and the link that they are charged to.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) out: Out,
    pub(super) size: u32,
    pub(super) source: LinkId,
}

impl Entry {
    pub(super) fn new(out: Out, size: usize, source: LinkId) -> Self {
        // No message exceeds 64 MiB by much.
        Self { out, size: u32::try_from(size).unwrap_or(u32::MAX), source }
    }

    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    pub(super) fn is_hole(&self) -> bool {
        matches!(self.out, Out::Nothing)
    }
}
