//! How many files, sockets included, this process may have open.

/// Descriptors besides those of links: listeners, the event queue, signals, stderr.
const OWN: usize = 32;

/// A hint when so many links do not fit; `None`: they do, or the system does not say.
pub(crate) fn shortage(links: usize) -> Option<String> {
    let limit = soft_limit()?;
    let needed = links.saturating_add(OWN);
    (limit < needed).then(|| {
        format!("open files are limited to {limit}; the {links} links allowed need {needed}")
    })
}

#[cfg(target_os = "linux")]
fn soft_limit() -> Option<usize> {
    soft_limit_in(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

#[cfg(not(target_os = "linux"))]
fn soft_limit() -> Option<usize> {
    None
}

/// `None` also for `unlimited`.
#[cfg(any(target_os = "linux", test))]
fn soft_limit_in(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_number() {
        let limits = "Limit   Soft Limit  Hard Limit  Units\n\
                      Max processes             95  95   processes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(soft_limit_in(limits), Some(1024));
        assert_eq!(soft_limit_in("Max open files  unlimited unlimited files"), None);
        assert_eq!(soft_limit_in(""), None);
    }
}
