//! A failing sequence made small.

use super::operation::Operation;

/// Runs that are tried at most.
const TRIES: usize = 4_000;

/// The shortest and simplest sequence found for which `fails` holds, as it does for `operations`.
pub(super) fn shrink(
    mut operations: Vec<Operation>,
    mut fails: impl FnMut(&[Operation]) -> bool,
) -> Vec<Operation> {
    let mut tries = TRIES;
    let mut attempt = |candidate: &[Operation]| {
        tries = tries.saturating_sub(1);
        tries > 0 && fails(candidate)
    };
    loop {
        let before = operations.clone();
        let mut size = operations.len() / 2;
        while size > 0 {
            let mut start = 0;
            while start < operations.len() {
                let end = (start + size).min(operations.len());
                let mut fewer = operations.clone();
                fewer.drain(start..end);
                if attempt(&fewer) {
                    operations = fewer;
                } else {
                    start = end;
                }
            }
            size /= 2;
        }
        for index in 0..operations.len() {
            while let Some(simpler) = operations[index].simpler().into_iter().find_map(|simpler| {
                let mut candidate = operations.clone();
                candidate[index] = simpler;
                attempt(&candidate).then_some(candidate)
            }) {
                operations = simpler;
            }
        }
        if operations == before {
            return operations;
        }
    }
}
