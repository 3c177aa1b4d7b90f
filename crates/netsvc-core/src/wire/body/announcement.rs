//! SERVICE, where it lies.

use bytes::{BufMut, Bytes};

use crate::ids::Str;
use crate::limits::{MAX_GROUPS, MAX_METHODS, MAX_NAME};
use crate::wire::message::Announcement;
use crate::wire::writer::{string, strings};

use super::control::announced_len;

/// A service's announcement where it lies. [`Announcement`] is its copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnnouncementRef<'a> {
    pub(crate) service: u32,
    pub(crate) process: u32,
    pub(crate) counter: u32,
    pub(crate) revision: u64,
    pub(crate) name: &'a Str,
    pub(crate) audience: &'a Str,
    pub(crate) groups: &'a [Str],
    pub(crate) methods: &'a [Str],
    pub(crate) extensions: &'a Bytes,
}

impl AnnouncementRef<'_> {
    pub(crate) fn keep(&self) -> Announcement {
        Announcement {
            service: self.service,
            process: self.process,
            counter: self.counter,
            revision: self.revision,
            name: self.name.clone(),
            audience: self.audience.clone(),
            groups: self.groups.to_vec(),
            methods: self.methods.to_vec(),
            extensions: self.extensions.clone(),
        }
    }

    pub(in crate::wire) fn write(&self, body: &mut Vec<u8>) {
        body.reserve(announced_len(self.name, self.audience, self.groups, self.methods));
        body.put_u32_le(self.service);
        body.put_u32_le(self.process);
        body.put_u32_le(self.counter);
        body.put_u64_le(self.revision);
        string(body, self.name, MAX_NAME);
        string(body, self.audience, MAX_NAME);
        strings(body, self.groups, MAX_GROUPS, MAX_NAME);
        strings(body, self.methods, MAX_METHODS, MAX_NAME);
    }
}

impl Announcement {
    pub(crate) fn by_ref(&self) -> AnnouncementRef<'_> {
        AnnouncementRef {
            service: self.service,
            process: self.process,
            counter: self.counter,
            revision: self.revision,
            name: &self.name,
            audience: &self.audience,
            groups: &self.groups,
            methods: &self.methods,
            extensions: &self.extensions,
        }
    }
}
