//! All attacks, by what they are aimed at.

mod announcements;
mod connections;
mod identity;
mod interests;
mod keys;
mod outboxes;
mod relayed;
mod replays;
mod reports;
mod requests;

use crate::attack::Attack;

/// In the order in which they are run.
pub(crate) fn all() -> impl Iterator<Item = &'static Attack> {
    let kinds = [
        connections::ALL,
        announcements::ALL,
        interests::ALL,
        reports::ALL,
        replays::ALL,
        outboxes::ALL,
        relayed::ALL,
        requests::ALL,
        identity::ALL,
    ];
    kinds.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different() {
        let mut names: Vec<_> = all().map(|attack| attack.name).collect();
        let many = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), many);
    }
}
