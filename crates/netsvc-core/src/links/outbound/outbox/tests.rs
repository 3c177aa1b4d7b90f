use super::*;
use crate::content::Content;
use crate::ids::Str;
use crate::wire::{Message, Report};

fn report(number: u64, latest: bool) -> Out {
    let report = Report {
        service: 1,
        subject: Str::from(format!("s{}", number % 10)),
        sequence: number,
        content: Content::raw(vec![0; 100]),
        extensions: bytes::Bytes::new(),
    };
    Out::Report { report, latest, shared: false }
}

#[test]
fn what_was_dropped_leaves_no_entries_behind() {
    let mut outbox = Outbox::default();
    let limit = 100_000;
    outbox.push(Out::Message(Message::Heartbeat));
    for number in 0..100_000 {
        outbox.push(report(number, number % 2 == 0));
        assert!(outbox.drop_reports(limit));
    }
    let most = limit / 100 + MAX_HOLES * 2;
    assert!(outbox.entries.len() < most, "{} entries", outbox.entries.len());

    // In order, each once, and every one that is missing counted before the next.
    assert!(matches!(outbox.pop(), Some(Out::Message(Message::Heartbeat))));
    let (mut lost, mut seen, mut newest) = (0, 0, None);
    while let Some(out) = outbox.pop() {
        match out {
            Out::Lost { count, .. } => lost += count,
            Out::Report { report, .. } => {
                assert!(newest.is_none_or(|newest| report.sequence > newest));
                newest = Some(report.sequence);
                seen += 1;
            }
            Out::Nothing => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((lost + seen, newest), (100_000, Some(99_999)));
    assert_eq!((outbox.bytes(), outbox.holes), (0, 0));
}

#[test]
fn replayed_values_go_last() {
    let mut outbox = Outbox::default();
    let Out::Report { report: kept, .. } = report(1, false) else { unreachable!() };
    let (process, replay, remaining) = (0, 1, None);
    let message = Message::Replayed { process, replay, remaining, report: kept };
    outbox.push(Out::Message(message));
    let one = outbox.bytes();
    for number in 2..5_000 {
        outbox.push(report(number, false));
    }
    assert!(outbox.drop_reports(one));
    assert!(outbox.pop().is_some_and(|out| out.is_replayed() || matches!(out, Out::Lost { .. })));
    outbox.push(report(5_000, false));
    assert!(outbox.drop_reports(0));
    assert_eq!(outbox.bytes(), 0);
}

#[test]
fn a_report_is_still_replaced_after_holes_were_closed() {
    let mut outbox = Outbox::default();
    for number in 0..5_000 {
        outbox.push(report(number, true));
    }
    assert!(outbox.drop_reports(100_000));
    let before = outbox.bytes();
    assert!(outbox.replace(1, &Str::from("s9")));
    assert!(outbox.bytes() < before);
}

#[test]
fn an_entry_is_charged_what_it_takes() {
    let entry = size_of::<Entry>() + size_of::<u64>();
    assert!(entry <= OVERHEAD && OVERHEAD < entry + 16, "{entry} bytes, not {OVERHEAD}");
    // A table that is full has no room that is charged beside its entries.
    let mut outbox = Outbox::default();
    for number in 0..1000 {
        outbox.push(report(number, false));
        let table = outbox.entries.capacity() * size_of::<Entry>();
        let memory = outbox.memory_alone();
        assert!(memory >= table + outbox.len() * 100, "{memory} bytes, {table} of the table");
        assert!(memory <= table + outbox.len() * 150, "{memory} bytes, {table} of the table");
    }
}
