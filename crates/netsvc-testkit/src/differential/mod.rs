//! The same random sequence of operations with the quick ways allowed and forbidden: whatever
//! applications are told is the same.
//!
//! *Compared*, event by event and in order, for each application, in worlds whose links have room
//! enough ([`Layout::exact`]): reports of each subscription with content, sequence, `missed`,
//! `replayed` and `resumed`; requests told to handlers; results, failures and errors; parts and
//! credit; changes of services; subscribers; links that come and go, with reasons; flushes; and
//! which commands are refused.
//!
//! *Left open*:
//! - in the world with small limits, which reports an outbox drops, which requests are overloaded
//!   and whether a link ends as too slow. These depend on how many bytes wait, and the same things
//!   are not equally large on all ways. What must hold all the same is below;
//! - which reports a subscription with a bound drops, and which a newer one replaces: that depends
//!   on how soon its application takes them. One that is larger than the bound by itself fares
//!   alike on all ways, though;
//! - whether an application is told of a request that is given up before it could do anything about
//!   it, and whether credit that comes so soon is told with the request or after it. Such a request
//!   counts as running until its handler has ended, so where there are several services of its
//!   name, runs are compared until then;
//! - what `publish` answers when much is queued, which depends on the same;
//! - whether a request that is given up, or whose provider is lost, had left a queue by then, so
//!   that its `delivered` is unknown, or had not; how much of its time a handler is left with, and
//!   with that whether the end of its caller's time is to it a deadline or a cancellation;
//! - the numbers of invocations, which are the core's own.
//!
//! *Each run by itself*, in all worlds: no subscription is told anything twice, in another order
//! than published, otherwise than published, or after it ended; once everything has recovered it is
//! told the last report of each service, and what it was told and what it has missed account for
//! every report since it was in force, at every moment; each request has one outcome, at most one
//! handler, and a true `delivered`; no more parts than granted; registries and watches are the
//! services that live and are visible; every table returns to its size.
//!
//! Not covered: processes that restart, `authorise`, extension fields and fragments, the end of a
//! whole registry.

mod collect;
mod comparison;
mod generator;
mod invariants;
mod layout;
mod operation;
mod run;
mod shrink;
mod state;
mod trouble;
mod verbs;

use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use layout::{LAYOUTS, Layout};
pub use operation::{Aim, Operation};

use crate::ways::Ways;
use run::Run;

/// A sequence that breaks a promise, or tells applications different things.
#[derive(Clone, Debug)]
pub struct Failure {
    /// In which world.
    pub layout: &'static str,
    /// Of the sequence.
    pub seed: u64,
    /// What is wrong.
    pub what: Vec<String>,
    /// A short sequence for which something is.
    pub operations: Vec<Operation>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, seed {}:", self.layout, self.seed)?;
        for what in &self.what {
            writeln!(f, "- {what}")?;
        }
        for operation in &self.operations {
            writeln!(f, "    {operation:?},")?;
        }
        Ok(())
    }
}

/// The operations that a seed stands for.
pub fn operations(layout: &Layout, seed: u64) -> Vec<Operation> {
    generator::operations(layout, seed)
}

/// What is wrong with a sequence; empty: nothing.
pub fn check(layout: &'static Layout, seed: u64, operations: &[Operation]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut runs = Vec::new();
    for ways in [Ways::Quick, Ways::General] {
        match catch_unwind(AssertUnwindSafe(|| finished(layout, seed, ways, operations))) {
            Ok(run) => {
                let broken = run.broken.iter().take(5);
                wrong.extend(broken.map(|what| format!("{ways:?}: {what}")));
                runs.push(run);
            }
            Err(panic) => wrong.push(format!("{ways:?}: panicked: {}", text(panic.as_ref()))),
        }
    }
    if let [quick, general] = &runs[..] {
        wrong.extend(comparison::difference(quick, general));
    }
    wrong
}

/// Makes the sequence of a seed small, if something is wrong with it.
pub fn failure(layout: &'static Layout, seed: u64) -> Option<Failure> {
    let operations = operations(layout, seed);
    if check(layout, seed, &operations).is_empty() {
        return None;
    }
    let operations =
        shrink::shrink(operations, |candidate| !check(layout, seed, candidate).is_empty());
    let what = check(layout, seed, &operations);
    Some(Failure { layout: layout.name, seed, what, operations })
}

/// Everything that applications were told in the course of a sequence, for people.
pub fn story(layout: &'static Layout, seed: u64, ways: Ways, operations: &[Operation]) -> String {
    let run = finished(layout, seed, ways, operations);
    let mut story = String::new();
    for (node, told) in run.told.iter().enumerate() {
        let events = crate::links::story(&told.events);
        let _ = writeln!(story, "{}: {}", layout.nodes[node], events.join(", "));
    }
    story
}

fn finished(layout: &'static Layout, seed: u64, ways: Ways, operations: &[Operation]) -> Run {
    let mut run = Run::new(layout, seed, ways);
    for operation in operations {
        run.apply(operation);
    }
    run.end();
    run
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
