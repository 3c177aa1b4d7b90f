//! Reports with what they need of the other parts.

use crate::delivery::queue::Deliveries;
use crate::links::Links;
use crate::registry::Registry;

use super::Reports;

/// The part that owns reports, and the others as far as reports concern them.
pub(crate) struct Distributor<'a> {
    pub(crate) reports: &'a mut Reports,
    pub(crate) registry: &'a mut Registry,
    pub(crate) links: &'a mut Links,
    pub(crate) deliveries: &'a mut Deliveries,
}
