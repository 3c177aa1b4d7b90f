//! What JavaScript has the addon do, in packed batches: read here, and run against the core.

pub(crate) mod apply;
pub(crate) mod command;
mod contents;
pub(crate) mod decode;
pub(crate) mod strings;
