//! How a report is published.

use crate::ids::ProcessId;
use crate::links::outbound::reports::Direct;

use super::retained::Lifetime;

/// How a report is published; by default to everybody who wants it, without being kept.
#[derive(Debug, Default)]
pub struct PublishOptions<'a> {
    /// How long the report is kept as the last value of its subject.
    pub lifetime: Lifetime,
    /// For this process only, if it subscribes to the subject; never kept. One that is no longer
    /// reachable gets nothing.
    pub to: Option<ProcessId>,
    /// Extension fields (docs/protocol.md), to be told with the report: well formed, ids even,
    /// at most [`MAX_EXTENSIONS`](crate::limits::MAX_EXTENSIONS) bytes.
    pub extensions: &'a [u8],
    /// A transport that takes bytes now: a large report that goes to nobody but its peer need not
    /// be copied.
    pub direct: Option<Direct<'a>>,
}
