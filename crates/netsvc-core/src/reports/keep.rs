//! Kept values: the last report of each subject, for whoever subscribes later.

use std::time::Duration;

use bytes::Bytes;

use crate::content::ContentRef;
use crate::error::CommandError;
use crate::ids::{ServiceNo, Str};
use crate::registry::service::Publisher;
use crate::time::Time;
use crate::wire::ReportRef;

use super::distributor::Distributor;
use super::retained::{Lifetime, RetainedValue, RetainedValues};

/// How often kept values are looked through for those whose lifetime is over.
const SWEEP: Duration = Duration::from_secs(10);

impl Distributor<'_> {
    /// Makes room for a report that is to be kept; drops the subject's kept value if it is not.
    #[inline]
    pub(super) fn keep(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: &Str,
        content: &ContentRef<'_>,
        lifetime: Lifetime,
    ) -> Result<(), CommandError> {
        if lifetime != Lifetime::None {
            return self.make_room(now, service, subject, content.bytes.len());
        }
        if self.reports.kept.0 > 0 && self.keeps_values(service) {
            self.change_kept(service, |kept| kept.remove(subject));
        }
        Ok(())
    }

    fn keeps_values(&self, service: ServiceNo) -> bool {
        let known = self.registry.services.get(service).and_then(|known| known.publisher.as_ref());
        known.is_some_and(|publisher| publisher.kept.len() > 0)
    }

    /// Keeps a report.
    pub(super) fn note_kept(
        &mut self,
        now: Time,
        service: ServiceNo,
        report: &ReportRef<'_>,
        lifetime: Lifetime,
    ) {
        let expires = match lifetime {
            Lifetime::None => return,
            Lifetime::For(duration) => now + duration,
            Lifetime::Forever => Time::NEVER,
        };
        let value = RetainedValue {
            subject: report.subject.clone(),
            content: report.content.keep(),
            extensions: Bytes::copy_from_slice(report.extensions),
            expires,
        };
        self.change_kept(service, |kept| kept.insert(report.sequence, value));
        if expires != Time::NEVER {
            self.reports.sweep = self.reports.sweep.min(now + SWEEP);
        }
    }

    /// Drops kept values whose lifetime is over.
    pub(crate) fn sweep(&mut self, now: Time) {
        self.drop_expired(now);
        let next = self.reports.expiring.first().map(|(expires, _)| *expires);
        self.reports.sweep = next.map_or(Time::NEVER, |next| next.max(now + SWEEP));
    }

    /// It costs nothing unless something has expired: whoever is refused again and again asks for
    /// it each time.
    fn drop_expired(&mut self, now: Time) {
        while let Some((expires, service)) = self.reports.expiring.first().copied()
            && expires <= now
        {
            // It comes again with what expires next.
            self.reports.expiring.pop_first();
            self.change_kept(service, |kept| kept.sweep(now));
        }
    }

    /// A service of this process ends, and its kept values with it.
    pub(crate) fn forget_kept(&mut self, service: ServiceNo, publisher: &Publisher) {
        self.reports.kept.0 -= publisher.kept.len();
        self.reports.kept.1 -= publisher.kept.bytes();
        self.reports.expiring.remove(&(publisher.kept.first_expiry(), service));
        self.rest_sweeping();
    }

    /// Whether one more value may be kept; what has expired makes room.
    fn make_room(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: &str,
        size: usize,
    ) -> Result<(), CommandError> {
        let limits = &self.rules.limits;
        let (values_limit, bytes_limit) = (limits.kept_values, limits.kept_bytes);
        for swept in [false, true] {
            let publisher =
                self.registry.services.get(service).and_then(|known| known.publisher.as_ref());
            let Some(publisher) = publisher else { return Ok(()) };
            let replaced = publisher.kept.bytes_of(subject);
            let (values, bytes) = self.reports.kept;
            let values = values + usize::from(replaced.is_none());
            let bytes = bytes - replaced.unwrap_or(0) + size;
            if values <= values_limit && bytes <= bytes_limit {
                return Ok(());
            }
            if swept {
                let (what, limit) = if values > values_limit {
                    ("kept_values", values_limit)
                } else {
                    ("kept_bytes", bytes_limit)
                };
                return Err(CommandError::Limit { what, limit });
            }
            self.drop_expired(now);
        }
        Ok(())
    }

    /// Changes kept values and keeps count of them.
    fn change_kept(&mut self, no: ServiceNo, change: impl FnOnce(&mut RetainedValues)) {
        let known = self.registry.services.get_mut(no);
        let Some(Publisher { kept, .. }) = known.and_then(|known| known.publisher.as_deref_mut())
        else {
            return;
        };
        let before = (kept.len(), kept.bytes());
        let first_before = kept.first_expiry();
        change(kept);
        let first = kept.first_expiry();
        if first != first_before {
            let expiring = &mut self.reports.expiring;
            expiring.remove(&(first_before, no));
            if first != Time::NEVER {
                expiring.insert((first, no));
            }
        }
        let (values, bytes) = &mut self.reports.kept;
        *values = *values - before.0 + kept.len();
        *bytes = *bytes - before.1 + kept.bytes();
        self.rest_sweeping();
    }

    /// Nothing is kept, so nothing is swept.
    fn rest_sweeping(&mut self) {
        if self.reports.kept.0 == 0 {
            self.reports.sweep = Time::NEVER;
        }
    }
}
