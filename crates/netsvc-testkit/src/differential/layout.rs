//! The worlds: who there is, who is linked with whom, and with which limits.

use netsvc_core::Limits;

/// One world.
#[derive(Debug)]
pub struct Layout {
    /// What it is about.
    pub name: &'static str,
    /// Labels of its processes.
    pub nodes: &'static [&'static str],
    /// Processes that listen, and in which group.
    pub hubs: &'static [(usize, &'static str)],
    /// From client to hub, and in which group.
    pub links: &'static [(usize, usize, &'static str)],
    /// Processes that have services.
    pub providers: &'static [usize],
    pub(super) limits: fn(usize) -> Limits,
    /// Nothing depends on how many bytes wait for a link, so that both runs are told the same.
    pub exact: bool,
    /// How often links, applications and processes get into trouble, compared with the usual.
    pub(super) trouble: usize,
}

/// All worlds.
pub const LAYOUTS: &[Layout] = &[
    Layout {
        name: "clients of one hub",
        nodes: &["hub", "a", "b", "c"],
        hubs: &[(0, "")],
        links: &[(1, 0, ""), (2, 0, ""), (3, 0, "")],
        providers: &[1, 2],
        limits: roomy,
        exact: true,
        trouble: 1,
    },
    Layout {
        name: "a provider at the hub",
        nodes: &["hub", "a", "b"],
        hubs: &[(0, "")],
        links: &[(1, 0, ""), (2, 0, "")],
        providers: &[0],
        limits: little_ahead,
        exact: true,
        trouble: 1,
    },
    Layout {
        name: "slow links",
        nodes: &["hub", "a", "b", "c"],
        hubs: &[(0, "")],
        links: &[(1, 0, ""), (2, 0, ""), (3, 0, "")],
        providers: &[0, 1],
        limits: little_ahead,
        exact: true,
        trouble: 4,
    },
    Layout {
        name: "two exchange groups",
        nodes: &["hub of a", "hub of b", "in both", "in a", "in b"],
        hubs: &[(0, "a"), (1, "b")],
        links: &[(2, 0, "a"), (2, 1, "b"), (3, 0, "a"), (4, 1, "b")],
        providers: &[2, 0, 3],
        limits: little_ahead,
        exact: true,
        trouble: 1,
    },
    Layout {
        name: "a hub that is a client elsewhere",
        nodes: &["gateway", "front", "in gateway", "worker"],
        hubs: &[(0, "a"), (1, "b")],
        links: &[(1, 0, "a"), (2, 0, "a"), (3, 1, "b")],
        providers: &[1, 2, 3],
        limits: little_ahead,
        exact: true,
        trouble: 2,
    },
    Layout {
        name: "publisher and subscriber share two hubs",
        nodes: &["hub of a", "hub of b", "publisher", "subscriber"],
        hubs: &[(0, "a"), (1, "b")],
        links: &[(2, 0, "a"), (2, 1, "b"), (3, 0, "a"), (3, 1, "b")],
        providers: &[2],
        limits: little_ahead,
        exact: true,
        trouble: 2,
    },
    Layout {
        name: "two exchanges of one process at one hub process",
        nodes: &["hub", "in both", "in a", "in b"],
        hubs: &[(0, "a"), (0, "b")],
        links: &[(1, 0, "a"), (1, 0, "b"), (2, 0, "a"), (3, 0, "b")],
        providers: &[1, 0],
        limits: little_ahead,
        exact: true,
        trouble: 1,
    },
    Layout {
        name: "a peer with a small payload",
        nodes: &["hub", "a", "small"],
        hubs: &[(0, "")],
        links: &[(1, 0, ""), (2, 0, "")],
        providers: &[0, 1],
        limits: small_payload,
        exact: true,
        trouble: 1,
    },
    Layout {
        name: "small limits",
        nodes: &["hub", "a", "b", "c"],
        hubs: &[(0, "")],
        links: &[(1, 0, ""), (2, 0, ""), (3, 0, "")],
        providers: &[0, 1, 2],
        limits: small,
        exact: false,
        trouble: 2,
    },
];

impl Layout {
    /// Who may see a service: mostly everybody.
    pub(super) fn audience(&self, number: u8) -> &'static str {
        match number % 8 {
            0..=5 => "*",
            6 => "",
            _ => self.hubs[usize::from(number / 8) % self.hubs.len()].1,
        }
    }

    /// Whether two processes see each other's services of that audience.
    pub(super) fn sees(&self, node: usize, provider: usize, audience: &str) -> bool {
        let in_group = |node: usize, group: &str| {
            self.hubs.contains(&(node, group))
                || self.links.iter().any(|link| link.0 == node && link.2 == group)
        };
        node == provider
            || self.hubs.iter().any(|(_, group)| {
                !audience.is_empty()
                    && (audience == "*" || audience == *group)
                    && in_group(node, group)
                    && in_group(provider, group)
            })
    }
}

fn roomy(_: usize) -> Limits {
    Limits { outbox: 1 << 30, ..Limits::default() }
}

/// Little is sent at once, so that much waits, but nothing is dropped.
fn little_ahead(_: usize) -> Limits {
    // 16 KiB; and few pending requests, so that one that is not forgotten is noticed.
    Limits { outbox: 4 << 20, pending_requests: 12, ..Limits::default() }
}

fn small_payload(node: usize) -> Limits {
    let limits = little_ahead(node);
    if node == 2 { Limits { payload: 1024, ..limits } } else { limits }
}

fn small(node: usize) -> Limits {
    Limits {
        payload: 20_000,
        outbox: [60_000, 20_000, 30_000, 200_000][node % 4],
        subscription_reports: 50,
        subscription_bytes: 100_000,
        running_requests: 3,
        pending_requests: 5,
        services: 4,
        interests: 6,
        kept_values: 4,
        kept_bytes: 20_000,
        ..Limits::default()
    }
}
