//! What the operator hears of links, and how often.

use std::time::{Duration, Instant};

use netsvc_core::{LinkEvent, ReasonCode};

use crate::log::{Entry, Level};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Refused connections that are this far apart have nothing to do with each other.
const QUIET: Duration = Duration::from_secs(600);

/// Turns events of links into messages. Refused connections count together, or a port scan would
/// fill the log. Those who claim to be another process count on their own: no scan hides them.
#[derive(Debug, Default)]
pub(crate) struct LinkLog {
    refusals: Row,
    impostors: Row,
}

/// Refusals that count together.
#[derive(Debug, Default)]
struct Row {
    current: Option<Current>,
}

/// Refusals in a row.
#[derive(Debug)]
struct Current {
    began: Instant,
    last: Instant,
    /// Until then they are not worth more than a message at level debug.
    quiet_until: Instant,
    unsaid: u64,
}

impl LinkLog {
    pub(crate) fn active(event: &LinkEvent) -> Entry {
        let message = format!("linked with {}", describe(event));
        detailed(Entry::new(Level::Info, "link-active", message), event)
    }

    pub(crate) fn inactive(event: &LinkEvent) -> Entry {
        let message = format!("link with {} ended{}", describe(event), reason(event));
        detailed(Entry::new(Level::Info, "link-inactive", message), event)
    }

    /// Somebody connected and did not become a client. The first, then after a minute, after ten
    /// and hourly is a warning, the rest is for debugging.
    pub(crate) fn refused(&mut self, event: &LinkEvent, now: Instant) -> Entry {
        let code = event.reason.as_ref().map(|reason| reason.code);
        let row = match code {
            Some(ReasonCode::Identity) => &mut self.impostors,
            _ => &mut self.refusals,
        };
        let (level, unsaid) = match row.count(now) {
            Some(unsaid) => (Level::Warn, unsaid),
            None => (Level::Debug, 0),
        };
        let more = match unsaid {
            0 => String::new(),
            _ => format!("; {unsaid} more since the last such message"),
        };
        let (peer, reason) = (describe(event), reason(event));
        let message = format!("a connection from {peer} was not accepted{reason}{more}");
        let entry = detailed(Entry::new(level, "link-refused", message), event);
        if unsaid > 0 { entry.number("more", unsaid) } else { entry }
    }
}

impl Row {
    /// Worth a warning: with the number of those that were not.
    fn count(&mut self, now: Instant) -> Option<u64> {
        if self.current.as_ref().is_some_and(|row| now.duration_since(row.last) > QUIET) {
            self.current = None;
        }
        let Some(row) = &mut self.current else {
            let quiet_until = now + MINUTE;
            self.current = Some(Current { began: now, last: now, quiet_until, unsaid: 0 });
            return Some(0);
        };
        row.last = now;
        if now < row.quiet_until {
            row.unsaid += 1;
            return None;
        }
        let age = now.duration_since(row.began);
        row.quiet_until = if age < 10 * MINUTE { row.began + 10 * MINUTE } else { now + HOUR };
        Some(std::mem::take(&mut row.unsaid))
    }
}

fn describe(event: &LinkEvent) -> String {
    match &event.peer {
        Some(peer) if !peer.label.is_empty() => format!("{} ({})", peer.label, event.address),
        _ => event.address.to_string(),
    }
}

fn reason(event: &LinkEvent) -> String {
    event.reason.as_ref().map(|reason| format!(": {}", reason.message)).unwrap_or_default()
}

fn detailed(mut entry: Entry, event: &LinkEvent) -> Entry {
    if let Some(peer) = &event.peer {
        entry = entry.text("process", peer.process.to_string()).text("label", &*peer.label);
    }
    entry = entry.text("address", &*event.address);
    match &event.reason {
        Some(reason) => entry.text("reason", reason.code.name()),
        None => entry,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use netsvc_core::{ExchangeId, LinkId, Peer, ProcessId, Reason};

    use super::*;
    use crate::log::Format;

    fn event(label: Option<&str>) -> LinkEvent {
        LinkEvent {
            exchange: ExchangeId(1),
            link: LinkId(1),
            peer: label.map(|label| Peer { process: ProcessId([0xab; 16]), label: label.into() }),
            address: "10.0.0.1:5".into(),
            attempt: 1,
            reason: Some(Reason::new(ReasonCode::GroupMismatch, "another group")),
            retry_in: None,
        }
    }

    #[test]
    fn the_end_of_a_link_names_the_peer_and_the_reason() {
        let entry = LinkLog::inactive(&event(Some("x")));
        let text = entry.line(Format::Text, UNIX_EPOCH);
        assert_eq!(text, "netsvcd info: link with x (10.0.0.1:5) ended: another group\n");
        let json: serde_json::Value =
            serde_json::from_str(&entry.line(Format::Json, UNIX_EPOCH)).unwrap();
        let wanted = serde_json::json!({
            "time": "1970-01-01T00:00:00.000Z",
            "level": "info",
            "event": "link-inactive",
            "message": "link with x (10.0.0.1:5) ended: another group",
            "process": "ab".repeat(16),
            "label": "x",
            "address": "10.0.0.1:5",
            "reason": "group-mismatch",
        });
        assert_eq!(json, wanted);
    }

    #[test]
    fn a_refusal_after_a_pause_tells_how_many_there_were_meanwhile() {
        let mut log = LinkLog::default();
        let began = Instant::now();
        let told = [0, 30, 60].map(|second| {
            let entry = log.refused(&event(None), began + Duration::from_secs(second));
            entry.line(Format::Json, UNIX_EPOCH)
        });
        let [first, second, third] =
            told.map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap());
        assert_eq!([&first["level"], &second["level"], &third["level"]], ["warn", "debug", "warn"]);
        let message = "a connection from 10.0.0.1:5 was not accepted: another group";
        assert_eq!((&first["message"], first.get("more")), (&message.into(), None));
        let message = format!("{message}; 1 more since the last such message");
        assert_eq!((&third["message"], &third["more"]), (&message.into(), &1.into()));
    }

    #[test]
    fn a_scan_hides_nobody_who_claims_to_be_another() {
        let mut log = LinkLog::default();
        let now = Instant::now();
        let claim = Some(Reason::new(ReasonCode::Identity, "no proof"));
        let claim = LinkEvent { reason: claim, ..event(None) };
        let told = [&event(None), &event(None), &claim, &claim];
        let told = told.map(|event| log.refused(event, now).line(Format::Text, UNIX_EPOCH));
        let levels = told.map(|line| line.split(' ').nth(1).map(str::to_owned));
        let levels = levels.map(Option::unwrap);
        assert_eq!(levels, ["warn:", "debug:", "warn:", "debug:"]);
    }

    #[test]
    fn refusals_in_a_row_are_worth_a_line_at_once_after_a_minute_after_ten_and_hourly() {
        let mut row = Row::default();
        let began = Instant::now();
        let mut told = Vec::new();
        for second in (0..=3 * 3600).step_by(5) {
            if let Some(unsaid) = row.count(began + Duration::from_secs(second)) {
                told.push((second, unsaid));
            }
        }
        assert_eq!(told, [(0, 0), (60, 11), (600, 107), (4200, 719), (7800, 719)]);
    }

    #[test]
    fn after_a_pause_a_refusal_is_told_at_once() {
        let mut row = Row::default();
        let began = Instant::now();
        let told = [0, 30, 700, 701].map(|s| row.count(began + Duration::from_secs(s)));
        assert_eq!(told, [Some(0), None, Some(0), None]);
    }
}
