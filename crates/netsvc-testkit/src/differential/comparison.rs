//! Two runs of one sequence, compared.

use netsvc_core::{Event, SubscriptionId};

use super::run::Run;
use super::state::Subscription;
use crate::links::describe;

/// What differs first; `None`: nothing that an application notices.
pub(super) fn difference(quick: &Run, general: &Run) -> Option<String> {
    if !quick.layout.exact {
        return None;
    }
    let end = quick.loose_from.min(general.loose_from);
    let refused = [quick, general].map(|run| {
        let refused = run.refused.iter().filter(|(done, _)| *done < end);
        refused.collect::<Vec<_>>()
    });
    if refused[0] != refused[1] {
        let [quick, general] = refused;
        return Some(format!("refused {quick:?} quickly and {general:?} generally"));
    }
    for (node, name) in quick.layout.nodes.iter().enumerate() {
        let (one, other) = (comparable(quick, node, end), comparable(general, node, end));
        let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
        if same < one.len().max(other.len()) {
            let (one, other) = (shown(one.get(same).copied()), shown(other.get(same).copied()));
            let text = format!("{name}, after {same} events: quick {one}; general {other}");
            return Some(text);
        }
    }
    if end < usize::MAX {
        return None;
    }
    let [one, other] = [quick, general].map(over_the_bound);
    (one > 0 && other == 0).then(|| format!("{one} reports over the bound are told quickly only"))
}

/// What an application was told before that many operations, but for reports of subscriptions with
/// a bound.
fn comparable(run: &Run, node: usize, end: usize) -> Vec<&Event> {
    let bounded: Vec<SubscriptionId> = run
        .subscriptions
        .iter()
        .filter(|one| one.node == node && one.is_bounded())
        .map(|one| one.id)
        .collect();
    let told = &run.told[node];
    let events = told.events.iter().zip(&told.times);
    let events = events.filter(|(_, time)| **time < end).map(|(event, _)| event);
    let kept = events.filter(|event| match event {
        Event::Report { subscription, .. } => !bounded.contains(subscription),
        _ => true,
    });
    kept.collect()
}

/// Reports told although one alone exceeds what its subscription may hold.
fn over_the_bound(run: &Run) -> usize {
    let over = |one: &Subscription| {
        let reports = one.reports.iter();
        reports.filter(|report| report.content.bytes.len() > one.limits.bytes).count()
    };
    run.subscriptions.iter().map(over).sum()
}

fn shown(event: Option<&Event>) -> String {
    let Some(event) = event else { return "nothing".into() };
    match event {
        Event::Report { subscription, report } => format!(
            "{} {} of {} for {subscription:?}, missed {}, {} bytes{}{}",
            describe(event),
            report.sequence,
            report.id,
            report.missed,
            report.content.bytes.len(),
            if report.replayed { ", replayed" } else { "" },
            if report.resumed { ", resumed" } else { "" },
        ),
        Event::Change { change, .. } => format!("{} {}", describe(event), change.revision),
        Event::Invoke(invocation) => {
            format!("{} {:?} for {:?}", describe(event), invocation.call, invocation.remaining)
        }
        other => describe(other),
    }
}
