//! Sockets: how they are opened, bound, read and written.

pub(crate) mod address;
pub(crate) mod bind;
pub(crate) mod connect;
pub(crate) mod listen_error;
#[cfg(unix)]
pub(crate) mod loopback;
pub(crate) mod readiness;
pub(crate) mod resolver;
#[cfg(unix)]
pub(crate) mod socket_file;
pub(crate) mod stream;
