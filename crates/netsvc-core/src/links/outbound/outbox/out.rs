//! What waits in an outbox.

use std::sync::Arc;

use crate::ids::{CallId, ProcessNo, Str};
use crate::links::outbound::replay_cursor::ReplayCursor;
use crate::links::outbound::report_batch::SealedBatch;
use crate::outcome::Outcome;
use crate::reports::drop_counts::DropCounts;
use crate::reports::replay_queue::Row;
use crate::reports::want::Want;
use crate::wire::{Message, Report};

/// One entry. Numbers of processes are this process's own; they are introduced to the peer when
/// the entry is encoded, so that an entry may be dropped without consequences.
#[derive(Debug)]
pub(crate) enum Out {
    /// Ready as it is.
    Message(Message),
    /// Changes of services and processes that the peer is to be told of: those up to a position of
    /// their log before whatever follows, those up to another when there is time.
    Changes {
        needed: u64,
        upto: u64,
    },
    Subscriber {
        added: bool,
        service: u32,
        process: ProcessNo,
        want: Want,
    },
    /// Replays of this process that are to be asked for.
    Replays(Row),
    ReplayRequest {
        service: u32,
        process: ProcessNo,
        replay: u32,
        pattern: Str,
        after: u64,
        upto: u64,
    },
    /// The request is in the in-flight table until it is encoded; withdrawn ones are skipped.
    Request(CallId),
    /// `latest`: nobody behind the link wants more than the newest of each subject.
    /// `shared`: other links may wait for its content, too.
    Report {
        report: Report,
        latest: bool,
        shared: bool,
    },
    /// Reports of which nobody wants only the newest, already encoded.
    Batch(Arc<SealedBatch>),
    /// For one process, as the peer numbers it.
    Targeted(u32, Report),
    /// Reports were dropped before they came to this process.
    Lost {
        service: u32,
        subject: Option<Str>,
        count: u64,
    },
    /// A replay of kept values of a local service begins, up to the sequence at which that was
    /// asked: behind the reports that were sent before. From here on others may overtake it.
    Replay(ReplayCursor),
    /// A dropped entry.
    Nothing,
}

impl Out {
    /// The one report that it carries.
    pub(crate) fn report(&self) -> Option<&Report> {
        match self {
            Self::Report { report, .. }
            | Self::Targeted(_, report)
            | Self::Message(Message::Replayed { report, .. } | Message::Targeted { report, .. }) => {
                Some(report)
            }
            _ => None,
        }
    }

    /// The same entry, ready to wait: see `Content::detached`.
    pub(crate) fn detached(self) -> Self {
        match self {
            Self::Message(Message::Response { call, outcome, extensions }) => {
                let outcome = match outcome {
                    Outcome::Response(content) => Outcome::Response(content.detached()),
                    Outcome::Failure(content) => Outcome::Failure(content.detached()),
                    Outcome::Error(error) => Outcome::Error(error),
                };
                Self::Message(Message::Response { call, outcome, extensions })
            }
            Self::Message(Message::Part { call, content, extensions }) => {
                let content = content.detached();
                Self::Message(Message::Part { call, content, extensions })
            }
            Self::Message(Message::Targeted { process, report }) => {
                Self::Message(Message::Targeted { process, report: report.detached() })
            }
            Self::Message(Message::Replayed { process, replay, remaining, report }) => {
                let report = report.detached();
                Self::Message(Message::Replayed { process, replay, remaining, report })
            }
            // Reports are shared by the outboxes of many links: whoever makes them detaches them.
            other => other,
        }
    }

    /// It is what has become of a request, or a part of that.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Message(Message::Response { .. } | Message::Part { .. }))
    }

    pub(crate) fn is_replayed(&self) -> bool {
        matches!(self, Self::Message(Message::Replayed { .. }))
    }

    /// The service of reports, which may be dropped and are then counted.
    pub(super) fn droppable(&self) -> Option<u32> {
        match self {
            Self::Batch(batch) => Some(batch.service.0),
            Self::Lost { service, .. } => Some(*service),
            _ => self.report().map(|report| report.service),
        }
    }

    /// Counts what is droppable as lost.
    pub(super) fn lose(&self, lost: &mut DropCounts) {
        match self {
            Self::Batch(run) => {
                for report in run.reports() {
                    lost.add(report.service, Some(&report.subject), 1);
                }
            }
            Self::Lost { service, subject, count } => lost.add(*service, subject.as_ref(), *count),
            _ => {
                if let Some(report) = self.report() {
                    lost.add(report.service, Some(&report.subject), 1);
                }
            }
        }
    }
}
