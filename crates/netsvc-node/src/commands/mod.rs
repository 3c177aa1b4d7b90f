//! What JavaScript has the addon do, in packed batches: read here, and run against the core.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod decode;
pub(crate) mod strings;
