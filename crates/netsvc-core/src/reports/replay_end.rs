//! The end of a page of a replay.

/// The end of a page, as a peer tells it.
#[derive(Clone, Copy)]
pub(crate) struct ReplayEnd {
    pub(crate) process: u32,
    pub(crate) replay: u32,
    pub(crate) sequence: u64,
    pub(crate) more_after: u64,
    pub(crate) complete_after: u64,
}
