//! How far a replay has come.

use crate::ids::ServiceNo;
use crate::reports::pattern::Pattern;

/// A replay under way: one page of it.
#[derive(Debug)]
pub(crate) struct ReplayCursor {
    pub(crate) service: ServiceNo,
    /// Who asked, as the peer numbers it.
    pub(crate) process: u32,
    pub(crate) replay: u32,
    pub(crate) pattern: Pattern,
    pub(crate) after: u64,
    pub(crate) upto: u64,
    /// The sequence after which reports of the pattern have all been sent to whoever asked.
    pub(crate) complete_after: u64,
    /// What the page may still hold.
    pub(crate) values_left: usize,
    pub(crate) bytes_left: usize,
    /// Values that may still be looked at for it.
    pub(crate) looks_left: usize,
}
