//! Why a request goes to nobody.

use crate::outcome::{Delivered, RequestCode, RequestError};
use crate::registry::service::Service;

use super::load::Full;
use super::route_cache::GoalRef;

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
