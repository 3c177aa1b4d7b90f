//! Frames: the preamble before the first, the kinds there are, and the header that begins each.

use crate::limits::{MAX_CONTROL, MAX_EXTENSIONS, MAX_PAYLOAD};

use super::error::WireError;
use super::message::VERSION;

/// First bytes of either direction; the version follows, big-endian. Never change in any version.
pub(super) const MAGIC: [u8; 6] = *b"netsvc";
/// Bytes of the preamble: magic and version.
pub(super) const PREAMBLE: usize = MAGIC.len() + 2;
/// Bytes of a frame's header.
pub(super) const HEADER: usize = 8;
/// Longest explanation for people (REFUSE, GOODBYE, errors of the framework), in bytes.
pub(super) const MAX_TEXT: usize = 1024;
/// Every receiver takes contents of this size, or an error's explanation might not get through.
pub(super) const MIN_PAYLOAD: usize = MAX_TEXT;
/// Bytes before the chunk of a FRAGMENT.
pub(super) const FRAGMENT_FIXED: usize = 12;
/// The longest of [`DataKind::fixed`].
pub(super) const MAX_FIXED: usize = 32;

/// The preamble of this version.
pub(super) fn preamble() -> [u8; PREAMBLE] {
    let mut bytes = [0; PREAMBLE];
    bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
    bytes[MAGIC.len()..].copy_from_slice(&VERSION.to_be_bytes());
    bytes
}

/// Kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message without content.
    Control(ControlKind),
    /// A message with content.
    Data(DataKind),
    /// Defines a symbol; consumed by the codec.
    Symbol,
    /// A part of a data frame; consumed by the codec.
    Fragment,
}

macro_rules! kinds {
    ($(#[$doc:meta])* $type:ident { $($name:ident = $number:literal $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum $type {
            $($name = $number,)*
        }

        impl $type {
            /// The kind of a number read from the wire.
            pub(super) fn from_wire(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its name in docs/protocol.md.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }
        }
    };
}

kinds!(
    /// Kinds of messages without content.
    ControlKind {
        Hello = 0x01 "HELLO",
        Welcome = 0x02 "WELCOME",
        Refuse = 0x03 "REFUSE",
        Heartbeat = 0x04 "HEARTBEAT",
        Goodbye = 0x05 "GOODBYE",
        Flush = 0x06 "FLUSH",
        Flushed = 0x07 "FLUSHED",
        Synced = 0x08 "SYNCED",
        Credit = 0x09 "CREDIT",
        Process = 0x20 "PROCESS",
        ProcessGone = 0x21 "PROCESS_GONE",
        Service = 0x22 "SERVICE",
        Withdrawn = 0x23 "WITHDRAWN",
        Joined = 0x24 "JOINED",
        Left = 0x25 "LEFT",
        Interest = 0x30 "INTEREST",
        InterestEnd = 0x31 "INTEREST_END",
        SubscriberAdded = 0x32 "SUBSCRIBER_ADDED",
        SubscriberRemoved = 0x33 "SUBSCRIBER_REMOVED",
        SubscribersKnown = 0x34 "SUBSCRIBERS_KNOWN",
        Cancel = 0x42 "CANCEL",
        ReplayRequest = 0x51 "REPLAY_REQUEST",
        ReplayEnd = 0x53 "REPLAY_END",
        Lost = 0x54 "LOST",
    }
);

kinds!(
    /// Kinds of messages with content.
    DataKind {
        Request = 0x40 "REQUEST",
        Response = 0x41 "RESPONSE",
        Part = 0x43 "PART",
        Report = 0x50 "REPORT",
        Replayed = 0x52 "REPLAYED",
        Targeted = 0x55 "TARGETED",
    }
);

impl DataKind {
    /// Bytes of the body before the content.
    #[inline]
    pub(super) fn fixed(self) -> usize {
        match self {
            Self::Response | Self::Part => 12,
            Self::Report => 16,
            Self::Targeted => 20,
            Self::Replayed => 28,
            Self::Request => 32,
        }
    }

    /// Largest acceptable body.
    #[inline]
    pub(super) fn limit(self, max_payload: usize) -> usize {
        self.fixed() + max_payload
    }
}

impl Kind {
    /// The kind of a number read from the wire.
    pub(super) fn from_wire(number: u8) -> Option<Self> {
        match number {
            0x10 => Some(Self::Symbol),
            0x11 => Some(Self::Fragment),
            _ => ControlKind::from_wire(number)
                .map(Self::Control)
                .or_else(|| DataKind::from_wire(number).map(Self::Data)),
        }
    }

