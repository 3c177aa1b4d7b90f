//! A visible service.

use std::sync::Arc;

use bytes::Bytes;

use crate::ids::{ExchangeId, LinkId, ProcessNo, ServiceId, ServiceNo, Str};
use crate::reports::retained::RetainedValues;
use crate::reports::subscribers::Subscribers;
use crate::requests::failures::Failures;
use crate::requests::load::Load;
use crate::steps;
use crate::wire::{AnnouncementRef, announced_len};

/// A visible service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) no: ServiceNo,
    pub(crate) id: ServiceId,
    pub(crate) process: ProcessNo,
    pub(crate) name: Str,
    pub(crate) audience: Str,
    pub(crate) groups: Vec<Str>,
    pub(crate) methods: Arc<[Str]>,
    /// Revision of its process at its last applied change.
    pub(crate) revision: u64,
    pub(crate) extensions: Bytes,
    /// How it is reached, the route in use first. Empty: local.
    pub(crate) routes: Vec<ServiceRoute>,
    /// Processes beyond this one that want its reports.
    pub(crate) subscribers: Subscribers,
    /// Requests under way to it through this process.
    pub(crate) load: Load,
    /// Of these, those that failed.
    pub(crate) failures: Failures,
    /// Bytes of arguments among them that wait for its handlers.
    pub(crate) waiting: usize,
    /// It is being withdrawn: nobody is routed to it any more.
    pub(crate) ending: bool,
    /// Bytes of the body of its announcement.
    pub(super) announced_len: usize,
    /// Only for local services. In memory of its own: a hub has thousands that are not.
    pub(crate) publisher: Option<Box<Publisher>>,
    /// Where peers are told of it in the log of changes.
    pub(crate) announced_at: u64,
}

/// A link that announced a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServiceRoute {
    pub(crate) link: LinkId,
    /// Of the link.
    pub(crate) exchange: ExchangeId,
    /// The peer's number of the service.
    pub(crate) peer_no: u32,
}

/// What a local service has published.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// Counts everything published.
    pub(crate) sequence: u64,
    pub(crate) kept: RetainedValues,
    /// Servers that have not told its subscribers as of this revision of its process get all its
    /// reports: it was created or has joined a group then.
    pub(crate) asks_since: u64,
}

/// What a service says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) name: Str,
    pub(crate) audience: Str,
    pub(crate) groups: Vec<Str>,
    pub(crate) methods: Vec<Str>,
    pub(crate) revision: u64,
    pub(crate) extensions: Bytes,
}

impl Service {
    /// A service without subscribers or requests. It is local if there is no `route` to it. `seed`
    /// keeps its hash tables safe.
    pub(crate) fn new(
        no: ServiceNo,
        id: ServiceId,
        process: ProcessNo,
        description: Description,
        route: Option<ServiceRoute>,
        seed: u64,
    ) -> Self {
        let Description { name, audience, groups, methods, .. } = &description;
        let announced_len = announced_len(name, audience, groups, methods);
        let publisher = route.is_none().then(|| {
            let kept = RetainedValues::new(seed);
            let asks_since = description.revision;
            Box::new(Publisher { sequence: 0, kept, asks_since })
        });
        Self {
            no,
            id,
            process,
            name: description.name,
            audience: description.audience,
            groups: description.groups,
            // An empty list takes no memory.
            methods: if description.methods.is_empty() {
                Arc::default()
            } else {
                description.methods.into()
            },
            revision: description.revision,
            extensions: description.extensions,
            publisher,
            routes: route.into_iter().collect(),
            subscribers: Subscribers::new(seed),
            load: Load::default(),
            failures: Failures::default(),
            waiting: 0,
            ending: false,
            announced_at: 0,
            announced_len,
        }
    }

    #[inline]
    pub(crate) fn is_local(&self) -> bool {
        self.routes.is_empty()
    }

    /// The route in use; `None`: local.
    #[inline]
    pub(crate) fn route(&self) -> Option<ServiceRoute> {
        self.routes.first().copied()
    }

    /// The route within an exchange, or in any for the application of this process (`None`).
    #[inline]
    pub(crate) fn route_in(&self, exchange: Option<ExchangeId>) -> Option<ServiceRoute> {
        match exchange {
            None => self.route(),
            Some(exchange) => self.routes.iter().find(|route| route.exchange == exchange).copied(),
        }
    }

    /// Bytes of the body of its announcement.
    pub(crate) fn announced_len(&self) -> usize {
        self.announced_len
    }

    pub(crate) fn has_method(&self, method: &str) -> bool {
        steps::count_bytes(size_of_val(&*self.methods));
        self.methods.iter().any(|known| **known == *method)
    }

    pub(crate) fn in_group(&self, group: &str) -> bool {
        steps::count_bytes(size_of_val(&*self.groups));
        self.groups.iter().any(|known| **known == *group)
    }

    /// As peers are told of it.
    pub(crate) fn announcement(&self) -> AnnouncementRef<'_> {
        steps::count(self.groups.len() + self.methods.len());
        AnnouncementRef {
            service: self.no.0,
            process: self.process.0,
            counter: self.id.counter,
            revision: self.revision,
            name: &self.name,
            audience: &self.audience,
            groups: &self.groups,
            methods: &self.methods,
            extensions: &self.extensions,
        }
    }
}
