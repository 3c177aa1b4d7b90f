//! Invocations that are held back, as the answers to earlier requests of their link are not taken.
//!
//! What a handler returns while much waits for the link only joins the end of that. Whoever asks
//! for very much at once would have everybody behind the same link wait until all of it is written.
//! So the next handlers begin when there is room, and callers take turns then.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::ids::{CallId, LinkId, ProcessNo};

/// Those of all links.
#[derive(Debug, Default)]
pub(crate) struct Held {
    lines: FxHashMap<LinkId, Line>,
}

/// Those of one link.
#[derive(Debug, Default)]
struct Line {
    /// The caller whose turn it is comes first.
    turns: VecDeque<ProcessNo>,
    /// Of each caller that has a turn, one or more.
    calls: FxHashMap<ProcessNo, VecDeque<CallId>>,
}

impl Held {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Some of a link's are held back: those that follow come behind them.
    pub(crate) fn has(&self, link: LinkId) -> bool {
        self.lines.contains_key(&link)
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.lines.keys().copied()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.values().flat_map(|line| line.calls.values()).map(VecDeque::len).sum()
    }

    /// A caller's next, behind its own.
    pub(crate) fn push(&mut self, link: LinkId, caller: ProcessNo, call: CallId) {
        let Line { turns, calls } = self.lines.entry(link).or_default();
        let of_caller = calls.entry(caller).or_default();
        if of_caller.is_empty() {
            turns.push_back(caller);
        }
        of_caller.push_back(call);
    }

    /// Takes out the next of a link. The caller after this one comes next.
    pub(crate) fn pop(&mut self, link: LinkId) -> Option<CallId> {
        let Line { turns, calls } = self.lines.get_mut(&link)?;
        let caller = turns.pop_front()?;
        let of_caller = calls.get_mut(&caller)?;
        let call = of_caller.pop_front();
        if of_caller.is_empty() {
            calls.remove(&caller);
        } else {
            turns.push_back(caller);
        }
        if turns.is_empty() {
            self.lines.remove(&link);
        }
        call
    }

    /// Keeps those for which that holds.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(CallId) -> bool) {
        self.lines.retain(|_, Line { turns, calls }| {
            calls.retain(|_, of_caller| {
                of_caller.retain(|call| is_wanted(*call));
                !of_caller.is_empty()
            });
            turns.retain(|caller| calls.contains_key(caller));
            !turns.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: LinkId = LinkId(7);

    fn all(held: &mut Held) -> Vec<u64> {
        std::iter::from_fn(|| held.pop(LINK)).map(|call| call.0).collect()
    }

    #[test]
    fn callers_take_turns_and_each_keeps_its_order() {
        let mut held = Held::default();
        for (caller, call) in [(1, 1), (1, 2), (1, 3), (2, 4), (3, 5), (2, 6), (1, 7)] {
            held.push(LINK, ProcessNo(caller), CallId(call));
        }
        held.push(LinkId(8), ProcessNo(1), CallId(9));
        assert_eq!(held.len(), 8);
        assert_eq!(all(&mut held), [1, 4, 5, 2, 6, 3, 7]);
        assert!(held.has(LinkId(8)) && !held.has(LINK));
    }

    #[test]
    fn who_comes_later_waits_for_one_turn() {
        let mut held = Held::default();
        for call in 1..=5 {
            held.push(LINK, ProcessNo(1), CallId(call));
        }
        assert_eq!(held.pop(LINK), Some(CallId(1)));
        held.push(LINK, ProcessNo(2), CallId(6));
        assert_eq!(all(&mut held), [2, 6, 3, 4, 5]);
    }

    #[test]
    fn nothing_is_left_of_what_is_not_wanted() {
        let mut held = Held::default();
        for call in 1..=4 {
            held.push(LINK, ProcessNo(call % 2), CallId(call.into()));
        }
        held.retain(|call| call.0 % 2 == 1);
        assert_eq!(all(&mut held), [1, 3]);
        held.push(LINK, ProcessNo(1), CallId(5));
        held.retain(|_| false);
        assert!(held.is_empty());
    }
}
