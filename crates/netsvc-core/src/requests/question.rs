//! What a request asks.

use bytes::Bytes;

use crate::content::ContentRef;
use crate::ids::Str;
use crate::policy::party::Party;
use crate::time::Time;

use super::call_table::Rest;
use super::route_cache::GoalRef;

/// What is asked, where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// Who asks.
    pub(crate) by: Party,
    pub(crate) deadline: Time,
    /// Parts of a streamed result that the caller takes.
    pub(crate) parts: u32,
    pub(crate) goal: GoalRef<'a>,
    pub(crate) method: &'a Str,
    pub(crate) content: ContentRef<'a>,
    pub(crate) extensions: &'a [u8],
    /// The caller waits for a provider if there is none.
    pub(crate) waits: bool,
}

impl Question<'_> {
    /// As it is kept while it may still go to somebody else.
    pub(super) fn keep(&self) -> Rest {
        Rest {
            goal: self.goal.keep(),
            method: self.method.clone(),
            content: self.content.keep(),
            extensions: Bytes::copy_from_slice(self.extensions),
            number: None,
            unsent: true,
            waits: self.waits,
        }
    }
}
