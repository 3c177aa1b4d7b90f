//! Replays that the peer of a link has asked for through this process, until they are answered.
//!
//! A relay has to know them: what nobody has asked for is not passed on, and what one process may
//! have under way is bounded here, where it cannot be got round.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collections::id_map::IdMap;
use crate::ids::{LinkId, ProcessNo};
use crate::limits::{MAX_REPLAYS, MAX_REPLAYS_OF_LINK};

/// What the peer of one link waits for, and what is expected of it.
#[derive(Debug, Default)]
pub(crate) struct ReplaysAsked {
    /// By the peer's numbers of its replays.
    asked: IdMap<u32, Asked>,
    /// How many of them each publisher is to answer.
    of: FxHashMap<ProcessNo, usize>,
    /// Those that the peer is to answer: over which link, and under which number, they were asked.
    pub(crate) owed: FxHashSet<(LinkId, u32)>,
}

/// One that is not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The link over which it is answered.
    pub(crate) over: LinkId,
    pub(crate) publisher: ProcessNo,
    /// Values of it above this sequence are not passed on: there is no room for them.
    pub(crate) cut: Option<u64>,
}

impl ReplaysAsked {
    pub(crate) fn is_empty(&self) -> bool {
        self.asked.len() == 0 && self.owed.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.asked.len()
    }

    /// The peer asks.
    pub(crate) fn begin(&mut self, replay: u32, asked: Asked) -> Result<(), &'static str> {
        if self.asked.contains(replay) {
            return Err("a replay was asked for that is not answered yet");
        }
        let of = self.of.entry(asked.publisher).or_default();
        if *of >= MAX_REPLAYS || self.asked.len() >= MAX_REPLAYS_OF_LINK {
            return Err("too many replays were asked for at a time");
        }
        *of += 1;
        self.asked.insert(replay, asked);
        Ok(())
    }

    /// It is answered, or never will be.
    pub(crate) fn end(&mut self, replay: u32) -> Option<Asked> {
        let asked = self.asked.remove(replay)?;
        if let Some(of) = self.of.get_mut(&asked.publisher) {
            *of -= 1;
            if *of == 0 {
                self.of.remove(&asked.publisher);
            }
        }
        Some(asked)
    }

    /// Whether that is to be answered over a link.
    pub(crate) fn is_expected(&self, replay: u32, over: LinkId) -> bool {
        self.asked.get(replay).is_some_and(|asked| asked.over == over)
    }

    /// One that is under way.
    pub(crate) fn get_mut(&mut self, replay: u32) -> Option<&mut Asked> {
        self.asked.get_mut(replay)
    }

    /// All of them, with the links over which they are to be answered.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, LinkId)> {
        self.asked.iter().map(|(replay, asked)| (replay, asked.over))
    }
}
