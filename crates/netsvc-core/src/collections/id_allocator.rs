//! Numbers for things that come and go.

/// Allocates ids cyclically: 1, 2, 3 and so on, after the largest of 32 bits from 1 again, each
/// time the next that is not in use. 0 is never given.
///
/// So an id means one thing at a time, however many peers and applications draw: 2³² take them
/// hours. One that was given back is given again as late as possible, when what was said of the
/// first thing has long been heard. Ids and counters of 64 bits need none of this: a billion of
/// them in each second last for centuries.
#[derive(Debug, Default)]
pub(crate) struct IdAllocator {
    last: u32,
}

impl IdAllocator {
    /// The next id that is not in use. Not all of them may be, and they are not: each id stands for
    /// an entry of a table, and memory for that many is not to be had.
    #[inline]
    pub(crate) fn allocate(&mut self, in_use: impl Fn(u32) -> bool) -> u32 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !in_use(self.last) {
                return self.last;
            }
        }
    }

    /// For tests: as if `left` more ids were left before it begins again.
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.last = u32::MAX - left;
    }
}

#[cfg(test)]
mod tests {
    use super::IdAllocator;

    #[test]
    fn ids_are_given_in_order_and_begin_again_after_the_last() {
        let mut ids = IdAllocator::default();
        assert_eq!([1, 2, 3], std::array::from_fn(|_| ids.allocate(|_| false)));
        ids.skip_to_end(2);
        let given: [u32; 4] = std::array::from_fn(|_| ids.allocate(|_| false));
        assert_eq!(given, [u32::MAX - 1, u32::MAX, 1, 2]);
    }

    #[test]
    fn an_id_in_use_is_passed_over() {
        let mut ids = IdAllocator::default();
        ids.skip_to_end(1);
        let given: [u32; 3] = std::array::from_fn(|_| ids.allocate(|id| id == 1 || id == u32::MAX));
        assert_eq!(given, [2, 3, 4]);
    }
}
