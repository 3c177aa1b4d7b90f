//! Who may see and do what: the one place that decides it.
//!
//! Each verb has its question here, for the application of this process and for its peers. Peers
//! are judged where an answer is found once and remembered (destinations of reports, routes of
//! requests, subscribers, who publishes what arrives), and when a service is announced; never for
//! each message that is relayed.

pub(crate) mod identity;
pub(crate) mod party;
pub mod visibility;

use crate::error::CommandError;
use crate::ids::{LinkId, ServiceNo, Str};
use crate::limits::{Limits, MAX_NAME, MAX_SUBJECT, MAX_WATCHES};
use crate::links::Links;
use crate::outcome::RequestError;
use crate::registry::Registry;
use crate::registry::checks::{NewService, check_length, check_own_extensions, check_service};
use crate::registry::process_table::OWN;
use crate::registry::service::Service;
use crate::reports::Reports;
use crate::reports::interest::interest_in;
use crate::reports::pattern::Pattern;
use crate::reports::subscription_options::{SubscriptionLimits, SubscriptionTarget};
use crate::requests::refusals::{no_method, no_service};
use crate::requests::route_cache::{GoalRef, To};
use crate::wire::{Announcement, ReportRef, announced_len};

use party::Party;

/// Subscriptions that may share one interest, on average.
const SHARED: usize = 16;

/// What this process allows: its limits.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
}

/// The rules, and everything else that an answer may depend on.
pub(crate) struct Policy<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) registry: &'a Registry,
    pub(crate) links: &'a Links,
}

impl Policy<'_> {
    /// Whether a service exists for whoever is behind a link: the one rule for announcements,
    /// requests and subscriptions. For a given link, the answer changes only when the service's
    /// routes do.
    pub(crate) fn exports(&self, service: &Service, link: LinkId) -> bool {
        let Some(exchange) = self.links.exchange_of(link) else { return false };
        if !visibility::passes(&service.audience, &exchange.group) {
            return false;
        }
        // Only a server relays, only within its own exchange, and never back.
        service.is_local()
            || exchange.relays()
                && service.routes.iter().any(|route| route.exchange == exchange.id)
                && service.routes.iter().all(|route| route.link != link)
    }

    /// Whether a service exists for a party.
    pub(crate) fn sees(&self, by: Party, service: &Service) -> bool {
        by.link.is_none_or(|link| self.exports(service, link))
    }

    /// Whether the application may create a service.
    pub(crate) fn check_service(&self, service: &NewService) -> Result<(), CommandError> {
        check_service(service)?;
        let limit = self.rules.limits.services;
        if self.registry.services.local() >= limit {
            return Err(CommandError::Limit { what: "services", limit });
        }
        let NewService { name, audience, groups, methods } = service;
        self.check_announced(announced_len(name, audience, groups, methods))
    }

    /// Whether the services of this process may be announced with that many bytes more.
    pub(crate) fn check_announced(&self, more: usize) -> Result<(), CommandError> {
        let limit = self.rules.limits.announced_bytes;
        if self.registry.services.announced(OWN) + more > limit {
            return Err(CommandError::Limit { what: "announced_bytes", limit });
        }
        Ok(())
    }

    /// Whether a peer's announcement of a service is accepted.
    pub(crate) fn may_announce(&self, link: LinkId, service: &Announcement) -> bool {
        let exchange = self.links.exchange_of(link);
        exchange.is_some_and(|exchange| visibility::passes(&service.audience, &exchange.group))
    }

    /// Whether the application may publish a report. Its sequence is not known yet.
    #[inline]
    pub(crate) fn check_report(&self, report: &ReportRef<'_>) -> Result<(), CommandError> {
        let (subject, size) = (report.subject.len(), report.content.bytes.len());
        let plain = report.extensions.is_empty();
        if plain && subject <= MAX_SUBJECT && size <= self.rules.limits.payload {
            return Ok(());
        }
        self.check_special_report(report)
    }

    #[cold]
    fn check_special_report(&self, report: &ReportRef<'_>) -> Result<(), CommandError> {
        check_length("subject", report.subject, MAX_SUBJECT)?;
        let (size, limit) = (report.content.bytes.len(), self.rules.limits.payload);
        if size > limit {
            return Err(CommandError::TooLarge { size, limit });
        }
        check_own_extensions(report.extensions)
    }

    /// The service that published a report which came over a link; `None`: the report is ignored.
    pub(crate) fn publisher(&self, link: LinkId, report: &ReportRef<'_>) -> Option<ServiceNo> {
        self.links.service_of_peer(link, report.service)
    }

    /// Whether the application may begin a subscription.
    pub(crate) fn check_subscription(
        &self,
        target: &SubscriptionTarget,
        pattern: &Pattern,
        limits: SubscriptionLimits,
        reports: &Reports,
    ) -> Result<(), CommandError> {
        check_length("pattern", pattern.text(), MAX_SUBJECT)?;
        if let SubscriptionTarget::Name(text) | SubscriptionTarget::Group(text) = target {
            check_length("target", text, MAX_NAME)?;
        }
        if limits.reports == 0 || limits.bytes == 0 {
            let why = "a subscription needs room for one report at least".to_owned();
            return Err(CommandError::Invalid { what: "buffer", why });
        }
        let limit = self.rules.limits.interests;
        let weight = reports.interests.weight().saturating_add(pattern.weight());
        let interest = interest_in(target);
        if weight > limit && !reports.interests.contains(&interest, pattern.text(), limits.latest) {
            return Err(CommandError::Limit { what: "interests", limit });
        }
        let limit = limit.saturating_mul(SHARED);
        if reports.subscriptions.len() >= limit {
            return Err(CommandError::Limit { what: "subscriptions", limit });
        }
        Ok(())
    }

    /// Whether the application may begin a watch.
    pub(crate) fn check_watch(&self) -> Result<(), CommandError> {
        if self.registry.watches.len() >= MAX_WATCHES {
            return Err(CommandError::Limit { what: "watches", limit: MAX_WATCHES });
        }
        Ok(())
    }

    /// Whether a party that wants reports of a service receives them, kept values included.
    pub(crate) fn may_subscribe(&self, by: Party, service: &Service) -> bool {
        service.process != by.process && self.sees(by, service)
    }

    /// Whether a request is passed to a service. `to`: where it would go.
    pub(crate) fn check_request(
        &self,
        by: Party,
        goal: GoalRef<'_>,
        method: &Str,
        service: &Service,
        to: To,
    ) -> Result<(), RequestError> {
        if !self.sees(by, service) {
            return Err(no_service(goal));
        }
        // The hub's choice may differ, so that it says whether the method exists.
        if !matches!(to, To::Link(_, None)) && !service.has_method(method) {
            return Err(no_method(service, method));
        }
        Ok(())
    }
}
