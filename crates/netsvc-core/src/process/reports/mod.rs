//! Reports on their way.

mod forward;
mod interest;
mod publish;
pub(super) mod replay;
mod subscribe;
mod write_through;
