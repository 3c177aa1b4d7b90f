//! Which registries of an environment have something for JavaScript, so that it need not ask all.

use rustc_hash::FxHashSet;

/// Numbers of registries, each once, in the order in which they were noted.
#[derive(Default)]
pub(crate) struct ReadySet {
    order: Vec<u32>,
    noted: FxHashSet<u32>,
}

impl ReadySet {
    pub(crate) fn note(&mut self, registry: u32) {
        if self.noted.insert(registry) {
            self.order.push(registry);
        }
    }

    /// A registry that has ended has no deliveries any more.
    pub(crate) fn forget(&mut self, registry: u32) {
        if self.noted.remove(&registry) {
            self.order.retain(|noted| *noted != registry);
        }
    }

    /// Takes as many as fit into `numbers`; returns how many.
    pub(crate) fn take(&mut self, numbers: &mut [u32]) -> usize {
        let count = self.order.len().min(numbers.len());
        for (number, registry) in numbers.iter_mut().zip(self.order.drain(..count)) {
            self.noted.remove(&registry);
            *number = registry;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_until_it_is_noted_again() {
        let mut ready = ReadySet::default();
        for registry in [3, 1, 3, 2, 1] {
            ready.note(registry);
        }
        let mut numbers = [0; 2];
        assert_eq!((ready.take(&mut numbers), numbers), (2, [3, 1]));
        ready.note(3);
        ready.note(2);
        assert_eq!((ready.take(&mut numbers), numbers), (2, [2, 3]));
        assert_eq!(ready.take(&mut numbers), 0);
    }

    #[test]
    fn one_that_has_ended_is_not_told() {
        let mut ready = ReadySet::default();
        for registry in [1, 2, 3] {
            ready.note(registry);
        }
        ready.forget(2);
        ready.forget(4);
        let mut numbers = [0; 3];
        assert_eq!((ready.take(&mut numbers), numbers), (2, [1, 3, 0]));
    }
}
