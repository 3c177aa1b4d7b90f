//! Bodies of the fuzz targets: each takes any bytes at all, makes something of them, and panics if
//! a promise is broken.
//!
//! They are plain functions, so that a fuzzer that watches coverage (`fuzz/`) and `cargo test`
//! (which replays the corpus) run the same thing.

mod application;
mod bench;
mod control;
mod cost;
mod crowd;
mod decoder;
mod frames;
mod handshake;
mod messages;
mod peer;
mod source;
mod world;

pub use control::control;
pub use cost::{bill, cost};
pub use crowd::Bill;
pub use decoder::decoder;
pub use handshake::handshake;
pub use source::Source;
pub use world::world;

/// A target: what it is called, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 5] = [
    ("decoder", decoder),
    ("handshake", handshake),
    ("control", control),
    ("world", world),
    ("cost", cost),
];
