//! Two runs of one sequence, compared.

use netsvc_core::Event;

use super::run::Run;
use crate::links::describe;

/// What differs first; `None`: nothing that an application notices.
pub(super) fn difference(quick: &Run, general: &Run) -> Option<String> {
    if !quick.layout.exact {
        return None;
    }
    if quick.refused != general.refused {
        let (quick, general) = (&quick.refused, &general.refused);
        return Some(format!("refused {quick:?} quickly and {general:?} generally"));
    }
    for (node, name) in quick.layout.nodes.iter().enumerate() {
        let (one, other) = (&quick.told[node].events, &general.told[node].events);
        let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
        if same < one.len().max(other.len()) {
            let (one, other) = (shown(one.get(same)), shown(other.get(same)));
            let text = format!("{name}, after {same} events: quick {one}; general {other}");
            return Some(text);
        }
    }
    None
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
