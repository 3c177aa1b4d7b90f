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

/// Those that CI runs: some of each kind, in less than five minutes together. The first says what
/// good clients see on this machine when nobody attacks.
pub(crate) const CI: [&str; 18] = [
    "nothing",
    "garbage",
    "slowloris",
    "announce-withdraw",
    "join-leave",
    "pattern-bomb",
    "interest-churn",
    "new-subjects",
    "report-flood",
    "replays",
    "unread-flushes",
    "credits",
    "colliding-keys",
    "cancel-storm",
    "request-flood",
    "forged-answers",
    "squat-present",
    "other-group",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ci_runs_is_there_and_begins_with_nothing() {
        let names: Vec<_> = all().map(|attack| attack.name).collect();
        assert!(CI.iter().all(|name| names.contains(name)));
        assert_eq!((CI[0], names[0]), ("nothing", "nothing"));
    }

    #[test]
    fn names_are_different() {
        let mut names: Vec<_> = all().map(|attack| attack.name).collect();
        let many = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), many);
    }
}
