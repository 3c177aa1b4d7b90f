//! What other processes call this one.

/// `host:pid`, as processes of the library call themselves.
pub(crate) fn default_label() -> String {
    let host = host_name().unwrap_or_else(|| "netsvcd".to_owned());
    let host: String = host.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("{host}:{}", std::process::id())
}

#[cfg(target_os = "linux")]
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Without unsafe code the environment is all there is.
#[cfg(not(target_os = "linux"))]
fn host_name() -> Option<String> {
    ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok())
}
