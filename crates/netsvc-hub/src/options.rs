//! What can be set, by the command line and by the configuration file alike.

use std::path::PathBuf;
use std::time::Duration;

use netsvc_core::limits::MIN_MEMORY;
use netsvc_core::{Heartbeat, Limits};
use netsvc_net::ListenTarget;

use crate::address;
use crate::label::default_label;
use crate::log::{Format, Level};

/// The port when nothing says where to listen.
const DEFAULT_LISTEN: &str = "11111";
/// How long what is queued may take to leave when the hub stops, in seconds.
const DEFAULT_DRAIN: f64 = 5.0;
/// A hub that is a process of its own is one of many on a gateway.
const DEFAULT_MEMORY: usize = 64 << 20;
/// Longest drain and heartbeat interval, in seconds: anything longer is a mistake in the unit.
const LONGEST: f64 = 300.0;
/// Names go into messages with one byte of length.
const LONGEST_NAME: usize = 255;
/// Greatest value of any limit, so that one file serves on systems of 32 bits and of 64.
const GREATEST_LIMIT: f64 = 4_294_967_295.0;

/// What one source sets; the rest is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) listen: Option<Vec<ListenTarget>>,
    pub(crate) socket: Option<Vec<PathBuf>>,
    pub(crate) group: Option<String>,
    pub(crate) label: Option<String>,
    /// Seconds.
    pub(crate) interval: Option<f64>,
    /// Seconds.
    pub(crate) dead: Option<f64>,
    /// Seconds.
    pub(crate) drain: Option<f64>,
    pub(crate) limits: Vec<(&'static Limit, usize)>,
    pub(crate) log_level: Option<Level>,
    pub(crate) log_format: Option<Format>,
}

/// One of the limits of the core.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) name: &'static str,
    field: fn(&mut Limits) -> &mut usize,
}

impl PartialEq for Limit {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// All limits, in the order of [`Limits`].
pub(crate) static LIMITS: [Limit; 15] = [
    Limit { name: "payload", field: |limits| &mut limits.payload },
    Limit { name: "outbox", field: |limits| &mut limits.outbox },
    Limit { name: "memory", field: |limits| &mut limits.memory },
    Limit { name: "subscription-reports", field: |limits| &mut limits.subscription_reports },
    Limit { name: "subscription-bytes", field: |limits| &mut limits.subscription_bytes },
    Limit { name: "running-requests", field: |limits| &mut limits.running_requests },
    Limit { name: "pending-requests", field: |limits| &mut limits.pending_requests },
    Limit { name: "services", field: |limits| &mut limits.services },
    Limit { name: "announced-bytes", field: |limits| &mut limits.announced_bytes },
    Limit { name: "interests", field: |limits| &mut limits.interests },
    Limit { name: "kept-values", field: |limits| &mut limits.kept_values },
    Limit { name: "kept-bytes", field: |limits| &mut limits.kept_bytes },
    Limit { name: "links", field: |limits| &mut limits.links },
    Limit { name: "links-per-source", field: |limits| &mut limits.links_per_source },
    Limit { name: "handshakes", field: |limits| &mut limits.handshakes },
];

/// What the hub runs with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<ListenTarget>,
    pub(crate) group: String,
    pub(crate) label: String,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) drain: Duration,
    pub(crate) limits: Limits,
    pub(crate) log_level: Level,
    pub(crate) log_format: Format,
}

impl Options {
    pub(crate) fn add_listen(&mut self, text: &str) -> Result<(), String> {
        self.listen.get_or_insert_default().push(address::parse(text)?);
        Ok(())
    }

    pub(crate) fn add_socket(&mut self, path: &str) -> Result<(), String> {
        if path.is_empty() || path.contains('\0') {
            return Err(format!("{path:?} is not the path of a socket"));
        }
        self.socket.get_or_insert_default().push(path.into());
        Ok(())
    }

    pub(crate) fn set_group(&mut self, name: &str) -> Result<(), String> {
        self.group = Some(checked_name(name)?);
        Ok(())
    }

    pub(crate) fn set_label(&mut self, name: &str) -> Result<(), String> {
        self.label = Some(checked_name(name)?);
        Ok(())
    }

    pub(crate) fn set_interval(&mut self, seconds: f64) -> Result<(), String> {
        self.interval = Some(within(seconds, 0.01, LONGEST, " seconds")?);
        Ok(())
    }

    pub(crate) fn set_dead(&mut self, seconds: f64) -> Result<(), String> {
        self.dead = Some(within(seconds, 0.01, 3.0 * LONGEST, " seconds")?);
        Ok(())
    }

    pub(crate) fn set_drain(&mut self, seconds: f64) -> Result<(), String> {
        self.drain = Some(within(seconds, 0.0, LONGEST, " seconds")?);
        Ok(())
    }

