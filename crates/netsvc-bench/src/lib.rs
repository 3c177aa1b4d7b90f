//! Processes linked in memory, so that each of them can be measured alone: without sockets, without
//! a clock, and the same in every run.
//!
//! `benches/` measures time with criterion, `src/bin/instructions.rs` is what `npm run
//! check:instructions` counts, `examples/steps.rs` is for a quick look.

mod discovery;
mod end;
mod relay;
mod step;
mod told;

pub use discovery::Discovery;
pub use end::End;
pub use relay::{Relay, Shape};
pub use step::Step;
