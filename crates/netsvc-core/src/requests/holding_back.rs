//! When handlers of this process begin: not while answers to earlier requests wait to be written.
//! See [`Held`](crate::delivery::held::Held).

use crate::ids::CallId;

use super::router::Router;

impl Router<'_> {
    /// Whether some requests have to be held back: who asks has to be looked at.
    #[inline]
    pub(crate) fn may_hold_back(&self) -> bool {
        self.links.has_backlogs() || self.deliveries.held().is_some()
    }

    /// Whether a request has to wait for others of its link, although its turn among what the
    /// application is told has come.
    #[cold]
    #[inline(never)]
    pub(crate) fn hold_back(&mut self, id: CallId) -> bool {
        let Some(call) = self.requests.calls.get(id) else { return false };
        let Some(link) = call.caller.link() else { return false };
        let has_backlog = self.links.is_backlogged(link);
        if !has_backlog {
            self.links.forget_backlog(link);
            if self.deliveries.held().is_none_or(|held| !held.has(link)) {
                return false;
            }
        }
        self.deliveries.hold(link, call.process, id);
        true
    }

    /// The next of those that were held back and whose link has room again.
    #[cold]
    #[inline(never)]
    pub(crate) fn next_held(&mut self) -> Option<CallId> {
        let held = self.deliveries.held()?;
        let link = held.links().find(|link| !self.links.is_backlogged(*link))?;
        self.links.forget_backlog(link);
        self.deliveries.next_held(link)
    }
}
