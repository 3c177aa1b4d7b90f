//! Services of this process.

use bytes::Bytes;

use crate::delivery::event::ServiceInfo;
use crate::error::CommandError;
use crate::ids::{ProcessId, ServiceId, ServiceNo, Str};
use crate::limits::{MAX_CONTROL, MAX_GROUPS, MAX_METHODS, MAX_NAME};
use crate::registry::table::{Description, Filter, OWN};
use crate::time::Time;
use crate::wire::Announcement;

use crate::process::Process;
use crate::process::registry::announcements::announcement;

/// A service to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewService {
    /// Its name; need not be unique.
    pub name: Str,
    /// `"*"`: everybody; `""`: its own process; any other: over the exchange group of that name.
    pub audience: Str,
    /// Groups it is in from the start.
    pub groups: Vec<Str>,
    /// Names of its methods, fixed.
    pub methods: Vec<Str>,
}

impl Process {
    /// Creates and announces a service, complete with methods and groups.
    pub fn create_service(
        &mut self,
        now: Time,
        service: NewService,
    ) -> Result<(ServiceNo, ServiceId), CommandError> {
        self.check_open()?;
        check_service(&service)?;
        if self.registry.local() >= self.limits.services {
            return Err(CommandError::Limit { what: "services", limit: self.limits.services });
        }
        self.last_counter += 1;
        self.revision += 1;
        let id = ServiceId { process: self.id, counter: self.last_counter };
        let description = Description {
            name: service.name,
            audience: service.audience,
            groups: each_once(service.groups),
            methods: service.methods,
            revision: self.revision,
            extensions: Bytes::new(),
        };
        let no = self.registry.insert(id, OWN, description, None);
        self.appeared(now, no);
        Ok((no, id))
    }

    /// Withdraws a service at once: its callers get `lost`, its handlers' signals abort.
    pub fn close_service(&mut self, now: Time, service: ServiceNo) {
        if self.registry.service(service).is_none_or(|known| !known.is_local()) {
            return;
        }
        self.revision += 1;
        let revision = self.revision;
        if let Some(known) = self.registry.service_mut(service) {
            known.revision = revision;
        }
        self.fail_calls_to(service);
        self.withdraw_all(now, &[service], None);
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
        let mut announced = announcement(known);
        announced.groups.push(group.clone());
        check_announcement(&announced)?;
        self.revision += 1;
        let revision = self.revision;
        self.membership(now, service, group, revision, true);
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
        self.revision += 1;
        let revision = self.revision;
        self.membership(now, service, Str::from(group), revision, false);
        Ok(true)
    }

    /// Services that pass a filter now, oldest first.
    pub fn lookup(&self, filter: &Filter) -> Vec<ServiceInfo> {
        self.registry.lookup(filter).into_iter().map(|service| self.describe(service)).collect()
    }

    /// Asks for [`Event::ProcessGone`](crate::Event::ProcessGone) when a process is no longer
    /// reachable; false if it is not now.
    pub fn track(&mut self, process: ProcessId) -> bool {
        match self.registry.process_no(process) {
            Some(OWN) => true,
            Some(no) => {
                self.tracked.insert(no);
                true
            }
            None => false,
        }
    }

    pub(in crate::process) fn describe(
        &self,
        service: &crate::registry::table::Service,
    ) -> ServiceInfo {
        let exchange_group = service
            .route()
            .and_then(|(link, _)| self.exchange_of(link))
            .map(|exchange| exchange.group.clone());
        self.registry.info(service, exchange_group)
    }

    pub(in crate::process) fn local_services(&self) -> Vec<ServiceNo> {
        self.registry.all().filter(|known| known.is_local()).map(|known| known.no).collect()
    }

    fn check_local(&self, no: ServiceNo) -> Result<&crate::registry::table::Service, CommandError> {
        self.registry
            .service(no)
            .filter(|known| known.is_local())
            .ok_or(CommandError::Closed { what: "the service" })
    }
}

fn check_service(service: &NewService) -> Result<(), CommandError> {
    check_name("service name", &service.name)?;
    check_name("audience", &service.audience)?;
    if service.groups.len() > MAX_GROUPS {
        return Err(CommandError::Limit { what: "groups of a service", limit: MAX_GROUPS });
    }
    if service.methods.len() > MAX_METHODS {
        return Err(CommandError::Limit { what: "methods of a service", limit: MAX_METHODS });
    }
    for group in &service.groups {
        check_group(group)?;
    }
    for method in &service.methods {
        check_name("method name", method)?;
    }
    let announced = Announcement {
        service: 0,
        process: 0,
        counter: 0,
        revision: 0,
        name: service.name.clone(),
        audience: service.audience.clone(),
        groups: service.groups.clone(),
        methods: service.methods.clone(),
        extensions: Bytes::new(),
    };
    check_announcement(&announced)
}

/// Whether a service can be announced in one control message.
fn check_announcement(announcement: &Announcement) -> Result<(), CommandError> {
    if announcement.body_len() > MAX_CONTROL {
        let what = "bytes of a service's names, groups and methods";
        return Err(CommandError::Limit { what, limit: MAX_CONTROL });
    }
    Ok(())
}

fn check_group(group: &str) -> Result<(), CommandError> {
    if group.is_empty() {
        let why = "a service group needs a name".to_owned();
        return Err(CommandError::Invalid { what: "service group", why });
    }
    check_name("service group", group)
}

pub(in crate::process) fn check_name(what: &'static str, text: &str) -> Result<(), CommandError> {
    check_length(what, text, MAX_NAME)
}

pub(in crate::process) fn check_length(
    what: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), CommandError> {
    if text.len() > limit {
        let why = format!("{} bytes are more than the {limit} allowed", text.len());
        return Err(CommandError::Invalid { what, why });
    }
    Ok(())
}

/// Groups as a service is in them: a repeated one counts once.
pub(in crate::process) fn each_once(groups: Vec<Str>) -> Vec<Str> {
    let mut once: Vec<Str> = Vec::with_capacity(groups.len());
    for group in groups {
        if !once.contains(&group) {
            once.push(group);
        }
    }
    once
}

/// At most `limit` bytes of a text, cut between characters.
pub(in crate::process) fn cut(text: &Str, limit: usize) -> Str {
    if text.len() <= limit {
        return text.clone();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Str::from(&text[..end])
}
