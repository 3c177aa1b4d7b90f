//! What wakes the hub's task.

use netsvc_net::{ListenAddress, ListenError, ListenTarget};

use crate::options::Settings;

pub(crate) enum Message {
    /// The engine has events.
    Events,
    /// The outcome of listening somewhere.
    Listened(ListenTarget, Result<Vec<ListenAddress>, ListenError>),
    /// Read the configuration again.
    Reload,
    /// The configuration was read.
    Read(Result<Box<Settings>, String>),
    /// End, because of the signal named.
    Stop(&'static str),
}
