//! Quick ways, or none.

/// Which ways a process takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Quick ways where they are possible; some of what arrives is told at once.
    Usual,
    /// The quick ways wherever they are possible.
    Quick,
    /// None: what is sent waits before it is encoded, what arrives is queued before it is told.
    General,
}
