//! Exchanges and links.

pub(super) mod encode;
pub(super) mod flush;
mod handshake;
mod lifecycle;
mod loss;
mod send;
