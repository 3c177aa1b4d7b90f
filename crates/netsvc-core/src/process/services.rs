//! Services of this process, and what it sees of others.

use bytes::Bytes;

use crate::delivery::event::ServiceInfo;
use crate::error::CommandError;
use crate::ids::{ProcessId, ServiceId, ServiceNo, Str, WatchId};
use crate::limits::MAX_GROUPS;
use crate::process::Process;
use crate::registry::announcer::describe;
use crate::registry::checks::{NewService, check_announced_len, check_group, each_once};
use crate::registry::filter::Filter;
use crate::registry::process_table::OWN;
use crate::registry::service::{Description, Service};
use crate::time::Time;
use crate::wire::group_len;

impl Process {
    /// Creates and announces a service, complete with methods and groups.
    pub fn create_service(
        &mut self,
        now: Time,
        service: NewService,
    ) -> Result<(ServiceNo, ServiceId), CommandError> {
        self.check_open()?;
        self.policy().check_service(&service)?;
        let limit = u32::MAX as usize;
        let exhausted = CommandError::Limit { what: "services created by one process", limit };
        let (id, revision) = self.registry.next_service().ok_or(exhausted)?;
        let description = Description {
            name: service.name,
            audience: service.audience,
            groups: each_once(service.groups),
            methods: service.methods,
            revision,
            extensions: Bytes::new(),
        };
        let no = self.registry.services.insert(id, OWN, description, None);
        self.appeared(now, no);
        Ok((no, id))
    }

    /// Withdraws a service at once: its callers get `lost`, its handlers' signals abort.
    pub fn close_service(&mut self, _now: Time, service: ServiceNo) {
        if self.registry.services.get(service).is_none_or(|known| !known.is_local()) {
            return;
        }
        let revision = self.registry.next_revision();
        self.preserve(service);
        if let Some(known) = self.registry.services.get_mut(service) {
            known.revision = revision;
        }
        self.router().fail_calls_to(service);
        self.withdraw_all(&[service], None);
    }

    /// Joins a group; false if the service is in it already.
    pub fn join(
        &mut self,
        now: Time,
        service: ServiceNo,
        group: impl Into<Str>,
    ) -> Result<bool, CommandError> {
        let group = group.into();
        check_group(&group)?;
        let known = self.check_local(service)?;
        if known.in_group(&group) {
            return Ok(false);
        }
        if known.groups.len() >= MAX_GROUPS {
            return Err(CommandError::Limit { what: "groups of a service", limit: MAX_GROUPS });
        }
        let more = group_len(&group);
        check_announced_len(known.announced_len() + more)?;
        self.policy().check_announced(more)?;
        let revision = self.registry.next_revision();
        self.membership(now, service, &group, revision, true);
        Ok(true)
    }

    /// Leaves a group; false if the service is not in it.
    pub fn leave(
        &mut self,
        now: Time,
        service: ServiceNo,
        group: &str,
    ) -> Result<bool, CommandError> {
        if !self.check_local(service)?.in_group(group) {
            return Ok(false);
        }
        let revision = self.registry.next_revision();
        self.membership(now, service, &Str::from(group), revision, false);
        Ok(true)
    }

    /// Services that pass a filter now, oldest first.
    pub fn lookup(&self, filter: &Filter) -> Vec<ServiceInfo> {
        let found = self.registry.services.lookup(filter).into_iter();
        found.map(|service| self.describe(service)).collect()
    }

    /// Asks for [`Event::ProcessGone`](crate::Event::ProcessGone) when a process is no longer
    /// reachable; false if it is not now.
    pub fn track(&mut self, process: ProcessId) -> bool {
        match self.registry.processes.no_of(process) {
            Some(OWN) => true,
            Some(no) => {
                self.registry.tracked.insert(no);
                true
            }
            None => false,
        }
    }

    /// Whether another watch may begin: an application asks before it begins one.
    pub fn check_watch(&self) -> Result<(), CommandError> {
        self.policy().check_watch()
    }

    /// Begins a watch: what exists (`replayed`), then `Current`, then each change once, in order.
    ///
    /// A watch with a group tells of membership only (`Joined`, `Left`); any other tells of
    /// services, and of each membership after its service is available and before it is withdrawn.
    pub fn watch(&mut self, filter: Filter) -> WatchId {
        self.announcer().watch(filter)
    }

    /// Ends a watch; nothing more is told.
    pub fn unwatch(&mut self, watch: WatchId) {
        self.registry.watches.remove(watch, &mut self.deliveries);
    }

    /// Allows a watch to tell that many more changes.
    pub fn grant_watch(&mut self, watch: WatchId, changes: u32) {
        self.registry.watches.grant(watch, changes, &mut self.deliveries);
    }

    pub(super) fn describe(&self, service: &Service) -> ServiceInfo {
        describe(&self.registry.processes, &self.links, service)
    }

    fn check_local(&self, no: ServiceNo) -> Result<&Service, CommandError> {
        let known = self.registry.services.get(no).filter(|known| known.is_local());
        known.ok_or(CommandError::Closed { what: "the service" })
    }
}
