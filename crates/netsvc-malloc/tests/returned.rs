//! What is free between what is not goes back.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

/// MiB that this process has in memory.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() >> 10
}

#[test]
fn a_few_that_stay_do_not_keep_what_lies_between_them() {
    let burst: Vec<Box<[u8; 1000]>> = (0..100_000).map(|_| Box::new([1; 1000])).collect();
    let before = resident();
    let stays: Vec<_> = burst.into_iter().step_by(1000).collect();
    netsvc_malloc::give_back();
    let after = resident();
    assert!(before > after + 80, "{before} MiB became {after}");
    assert_eq!(stays.len(), 100);
}
