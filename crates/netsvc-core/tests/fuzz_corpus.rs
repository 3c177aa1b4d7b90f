//! The targets of `fuzz/` without a fuzzer: its corpus is replayed, and some thousands of inputs
//! made from fixed seeds.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use netsvc_testkit::fuzz::TARGETS;

/// Inputs that are made here for each target; four processes take longer than one, and a crowd of
/// peers that say things by the thousand longer yet.
const INPUTS: u64 = 3000;
const INPUTS_OF_WORLD: u64 = 600;
const INPUTS_OF_COST: u64 = 100;

fn run(name: &str, target: fn(&[u8]), what: &str, input: &[u8]) {
    let result = catch_unwind(AssertUnwindSafe(|| target(input)));
    assert!(result.is_ok(), "{name}: {what}: {input:?}");
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "corpus", name].iter().collect();
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "there is no corpus of {name}");
    for file in files {
        run(name, target, &file.display().to_string(), &fs::read(&file).unwrap());
    }
}

fn invent(name: &str) {
    let target = TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let inputs = match name {
        "world" => INPUTS_OF_WORLD,
        "cost" => INPUTS_OF_COST,
        _ => INPUTS,
    };
    for number in 0..inputs {
        let len = next() % (8 << (number % 7));
        // Small numbers mean more than large ones, so half the inputs have only those.
        let mask = if number % 2 == 0 { 0xff } else { 0x1f };
        let input: Vec<u8> = (0..len).map(|_| next().to_le_bytes()[3] & mask).collect();
        run(name, target, &format!("input {number}"), &input);
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(mod $name {
            #[test]
            fn the_corpus_breaks_no_promise() {
                super::replay(stringify!($name));
            }

            #[test]
            fn inputs_from_fixed_seeds_break_no_promise() {
                super::invent(stringify!($name));
            }
        })*

        #[test]
        fn all_targets_are_replayed() {
            let names = TARGETS.map(|(name, _)| name);
            assert_eq!(names.to_vec(), [$(stringify!($name)),*]);
        }
    };
}

targets!(decoder handshake control world cost);
