//! Reports with what they need of the other parts.

use crate::delivery::queue::Deliveries;
use crate::links::Links;
use crate::policy::{Policy, Rules};
use crate::registry::Registry;

use super::Reports;

/// The part that owns reports, and the others as far as reports concern them.
pub(crate) struct Distributor<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) reports: &'a mut Reports,
    pub(crate) registry: &'a mut Registry,
    pub(crate) links: &'a mut Links,
    pub(crate) deliveries: &'a mut Deliveries,
}

impl Distributor<'_> {
    #[inline]
    pub(super) fn policy(&self) -> Policy<'_> {
        Policy { rules: self.rules, registry: self.registry, links: self.links }
    }
}
