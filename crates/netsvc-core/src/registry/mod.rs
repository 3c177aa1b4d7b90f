//! Processes and services that are visible here, and who watches them.

pub(crate) mod announcer;
pub(crate) mod checks;
pub(crate) mod filter;
pub(crate) mod process_table;
pub(crate) mod service;
pub(crate) mod service_table;
pub(crate) mod watch;
pub(crate) mod watches;

use rustc_hash::FxHashSet;

use crate::ids::{ProcessId, ProcessNo, ServiceId, Str};

use process_table::ProcessTable;
use service_table::ServiceTable;
use watches::Watches;

/// The part of a process that owns what is visible to it.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) processes: ProcessTable,
    pub(crate) services: ServiceTable,
    pub(crate) watches: Watches,
    /// Processes of whose end the application asked to be told.
    pub(crate) tracked: FxHashSet<ProcessNo>,
    own: ProcessId,
    /// Counts the changes of this process's own services.
    revision: u64,
    last_counter: u32,
    routes_epoch: u64,
    destinations_epoch: u64,
    /// Bytes that services have remembered of the destinations of their reports, since all of it
    /// was forgotten.
    pub(crate) remembered: usize,
}

impl Registry {
    pub(crate) fn new(own: ProcessId, label: Str, seed: u64) -> Self {
        Self {
            processes: ProcessTable::new(own, label, seed),
            services: ServiceTable::new(seed),
            watches: Watches::default(),
            tracked: FxHashSet::default(),
            own,
            revision: 0,
            last_counter: 0,
            routes_epoch: 0,
            destinations_epoch: 0,
            remembered: 0,
        }
    }

    /// Changes whenever the route to any process or service does.
    #[inline]
    pub(crate) fn routes_epoch(&self) -> u64 {
        self.routes_epoch
    }

    /// Changes whenever reports of any service may go elsewhere than before.
    #[inline]
    pub(crate) fn destinations_epoch(&self) -> u64 {
        self.destinations_epoch
    }

    /// A route has come or gone.
    pub(crate) fn routes_changed(&mut self) {
        self.routes_epoch += 1;
        self.destinations_epoch += 1;
    }

    /// Somebody wants reports, or no longer does.
    pub(crate) fn subscribers_changed(&mut self) {
        self.destinations_epoch += 1;
    }

    /// Where reports go is found out anew; nothing has changed.
    pub(crate) fn forget_destinations(&mut self) {
        self.remembered = 0;
        self.services.free_destinations();
    }

    /// Identity and revision of a new service of this process.
    /// `None`: all were given, and none is given twice.
    pub(crate) fn next_service(&mut self) -> Option<(ServiceId, u64)> {
        self.last_counter = self.last_counter.checked_add(1)?;
        let id = ServiceId { process: self.own, counter: self.last_counter };
        Some((id, self.next_revision()))
    }

    /// Revision of a change of a service of this process.
    pub(crate) fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// For tests: see [`IdAllocator::skip_to_end`](crate::collections::id_allocator::IdAllocator).
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.processes.skip_to_end(left);
        self.services.skip_to_end(left);
        self.watches.skip_to_end(left);
    }

    /// For tests: as if `left` more services were left to be created.
    pub(crate) fn exhaust_counters(&mut self, left: u32) {
        self.last_counter = u32::MAX - left;
    }

    /// Entries of every table, by name.
    pub(crate) fn table_sizes(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("services", self.services.len()),
            ("processes", self.processes.len()),
            ("tracked", self.tracked.len()),
            ("watches", self.watches.len()),
        ]
    }
}
