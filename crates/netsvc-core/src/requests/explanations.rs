//! Who does not take a request, named for its caller.

use crate::ids::{CallId, LinkId, Str};
use crate::links::connection::Connection;
use crate::outcome::{Delivered, RequestCode, RequestError};
use crate::policy::party::Party;
use crate::registry::process_table::OWN;
use crate::registry::service::Service;

use super::route_cache::{Goal, GoalRef};
use super::router::Router;

/// Processes that an explanation names.
const MAX_NAMED: usize = 3;

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
    #[inline(never)]
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

    /// Arguments that a peer does not take.
    #[cold]
    #[inline(never)]
    pub(super) fn too_large_for(&self, link: LinkId, size: usize) -> RequestError {
        let connection = self.links.linked(link);
        let limit = connection.map_or(0, Connection::max_payload);
        let peer = connection.and_then(|known| Some((known, known.peer.as_ref()?.process)));
        let entry = peer.and_then(|(_, process)| self.registry.processes.get(process));
        let label = entry.map(|entry| format!(" {:?}", entry.label)).unwrap_or_default();
        let is_hub = peer.is_some_and(|(known, _)| known.capabilities().relays_for_us);
        let role = if is_hub { "the hub" } else { "the provider" };
        RequestError::too_large(size, limit, &format!("{role}{label}"))
    }

    /// Arguments that this process, the provider, does not take.
    #[cold]
    #[inline(never)]
    pub(super) fn too_large_here(&self, size: usize) -> RequestError {
        let limit = self.rules.limits.payload;
        let entry = self.registry.processes.get(OWN);
        let label = entry.map(|entry| format!(" {:?}", entry.label)).unwrap_or_default();
        RequestError::too_large(size, limit, &format!("the provider{label}"))
    }

    /// Why a request that waits for a provider waits although there are some of its name.
    #[cold]
    #[inline(never)]
    pub(super) fn waits_in_vain(&self, id: CallId) -> Option<RequestError> {
        let call = self.requests.calls.get(id)?;
        let rest = call.rest.as_deref().filter(|_| self.requests.parked.contains(id))?;
        match &rest.goal {
            Goal::Name(name) => self.nobody_has(&rest.method, name, call.party()),
            Goal::Identity(_) | Goal::Service(_) => None,
        }
    }
}
