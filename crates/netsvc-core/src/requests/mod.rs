//! Requests in flight.

pub(crate) mod call_table;
pub(crate) mod deadlines;
pub(crate) mod route_cache;
