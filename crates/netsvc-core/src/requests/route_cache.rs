//! Where the requests of a caller go, found once for all that ask the same.

use std::sync::Arc;

use crate::ids::{LinkId, ServiceId, ServiceNo, Str};

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GoalRef<'a> {
    /// Any service of that name: while the request was not sent, another may take over.
    Name(&'a Str),
    Identity(ServiceId),
    /// As a peer named it, by its number here.
    Service(ServiceNo),
}

/// An owned [`GoalRef`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    Name(Str),
    Identity(ServiceId),
    Service(ServiceNo),
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The provider; or whom the hub would pick if there were no others.
    pub(crate) service: ServiceNo,
    pub(crate) to: To,
    /// The provider was picked from several.
    pub(crate) several: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// A handler of this process.
    Here,
    /// With the peer's number of the service; `None`: by its name, the peer picks.
    Link(LinkId, Option<u32>),
}

/// The route of a caller's last request. The service exists for the caller, and has the method
/// unless the peer picks.
#[derive(Debug)]
pub(crate) struct RouteCache {
    /// Of the services when it was found.
    epoch: u64,
    goal: Goal,
    method: Str,
    route: Route,
}

impl GoalRef<'_> {
    pub(crate) fn keep(&self) -> Goal {
        match *self {
            Self::Name(name) => Goal::Name(name.clone()),
            Self::Identity(id) => Goal::Identity(id),
            Self::Service(no) => Goal::Service(no),
        }
    }
}

impl Goal {
    pub(crate) fn by_ref(&self) -> GoalRef<'_> {
        match self {
            Self::Name(name) => GoalRef::Name(name),
            Self::Identity(id) => GoalRef::Identity(*id),
            Self::Service(no) => GoalRef::Service(*no),
        }
    }
}

impl RouteCache {
    pub(crate) fn new(epoch: u64, goal: GoalRef<'_>, method: &Str, route: Route) -> Self {
        Self { epoch, goal: goal.keep(), method: method.clone(), route }
    }

    /// The route of another request, if it asks the same. Strings that come by symbol, or by slot
    /// from the application, are the same ones each time.
    #[inline]
    pub(crate) fn get(&self, goal: GoalRef<'_>, method: &Str, epoch: u64) -> Option<Route> {
        let same = match (&self.goal, goal) {
            (Goal::Service(no), GoalRef::Service(other)) => *no == other,
            (Goal::Name(name), GoalRef::Name(other)) => Arc::ptr_eq(name, other),
            (Goal::Identity(id), GoalRef::Identity(other)) => *id == other,
            _ => false,
        };
        (same && self.epoch == epoch && Arc::ptr_eq(&self.method, method)).then_some(self.route)
    }
}
