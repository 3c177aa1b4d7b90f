//! What Linux says about a process.

use std::fs;

/// Ticks in a second: `USER_HZ`, which is 100 wherever this runs.
const TICKS: f64 = 100.0;

/// Resident memory in KiB: now, and the most that it ever was.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) now: u32,
    pub(crate) peak: u32,
}

/// `None`: the process has ended.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kibibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Memory { now: kibibytes("VmRSS:")?, peak: kibibytes("VmHWM:")? })
}

/// Time of a processor that it has used, all threads, in user and system mode, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, and may contain both.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map_while(|field| field.parse::<f64>().ok());
    Some((fields.next()? + fields.next()?) / TICKS)
}
