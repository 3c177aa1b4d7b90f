//! Why a request goes to nobody.

use crate::ids::{CallId, LinkId, Str};
use crate::links::outbound::outlet::Refusal;
use crate::outcome::{Delivered, RequestCode, RequestError};
use crate::policy::party::Party;
use crate::registry::process_table::OWN;
use crate::registry::service::Service;

use super::load::Full;
use super::route_cache::{Goal, GoalRef};
use super::router::Router;

/// Processes that an explanation names.
const MAX_NAMED: usize = 3;

pub(crate) fn no_service(goal: GoalRef<'_>) -> RequestError {
    let text = match goal {
        GoalRef::Name(name) => format!("no service named {name:?} is visible"),
        GoalRef::Identity(id) => format!("no service with identity {id} is visible"),
        GoalRef::Service(_) => "the service was withdrawn".to_owned(),
    };
    RequestError::new(RequestCode::NoService, Delivered::No, text)
}

pub(crate) fn no_method(service: &Service, method: &str) -> RequestError {
    let text = format!("service {:?} has no method {method:?}", service.name);
    RequestError::new(RequestCode::NoMethod, Delivered::No, text)
}

/// Whether somebody may come who takes what was refused. The methods of a service never change, so
/// another of its name has to come; of an identity there is no other.
pub(super) fn may_pass(error: &RequestError, goal: GoalRef<'_>) -> bool {
    match error.code {
        RequestCode::NoService => true,
        RequestCode::NoMethod => matches!(goal, GoalRef::Name(_)),
        _ => false,
    }
}

impl Router<'_> {
    /// That none of the services of a name has a method, and whose they are. `None`: there are
    /// none.
    #[cold]
    pub(super) fn nobody_has(&self, method: &str, name: &Str, by: Party) -> Option<RequestError> {
        let services = self.registry.services.named(name).iter();
        let visible = services.filter(|no| self.may_ask(**no, by));
        let mut known = visible.filter_map(|no| self.registry.services.get(*no));
        let label = |service: &Service| match self.registry.processes.get(service.process) {
            Some(entry) => format!("{:?}", entry.label),
            None => "a process".to_owned(),
        };
        let mut labels: Vec<String> = known.by_ref().take(MAX_NAMED).map(label).collect();
        let text = match &labels[..] {
            [] => return None,
            [label] => format!("service {name:?} of {label} has no method {method:?}"),
            _ => {
                let more = known.count();
                let count = labels.len() + more;
                if more > 0 {
                    labels.push(format!("{more} more"));
                }
                let whose = labels.join(", ");
                format!("none of {count} services named {name:?} has method {method:?}: of {whose}")
            }
        };
        Some(RequestError::new(RequestCode::NoMethod, Delivered::No, text))
    }

    /// Arguments that a peer takes no more of, or that it never takes.
    #[cold]
    pub(super) fn not_admitted(&self, link: LinkId, size: usize, refusal: Refusal) -> RequestError {
        let limit = match refusal {
            Refusal::Full(error) => return error,
            Refusal::TooLarge { limit } => limit,
        };
        let connection = self.links.linked(link);
        let peer = connection.and_then(|known| Some((known, known.peer.as_ref()?.process)));
        let entry = peer.and_then(|(_, process)| self.registry.processes.get(process));
        let label = entry.map(|entry| format!(" {:?}", entry.label)).unwrap_or_default();
        let is_hub = peer.is_some_and(|(known, _)| known.capabilities().relays_for_us);
        let role = if is_hub { "the hub" } else { "the provider" };
        RequestError::too_large(size, limit, &format!("{role}{label}"))
    }

    /// Arguments that this process, the provider, does not take.
    #[cold]
    pub(super) fn too_large_here(&self, size: usize, limit: usize) -> RequestError {
        let entry = self.registry.processes.get(OWN);
        let label = entry.map(|entry| format!(" {:?}", entry.label)).unwrap_or_default();
        RequestError::too_large(size, limit, &format!("the provider{label}"))
    }

    /// Why a request that waits for a provider waits although there are some of its name.
    #[cold]
    pub(super) fn waits_in_vain(&self, id: CallId) -> Option<RequestError> {
        let call = self.requests.calls.get(id)?;
        let rest = call.rest.as_deref().filter(|_| self.requests.parked.contains(id))?;
        match &rest.goal {
            Goal::Name(name) => self.nobody_has(&rest.method, name, call.party()),
            Goal::Identity(_) | Goal::Service(_) => None,
        }
    }
}

impl Full {
    /// As the caller hears of it. `what`: the requests do. `of`: the limit.
    #[cold]
    pub(crate) fn error(self, what: &str, of: &str) -> RequestError {
        let text = match self {
            Self::Limit(limit) => format!("{limit} requests are {what} already: {of}"),
            Self::Share { own, limit } => {
                format!("{own} requests of this caller are {what}: its share of {limit}")
            }
        };
        RequestError::new(RequestCode::Overloaded, Delivered::No, text)
    }
}