    /// The number on the wire.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Control(kind) => kind as u8,
            Self::Data(kind) => kind as u8,
            Self::Symbol => 0x10,
            Self::Fragment => 0x11,
        }
    }

    /// Its name in docs/protocol.md.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Control(kind) => kind.name(),
            Self::Data(kind) => kind.name(),
            Self::Symbol => "SYMBOL",
            Self::Fragment => "FRAGMENT",
        }
    }

    /// Whether it may be, and then must be, the first frame of a direction.
    pub(super) fn is_greeting(self) -> bool {
        use ControlKind::{Hello, Refuse, Welcome};
        matches!(self, Self::Control(Hello | Welcome | Refuse))
    }

    /// Whether it may come before the greeting is answered.
    pub(super) fn is_goodbye(self) -> bool {
        matches!(self, Self::Control(ControlKind::Goodbye))
    }

    fn limit(self, max_payload: usize) -> usize {
        match self {
            Self::Control(_) | Self::Symbol => MAX_CONTROL,
            Self::Data(kind) => kind.limit(max_payload),
            Self::Fragment => FRAGMENT_FIXED + MAX_FIXED + max_payload,
        }
    }
}

/// The header of a data frame, as the word that it is on the wire.
#[inline]
pub(super) fn data_header(kind: DataKind, extensions: usize, content: usize) -> u64 {
    debug_assert!(extensions <= MAX_EXTENSIONS, "{extensions} bytes of extension fields");
    debug_assert!(content <= MAX_PAYLOAD, "a content of {content} bytes");
    u64::from(kind as u8) | (extensions as u64) << 16 | ((kind.fixed() + content) as u64) << 32
}

/// The header of a frame, within its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes of extension fields.
    pub(super) extensions: usize,
    /// Bytes of the body.
    pub(super) body: usize,
}

impl Header {
    /// Reads a header and judges the lengths it announces, before anything waits for them.
    pub(super) fn read(bytes: [u8; HEADER], max_payload: usize) -> Result<Self, WireError> {
        let [number, flags, e0, e1, b0, b1, b2, b3] = bytes;
        let kind = Kind::from_wire(number).ok_or(WireError::Kind { kind: number })?;
        if flags != 0 {
            return Err(WireError::Flags { frame: kind.name(), flags });
        }
        let extensions = usize::from(u16::from_le_bytes([e0, e1]));
        if extensions > MAX_EXTENSIONS {
            let limit = MAX_EXTENSIONS;
            return Err(WireError::ExtensionsTooLarge { bytes: extensions, limit });
        }
        let body = u32::from_le_bytes([b0, b1, b2, b3]) as usize;
        let limit = kind.limit(max_payload);
        if body > limit {
            return Err(WireError::TooLarge { frame: kind.name(), bytes: body, limit });
        }
        Ok(Self { kind, extensions, body })
    }

    /// The header's bytes; `None` if no receiver could accept such a frame.
    #[inline]
    pub(super) fn write(self) -> Option<[u8; HEADER]> {
        if self.extensions > MAX_EXTENSIONS || self.body > self.kind.limit(MAX_PAYLOAD) {
            return None;
        }
        let [e0, e1] = u16::try_from(self.extensions).ok()?.to_le_bytes();
        let [b0, b1, b2, b3] = u32::try_from(self.body).ok()?.to_le_bytes();
        Some([self.kind.number(), 0, e0, e1, b0, b1, b2, b3])
    }

    /// Bytes of the whole frame.
    pub(super) fn frame(self) -> usize {
        HEADER + self.extensions + self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_kinds_correspond() {
        let kinds: Vec<Kind> = (0..=255).filter_map(Kind::from_wire).collect();
        assert_eq!(kinds.len(), 24 + 6 + 2);
        for kind in kinds {
            assert_eq!(Kind::from_wire(kind.number()), Some(kind), "{}", kind.name());
        }
    }

    #[test]
    fn no_data_kind_has_more_fixed_bytes_than_assumed() {
        let fixed = (0..=255).filter_map(DataKind::from_wire).map(DataKind::fixed);
        assert_eq!(fixed.max(), Some(MAX_FIXED));
    }

    #[test]
    fn a_header_is_read_as_written() {
        let header = Header { kind: Kind::Data(DataKind::Report), extensions: 12, body: 0x1_2345 };
        let bytes = header.write().unwrap();
        assert_eq!(bytes, [0x50, 0, 12, 0, 0x45, 0x23, 1, 0]);
        assert_eq!(Header::read(bytes, 1 << 20), Ok(header));
        assert_eq!(header.frame(), 8 + 12 + 0x1_2345);
    }

    #[test]
    fn a_frame_that_nobody_could_accept_has_no_header() {
        let kind = Kind::Control(ControlKind::Service);
        assert_eq!(Header { kind, extensions: 0, body: MAX_CONTROL + 1 }.write(), None);
        assert_eq!(Header { kind, extensions: MAX_EXTENSIONS + 1, body: 0 }.write(), None);
        let kind = Kind::Data(DataKind::Report);
        assert_eq!(Header { kind, extensions: 0, body: 16 + MAX_PAYLOAD + 1 }.write(), None);
        assert!(Header { kind, extensions: 0, body: 16 + MAX_PAYLOAD }.write().is_some());
    }
}
