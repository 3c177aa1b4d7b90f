//! Random sequences of operations tell applications the same whether the quick ways are allowed or
//! not, and keep every promise either way; `netsvc_testkit::differential` says exactly what.
//!
//! `NETSVC_DIFFERENTIAL_OPERATIONS=1000000 cargo test --release -p netsvc-core --test differential
//! -- --nocapture` makes that many; `NETSVC_DIFFERENTIAL_SEED` is the first seed, and
//! `NETSVC_DIFFERENTIAL_SURVEY=1` lists all seeds that fail instead of making the first small.

#![allow(clippy::print_stdout)] // what was tried belongs to the result

use netsvc_testkit::differential::{self, LAYOUTS};

/// Of all worlds together, unless told otherwise.
const OPERATIONS: usize = 30_000;

fn variable(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn try_world(name: &str) {
    let layout = LAYOUTS.iter().find(|layout| layout.name == name);
    let Some(layout) = layout else { panic!("no world {name:?}") };
    let all = variable("NETSVC_DIFFERENTIAL_OPERATIONS").unwrap_or(OPERATIONS);
    let share = all.div_ceil(LAYOUTS.len());
    let first = variable("NETSVC_DIFFERENTIAL_SEED").unwrap_or(1) as u64;
    let survey = variable("NETSVC_DIFFERENTIAL_SURVEY").is_some();
    let (mut operations, mut sequences, mut failed) = (0, 0, 0);
    for seed in first.. {
        if operations >= share {
            break;
        }
        let sequence = differential::operations(layout, seed);
        operations += sequence.len();
        sequences += 1;
        let wrong = differential::check(layout, seed, &sequence);
        if wrong.is_empty() {
            continue;
        }
        failed += 1;
        if survey {
            println!("{name}, seed {seed}: {}", wrong[0]);
        } else if let Some(failure) = differential::failure(layout, seed) {
            panic!("{failure}after {operations} operations in {sequences} sequences");
        }
    }
    println!("{name}: {operations} operations in {sequences} sequences from seed {first}");
    assert_eq!(failed, 0, "sequences of {sequences} failed");
}

macro_rules! worlds {
    ($($test:ident: $name:literal;)*) => {
        $(#[test]
        fn $test() {
            try_world($name);
        })*

        #[test]
        fn every_world_is_tried() {
            let tried = [$($name),*];
            assert!(LAYOUTS.iter().all(|layout| tried.contains(&layout.name)));
        }
    };
}

worlds! {
    clients_of_one_hub_are_told_the_same: "clients of one hub";
    users_of_a_provider_at_the_hub_are_told_the_same: "a provider at the hub";
    slow_links_change_nothing_in_what_is_told: "slow links";
    two_exchange_groups_are_told_the_same: "two exchange groups";
    a_hub_that_is_a_client_elsewhere_tells_the_same: "a hub that is a client elsewhere";
    two_hubs_between_publisher_and_subscriber_tell_the_same:
        "publisher and subscriber share two hubs";
    two_exchanges_at_one_hub_process_tell_the_same:
        "two exchanges of one process at one hub process";
    a_peer_with_a_small_payload_is_told_the_same: "a peer with a small payload";
    small_limits_lose_nothing_uncounted: "small limits";
}
