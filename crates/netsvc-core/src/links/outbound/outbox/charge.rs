//! What an entry of an outbox is charged.

use crate::wire::Message;

use super::out::Out;

/// Bytes that whatever waits is charged beyond its content: an entry, and its position among those
/// that may be dropped.
pub(crate) const OVERHEAD: usize = 160;

impl Out {
    /// Bytes that it is charged.
    pub(crate) fn size(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Message(message) => message_size(message) - OVERHEAD,
                Self::Report { report, .. } | Self::Targeted(_, report) => report.by_ref().size(),
                Self::Batch(run) => run.size(),
                Self::Subscriber { want, .. } => want.pattern.text().len(),
                Self::ReplayRequest { pattern, .. } => pattern.len(),
                Self::Replay(replay) => replay.pattern.text().len(),
                Self::Lost { subject, .. } => subject.as_ref().map_or(0, |text| text.len()),
                // Requests are charged by `push_request`, which knows the content, and changes by
                // their log.
                Self::Request(_) | Self::Replays(_) | Self::Changes { .. } | Self::Nothing => 0,
            }
    }

    /// Those of them that count once for all links that wait for them.
    pub(super) fn shared(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.frames.len(),
            Self::Report { report, shared: true, .. } => report.content.bytes.len(),
            _ => 0,
        }
    }

    /// Its bytes are charged to whoever has caused it, because nothing else bounds it: it is
    /// neither dropped nor refused, and the receiver has not asked for it.
    pub(super) fn is_charged(&self) -> bool {
        match self {
            Self::Message(message) => !matches!(
                message,
                Message::Response { .. }
                    | Message::Part { .. }
                    | Message::Replayed { .. }
                    | Message::Targeted { .. }
                    | Message::Goodbye(_)
            ),
            Self::Subscriber { .. } | Self::ReplayRequest { .. } => true,
            Self::Changes { .. }
            | Self::Replays(_)
            | Self::Request(_)
            | Self::Report { .. }
            | Self::Batch(_)
            | Self::Targeted(..)
            | Self::Lost { .. }
            | Self::Replay(_)
            | Self::Nothing => false,
        }
    }
}

/// Bytes that a message is charged.
pub(crate) fn message_size(message: &Message) -> usize {
    let varies = match message {
        Message::Response { outcome, extensions, .. } => outcome.size() + extensions.len(),
        Message::Part { content, extensions, .. } => content.bytes.len() + extensions.len(),
        Message::Replayed { report, .. } | Message::Targeted { report, .. } => {
            report.by_ref().size()
        }
        Message::Interest { pattern, .. } => pattern.len(),
        _ => 0,
    };
    OVERHEAD + varies
}
