//! Requests on their way.

mod at_once;
mod passing;
pub(super) mod request;
mod route;
mod settle;
mod streams;
