//! Replays that are asked for over one link and answered over another.

use crate::ids::LinkId;
use crate::links::Links;
use crate::reason::Reason;
use crate::reports::replays_asked::Asked;
use crate::steps;
use crate::wire::Report;

use super::connection::Connection;

/// Kept values that are passed on may take this part of an outbox: they are never dropped unless
/// what cannot be dropped fills the rest.
const REPLAYED_SHARE: usize = 4;

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

    /// Whether a value of a replay that the peer of a link waits for is passed on: what waits for
    /// the link of such values may be a quarter of its outbox. If not, no later value of the page
    /// is either; the asker hears where it was cut, and asks for the rest when it has taken these.
    pub(crate) fn has_room_for_replayed(
        &mut self,
        link: LinkId,
        replay: u32,
        report: &Report,
    ) -> bool {
        let most = self.bounds.outbox / REPLAYED_SHARE;
        let Some(connection) = self.connection_mut(link) else { return false };
        let waiting = connection.out.replayed();
        let asked = connection.replays.as_mut().and_then(|replays| replays.get_mut(replay));
        let Some(asked) = asked.filter(|asked| asked.cut.is_none()) else { return false };
        // A cut before the first report of all could not be told from the end.
        let has_room =
            waiting == 0 || waiting + report.by_ref().size() <= most || report.sequence <= 1;
        if !has_room {
            asked.cut = Some(report.sequence - 1);
        }
        has_room
    }

    /// It is answered, or never will be. Returns the sequence up to which values were passed on, if
    /// there was no room for all.
    pub(crate) fn end_expected_replay(&mut self, link: LinkId, replay: u32) -> Option<u64> {
        let asked = self.connection_mut(link)?.end_expected_replay(replay)?;
        if let Some(publisher) = self.connection_mut(asked.over) {
            publisher.forget_owed_replay(link, replay);
        }
        asked.cut
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
    fn end_expected_replay(&mut self, replay: u32) -> Option<Asked> {
        let replays = self.replays.as_mut()?;
        let asked = replays.end(replay)?;
        self.release_replays();
        Some(asked)
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
