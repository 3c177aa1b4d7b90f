//! Handles of libuv, and the functions of it that they need.

pub(crate) mod functions;
pub(crate) mod handle;
