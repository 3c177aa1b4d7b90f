//! Replays that are asked for over one link and answered over another.

use crate::ids::LinkId;
use crate::links::Links;
use crate::reason::Reason;
use crate::reports::replays_asked::Asked;
use crate::steps;

use super::connection::Connection;

impl Links {
    /// The peer of a link asks for a replay that is to be answered over another.
    pub(crate) fn expect_replay(
        &mut self,
        link: LinkId,
        replay: u32,
        asked: Asked,
    ) -> Result<(), Reason> {
        let Some(connection) = self.linked_mut(link) else { return Ok(()) };
        let replays = connection.replays.get_or_insert_default();
        replays.begin(replay, asked).map_err(Reason::violation)?;
        if let Some(publisher) = self.linked_mut(asked.over) {
            publisher.replays.get_or_insert_default().owed.insert((link, replay));
        }
        Ok(())
    }

    /// Whether the peer of a link waits for a replay that is to be answered `over` another.
    pub(crate) fn expects_replay(&self, link: LinkId, replay: u32, over: LinkId) -> bool {
        let replays = self.linked(link).and_then(|connection| connection.replays.as_ref());
        replays.is_some_and(|replays| replays.is_expected(replay, over))
    }

    /// It is answered, or never will be.
    pub(crate) fn end_expected_replay(&mut self, link: LinkId, replay: u32) {
        let Some(connection) = self.connection_mut(link) else { return };
        let Some(over) = connection.end_expected_replay(replay) else { return };
        if let Some(publisher) = self.connection_mut(over) {
            publisher.forget_owed_replay(link, replay);
        }
    }

    /// A link is lost. Nothing is expected for its peer any more, or of it; returns for whom, and
    /// which: they have to be told.
    pub(crate) fn take_expected_replays(&mut self, link: LinkId) -> Vec<(LinkId, u32)> {
        let connection = self.connection_mut(link);
        let Some(lost) = connection.and_then(|connection| connection.replays.take()) else {
            return Vec::new();
        };
        steps::count(lost.len() + lost.owed.len());
        for (replay, over) in lost.all() {
            if let Some(publisher) = self.connection_mut(over) {
                publisher.forget_owed_replay(link, replay);
            }
        }
        let mut owed: Vec<(LinkId, u32)> = lost.owed.into_iter().collect();
        owed.sort_unstable();
        for (asker, replay) in &owed {
            if let Some(connection) = self.connection_mut(*asker) {
                connection.end_expected_replay(*replay);
            }
        }
        owed
    }
}

impl Connection {
    /// Returns the link over which it was to be answered.
    fn end_expected_replay(&mut self, replay: u32) -> Option<LinkId> {
        let replays = self.replays.as_mut()?;
        let asked = replays.end(replay)?;
        self.release_replays();
        Some(asked.over)
    }

    fn forget_owed_replay(&mut self, asker: LinkId, replay: u32) {
        if let Some(replays) = &mut self.replays {
            replays.owed.remove(&(asker, replay));
            self.release_replays();
        }
    }

    /// A link without any owns no memory for them.
    fn release_replays(&mut self) {
        if self.replays.as_ref().is_some_and(|replays| replays.is_empty()) {
            self.replays = None;
        }
    }
}
