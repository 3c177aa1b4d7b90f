//! What calls into the core have brought about.

use std::sync::Arc;

use crate::connection::Connection;
use crate::listener::Listener;

/// What is to be done after the registry's mutex has been released.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) dirty: Vec<Arc<Connection>>,
    pub(crate) closed: Vec<Arc<Connection>>,
    pub(crate) with_room: Vec<Arc<Listener>>,
    /// Connections are to be opened, see `State::opening`.
    pub(crate) open: bool,
    pub(crate) rearm: bool,
    pub(crate) signal: bool,
}
