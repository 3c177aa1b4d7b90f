//! Requests with what they need of the other parts.

use crate::delivery::queue::Deliveries;
use crate::links::Links;
use crate::policy::{Policy, Rules};
use crate::registry::Registry;

use super::Requests;

/// The part that owns requests, and the others as far as requests concern them.
pub(crate) struct Router<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) requests: &'a mut Requests,
    pub(crate) registry: &'a mut Registry,
    pub(crate) links: &'a mut Links,
    pub(crate) deliveries: &'a mut Deliveries,
}

impl Router<'_> {
    pub(super) fn policy(&self) -> Policy<'_> {
        Policy { rules: self.rules, registry: self.registry, links: self.links }
    }
}
