//! What the addon tells JavaScript, in packed batches.

pub(crate) mod buffer;
pub(crate) mod delivery;
pub(crate) mod encode;
pub(crate) mod inbox;
pub(crate) mod service_info;
pub(crate) mod strings;
