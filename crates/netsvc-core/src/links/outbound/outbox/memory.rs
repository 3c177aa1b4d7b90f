//! What an outbox counts for, with its own table, and on whose account.

use crate::ids::LinkId;

use super::{Entry, Outbox};

impl Outbox {
    /// Bytes that wait for this link alone, and those of its own table.
    pub(crate) fn memory_alone(&self) -> usize {
        self.bytes - self.shared + self.table()
    }

    /// Bytes that wait and that the receiver has asked for: neither what others have caused, nor
    /// what the end of a link has.
    pub(crate) fn memory_asked_for(&self) -> usize {
        let charged = self.shares.as_ref().map_or(0, |shares| shares.bytes());
        self.with_table(self.bytes - charged - self.unowned)
    }

    /// Those who have caused the rest, each with its part.
    pub(crate) fn charges(&self) -> impl Iterator<Item = (LinkId, usize)> {
        let shares = self.shares.iter().flat_map(|shares| shares.each());
        shares.map(|(source, bytes)| (source, self.with_table(bytes)))
    }

    /// Some of the bytes that wait, and their part of the table.
    fn with_table(&self, bytes: usize) -> usize {
        let part = self.table() as u64 * bytes as u64 / self.bytes.max(1) as u64;
        bytes + usize::try_from(part).unwrap_or(usize::MAX)
    }

    fn table(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }
}
