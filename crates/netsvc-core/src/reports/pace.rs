//! Replays of one subscription, asked for as it has room: a kept value is in no hurry.
//!
//! The first page of each is asked for while there is room at all. What does not fit when it
//! arrives is refused, and asked for again when the application has taken others, no more at a time
//! than is likely to fit then.

use std::collections::VecDeque;

/// Kept values that wait, or that there is room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) values: usize,
    /// Of content.
    pub(crate) bytes: usize,
}

/// Bytes that a page of which nothing has come is taken for at least.
const LEAST: usize = 64 << 10;

/// What may be added to what waits.
#[derive(Debug)]
pub(crate) struct Room {
    empty: bool,
    left: Amount,
}

#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// What may wait of kept values; the rest of the limits is for live reports.
    whole: Amount,
    /// What waits.
    waiting: Amount,
    /// Replays that are not asked for because there is no room.
    parked: VecDeque<u32>,
    /// As `parked`, of services of this process.
    parked_here: VecDeque<u32>,
    /// Those that were asked for and are not answered.
    asked: usize,
    /// What the page of a replay comes to: the largest of late.
    page: Amount,
    /// Bytes of the last value that was refused, until there is room for it.
    refused: Option<usize>,
}

impl Room {
    /// Takes the room of a value; false: there is none.
    pub(super) fn take(&mut self, size: usize) -> bool {
        let Amount { values, bytes } = &mut self.left;
        let fits = *values > 0 && size <= *bytes;
        (*values, *bytes) = (values.saturating_sub(1), bytes.saturating_sub(size));
        std::mem::take(&mut self.empty) || fits
    }
}

impl Pace {
    /// For a subscription with these limits.
    pub(super) fn new(values: usize, bytes: usize) -> Self {
        let whole = Amount { values: values - values / 4, bytes: bytes - bytes / 4 };
        Self { whole, ..Self::default() }
    }

    /// A kept value waits.
    pub(super) fn add(&mut self, size: usize) {
        self.waiting.values += 1;
        self.waiting.bytes += size;
    }

    /// It waits no longer.
    pub(super) fn remove(&mut self, size: usize) {
        self.waiting.values = self.waiting.values.saturating_sub(1);
        self.waiting.bytes = self.waiting.bytes.saturating_sub(size);
    }

    /// Whether another value may wait. One that is too large for any room may do so alone.
    pub(super) fn has_room(&self, size: usize) -> bool {
        let Amount { values, bytes } = self.waiting;
        let fits = values < self.whole.values && bytes.saturating_add(size) <= self.whole.bytes;
        values == 0 || fits
    }

    /// The room for more values.
    pub(super) fn room(&self) -> Room {
        let Amount { values, bytes } = self.waiting;
        let left = Amount {
            values: self.whole.values.saturating_sub(values),
            bytes: self.whole.bytes.saturating_sub(bytes),
        };
        Room { empty: values == 0, left }
    }

    /// A value of that many bytes was refused.
    pub(super) fn refuse(&mut self, size: usize) {
        self.refused = Some(size);
    }

    /// A page has arrived: what it came to, and whether it was of any use. Those that are cut short
    /// on their way for want of room are of none, if too many are asked for at a time.
    pub(super) fn note_page(&mut self, page: Amount, useful: bool) {
        let grow = |so_far: usize, now: usize| {
            if useful { now.max(so_far - so_far / 8) } else { now.max(so_far.saturating_mul(2)) }
        };
        self.page.values = grow(self.page.values, page.values).min(self.whole.values);
        let least = if useful { 0 } else { LEAST };
        self.page.bytes = grow(self.page.bytes, page.bytes).max(least).min(self.whole.bytes);
    }

    /// Whether a replay that has not begun may be asked for; if not, it has to be parked.
    pub(super) fn may_begin(&self) -> bool {
        self.parked.is_empty() && self.has_room(self.refused.unwrap_or(0))
    }

    pub(super) fn park(&mut self, replay: u32) {
        self.parked.push_back(replay);
    }

    /// One that has begun goes on before others begin.
    pub(super) fn park_first(&mut self, replay: u32) {
        self.parked.push_front(replay);
    }

    pub(super) fn park_here(&mut self, replay: u32) {
        self.parked_here.push_front(replay);
    }

    /// Whether any is parked.
    #[inline]
    pub(super) fn has_parked(&self) -> bool {
        !self.parked.is_empty() || !self.parked_here.is_empty()
    }

    /// Takes out a parked one that may be asked for now.
    pub(super) fn next(&mut self) -> Option<u32> {
        let refused = self.refused.unwrap_or(0);
        let Amount { values, bytes } = self.page;
        let pages = self.asked + 1;
        let fits = self.waiting.values.saturating_add(values.saturating_mul(pages))
            <= self.whole.values
            && self.waiting.bytes.saturating_add(bytes.saturating_mul(pages)) <= self.whole.bytes;
        let nearly_empty = self.waiting.values <= self.whole.values / 4
            && self.waiting.bytes <= self.whole.bytes / 4;
        if !self.has_room(refused) || !(fits || (self.asked == 0 && nearly_empty)) {
            return None;
        }
        let next = self.parked.pop_front()?;
        self.refused = None;
        Some(next)
    }

    /// As [`next`](Self::next), of services of this process.
    pub(super) fn next_here(&mut self) -> Option<u32> {
        if !self.has_room(self.refused.unwrap_or(0)) {
            return None;
        }
        let next = self.parked_here.pop_front()?;
        self.refused = None;
        Some(next)
    }

    /// One is asked for.
    pub(super) fn begin(&mut self) {
        self.asked += 1;
    }

    /// It is answered, or no longer wanted.
    pub(super) fn end(&mut self) {
        self.asked = self.asked.saturating_sub(1);
    }
}
