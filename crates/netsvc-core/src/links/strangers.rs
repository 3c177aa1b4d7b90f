//! Accepted connections that are no links yet: how many there are, and which makes room.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::LinkId;
use crate::time::Time;

use super::newcomer::SourceKey;

/// A connection is not displaced before it has had so long to introduce itself: what it said may
/// be on its way, or lie in its socket. It bounds how often connections are exchanged for others.
const TENURE: Duration = Duration::from_millis(50);

/// All strangers of a process.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    /// The oldest first.
    each: Vec<Stranger>,
}

#[derive(Clone, Copy, Debug)]
struct Stranger {
    link: LinkId,
    listener: u32,
    source: SourceKey,
    since: Time,
    standing: Standing,
}

/// What is known of a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has not introduced itself.
    Silent,
    /// It has, and the application decides about it.
    Asking,
    /// It was refused, and is only to hear why.
    Refused,
}

impl Strangers {
    pub(crate) fn add(&mut self, now: Time, link: LinkId, listener: u32, source: SourceKey) {
        let standing = Standing::Silent;
        self.each.push(Stranger { link, listener, source, since: now, standing });
    }

    /// It is linked, or gone.
    pub(crate) fn remove(&mut self, link: LinkId) {
        self.each.retain(|stranger| stranger.link != link);
    }

    pub(crate) fn set_standing(&mut self, link: LinkId, standing: Standing) {
        if let Some(stranger) = self.each.iter_mut().find(|stranger| stranger.link == link) {
            stranger.standing = standing;
        }
    }

    /// How many came by a listener.
    pub(crate) fn count(&self, listener: u32) -> usize {
        self.by(listener).count()
    }

    /// How many of those that came by the same listener, from the same source, are decided about.
    pub(crate) fn asking_beside(&self, link: LinkId) -> usize {
        let Some(stranger) = self.find(link) else { return 0 };
        let beside = self.by(stranger.listener).filter(|other| other.source == stranger.source);
        beside.filter(|other| other.standing == Standing::Asking).count()
    }

    /// The others by the same listener, from the same source, that are not decided about; the
    /// oldest first.
    pub(crate) fn silent_beside(&self, link: LinkId) -> Vec<LinkId> {
        let Some(stranger) = self.find(link) else { return Vec::new() };
        let beside = self.by(stranger.listener).filter(|other| other.source == stranger.source);
        let silent =
            beside.filter(|other| other.standing == Standing::Silent && other.link != link);
        silent.map(|other| other.link).collect()
    }

    /// Who makes room for the next at a listener: one that was refused; or of those whose source
    /// has most there, the oldest that has not introduced itself.
    pub(crate) fn first_to_go(&self, now: Time, listener: u32) -> Option<LinkId> {
        let refused = self.by(listener).find(|stranger| stranger.standing == Standing::Refused);
        if let Some(stranger) = refused {
            return Some(stranger.link);
        }
        let mut of_source: BTreeMap<SourceKey, usize> = BTreeMap::new();
        for stranger in self.by(listener) {
            *of_source.entry(stranger.source).or_default() += 1;
        }
        let silent = self.by(listener).filter(|stranger| stranger.standing == Standing::Silent);
        // Of equal ones the last is taken: reversed, that is the oldest.
        let most = silent.rev().max_by_key(|stranger| of_source.get(&stranger.source));
        most.filter(|stranger| now.since(stranger.since) >= TENURE).map(|stranger| stranger.link)
    }

    /// When the next of them may be displaced that may not be yet.
    pub(crate) fn next_change(&self, now: Time) -> Time {
        let silent = self.each.iter().filter(|stranger| stranger.standing == Standing::Silent);
        let mut times = silent.map(|stranger| stranger.since + TENURE);
        times.find(|time| *time > now).unwrap_or(Time::NEVER)
    }

    pub(crate) fn len(&self) -> usize {
        self.each.len()
    }

    fn find(&self, link: LinkId) -> Option<&Stranger> {
        self.each.iter().find(|stranger| stranger.link == link)
    }

    fn by(&self, listener: u32) -> impl DoubleEndedIterator<Item = &Stranger> {
        self.each.iter().filter(move |stranger| stranger.listener == listener)
    }
}
