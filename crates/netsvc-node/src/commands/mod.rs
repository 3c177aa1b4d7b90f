//! What JavaScript tells the addon in packed batches: read here, and run against the core.

pub(crate) mod apply;
pub(crate) mod decode;
pub(crate) mod strings;
