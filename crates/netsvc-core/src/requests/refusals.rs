//! Why a request goes to nobody.

use crate::outcome::{Delivered, RequestCode, RequestError};
use crate::registry::service::Service;

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
