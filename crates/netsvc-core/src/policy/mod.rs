//! Who may see and do what: the one place that decides it.
//!
//! It is asked where an answer is found once and remembered (destinations of reports, routes of
//! requests), and when something is announced or subscribed to; never for each message.

pub mod visibility;

use crate::ids::LinkId;
use crate::links::Links;
use crate::registry::service::Service;

/// Whether a service exists for whoever is behind a link: the one rule for announcements, requests
/// and subscriptions. For a given link, the answer changes only when the service's routes do.
pub(crate) fn exports(links: &Links, service: &Service, link: LinkId) -> bool {
    let Some(exchange) = links.exchange_of(link) else { return false };
    if !visibility::passes(&service.audience, &exchange.group) {
        return false;
    }
    // Only a server relays, only within its own exchange, and never back.
    service.is_local()
        || exchange.relays()
            && service.routes.iter().any(|route| route.exchange == exchange.id)
            && service.routes.iter().all(|route| route.link != link)
}

/// Whether a peer's announcement of a service with that audience counts on a link.
pub(crate) fn imports(links: &Links, audience: &str, link: LinkId) -> bool {
    links.exchange_of(link).is_some_and(|exchange| visibility::passes(audience, &exchange.group))
}