    /// `None`: there is no such limit.
    pub(crate) fn set_limit(&mut self, name: &str, value: f64) -> Option<Result<(), String>> {
        let limit = LIMITS.iter().find(|limit| limit.name == name)?;
        let greatest = match name {
            "payload" => f64::from(netsvc_core::limits::MAX_PAYLOAD as u32),
            _ => GREATEST_LIMIT,
        };
        let least = if name == "memory" { f64::from(MIN_MEMORY as u32) } else { 1.0 };
        Some(within(value, least, greatest, "").map(|value| {
            self.limits.retain(|(other, _)| *other != limit);
            // Between 1 and 2^32 - 1, checked just now.
            #[allow(clippy::cast_sign_loss)]
            self.limits.push((limit, value as usize));
        }))
    }

    pub(crate) fn set_log_level(&mut self, name: &str) -> Result<(), String> {
        self.log_level = Some(one_of(name, &Level::ALL, Level::name)?);
        Ok(())
    }

    pub(crate) fn set_log_format(&mut self, name: &str) -> Result<(), String> {
        self.log_format = Some(one_of(name, &Format::ALL, Format::name)?);
        Ok(())
    }

    /// What is set here wins over `file`; addresses of either kind replace those of both kinds.
    pub(crate) fn over(&self, file: &Self) -> Result<Settings, String> {
        let places = if self.listen.is_some() || self.socket.is_some() { self } else { file };
        let mut limits = Limits { memory: DEFAULT_MEMORY, ..Limits::default() };
        for (limit, value) in file.limits.iter().chain(&self.limits) {
            *(limit.field)(&mut limits) = *value;
        }
        Ok(Settings {
            listen: places.targets()?,
            group: self.group.as_ref().or(file.group.as_ref()).cloned().unwrap_or_default(),
            label: self
                .label
                .as_ref()
                .or(file.label.as_ref())
                .map_or_else(default_label, Clone::clone),
            heartbeat: heartbeat(self.interval.or(file.interval), self.dead.or(file.dead))?,
            drain: Duration::from_secs_f64(self.drain.or(file.drain).unwrap_or(DEFAULT_DRAIN)),
            limits,
            log_level: self.log_level.or(file.log_level).unwrap_or(Level::Info),
            log_format: self.log_format.or(file.log_format).unwrap_or(Format::Text),
        })
    }

    fn targets(&self) -> Result<Vec<ListenTarget>, String> {
        if self.listen.is_none() && self.socket.is_none() {
            return Ok(vec![address::parse(DEFAULT_LISTEN)?]);
        }
        let sockets = self.socket.iter().flatten().cloned().map(ListenTarget::Unix);
        let targets: Vec<_> = self.listen.iter().flatten().cloned().chain(sockets).collect();
        if targets.is_empty() {
            return Err("there is nowhere to listen: listen and socket are empty".to_owned());
        }
        Ok(targets)
    }
}

/// As the library: dead after three intervals unless said otherwise.
fn heartbeat(interval: Option<f64>, dead: Option<f64>) -> Result<Heartbeat, String> {
    let interval = interval.unwrap_or(5.0);
    let dead = dead.unwrap_or(3.0 * interval);
    if dead <= interval {
        return Err(format!(
            "heartbeat: a peer cannot be dead after {dead} s when it is heard of every {interval} s"
        ));
    }
    // As much as may be without being asked for, or meant as milliseconds.
    let longest = LONGEST.max(3.0 * interval);
    if dead > longest {
        return Err(format!("heartbeat: dead must be at most {longest} seconds, not {dead}"));
    }
    let [interval, dead] = [interval, dead].map(Duration::from_secs_f64);
    Ok(Heartbeat { interval, dead })
}

fn checked_name(name: &str) -> Result<String, String> {
    if name.len() > LONGEST_NAME {
        return Err(format!("is {} bytes long; {LONGEST_NAME} are allowed", name.len()));
    }
    Ok(name.to_owned())
}

fn within(value: f64, least: f64, greatest: f64, unit: &str) -> Result<f64, String> {
    if (least..=greatest).contains(&value) {
        return Ok(value);
    }
    Err(format!("must be {least} to {greatest}{unit}"))
}

fn one_of<T: Copy>(name: &str, all: &[T], name_of: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|value| name_of(*value) == name);
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|value| name_of(*value)).collect();
        format!("must be one of {}, not {name:?}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_dead_after_the_interval_and_not_after_milliseconds() {
        let of = |interval, dead| heartbeat(interval, dead).map(|heartbeat| heartbeat.dead);
        assert_eq!(of(None, None), Ok(Duration::from_secs(15)));
        assert_eq!(of(Some(300.0), None), Ok(Duration::from_secs(900)));
        assert_eq!(of(None, Some(300.0)), Ok(Duration::from_secs(300)));
        assert_eq!(of(Some(150.0), Some(450.0)), Ok(Duration::from_secs(450)));
        for (interval, dead) in [(None, 500.0), (Some(150.0), 451.0), (None, 5.0)] {
            let error = of(interval, Some(dead)).expect_err("milliseconds, or too soon");
            assert!(error.starts_with("heartbeat: "), "{error}");
        }
        let error = "heartbeat: dead must be at most 300 seconds, not 500";
        assert_eq!(of(None, Some(500.0)), Err(error.to_owned()));
    }
}
