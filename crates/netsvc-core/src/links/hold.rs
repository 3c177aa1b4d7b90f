//! A link that is held up: see `holding.rs`.

use crate::time::Time;

/// Of a link that is held up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    /// How many outboxes have too much from it.
    pub(super) by: usize,
    /// The owner of the sockets was told not to read it.
    pub(super) paused: bool,
    /// When it is read once.
    pub(super) read_at: Time,
}
