//! What can be wrong with the bytes of a peer.

use crate::reason::{Reason, ReasonCode};

use super::message::VERSION;

/// The peer broke the protocol. Nothing after the offending bytes can be trusted, so the link ends.
///
/// `frame` and `field` carry the names that docs/protocol.md uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The connection does not begin with the protocol's name: the peer speaks something else.
    #[error("not the netsvc protocol")]
    Magic,
    /// The peer speaks another version.
    #[error("peer speaks version {peer} of the protocol, this end version {VERSION}")]
    Version {
        /// The peer's version.
        peer: u16,
    },
    /// A frame of a kind that version 1 does not have.
    #[error("unknown frame kind {kind:#04x}")]
    Kind {
        /// As on the wire.
        kind: u8,
    },
    /// A frame with flags; version 1 has none.
    #[error("unknown flags {flags:#04x} in {frame}")]
    Flags {
        /// Kind of the frame.
        frame: &'static str,
        /// As on the wire.
        flags: u8,
    },
    /// A greeting that is not the first frame, a first frame that is not a greeting, or one that
    /// came before the greeting was answered.
    #[error("{frame} out of place in the handshake")]
    Handshake {
        /// Kind of the frame.
        frame: &'static str,
    },
    /// A frame or a fragmented message is larger than its limit; known before its body is.
    #[error("{frame} of {bytes} bytes exceeds the {limit} bytes that its receiver takes")]
    TooLarge {
        /// Kind of the frame, of the message if it is fragmented.
        frame: &'static str,
        /// Announced length of the body.
        bytes: usize,
        /// Greatest acceptable length.
        limit: usize,
    },
    /// More bytes of extension fields than allowed.
    #[error("{bytes} bytes of extension fields exceed {limit}")]
    ExtensionsTooLarge {
        /// Announced length.
        bytes: usize,
        /// Greatest acceptable length.
        limit: usize,
    },
    /// The lengths of the extension fields do not add up.
    #[error("malformed extension fields")]
    Extensions,
    /// An extension field that must be understood and is not: its id is odd.
    #[error("unknown mandatory extension {id}")]
    Extension {
        /// Its id.
        id: u16,
    },
    /// A body ends within a field.
    #[error("{frame} is too short")]
    Truncated {
        /// Kind of the frame.
        frame: &'static str,
    },
    /// A body goes on after its last field.
    #[error("{frame} has {bytes} bytes too many")]
    Trailing {
        /// Kind of the frame.
        frame: &'static str,
        /// How many.
        bytes: usize,
    },
    /// A string is longer than its field allows.
    #[error("{field} of {bytes} bytes exceeds {limit}")]
    StringTooLong {
        /// The field.
        field: &'static str,
        /// Its length.
        bytes: usize,
        /// Greatest acceptable length.
        limit: usize,
    },
    /// A string is not UTF-8.
    #[error("{field} is not UTF-8")]
    Utf8 {
        /// The field.
        field: &'static str,
    },
    /// A list has more elements than allowed.
    #[error("{count} {field} exceed {limit}")]
    TooMany {
        /// The list.
        field: &'static str,
        /// Announced number of elements.
        count: usize,
        /// Greatest acceptable number.
        limit: usize,
    },
    /// A field has a value that version 1 does not know; a reserved field is not zero.
    #[error("{field} must not be {value}")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u32,
    },
    /// A symbol is used that was not defined.
    #[error("undefined symbol {slot}")]
    Symbol {
        /// Its slot.
        slot: u16,
    },
    /// A symbol is defined beyond the table, or leaving out slots.
    #[error("symbol {slot} cannot be defined")]
    SymbolSlot {
        /// Its slot.
        slot: u16,
    },
    /// A fragment of something that is not fragmented.
    #[error("frames of kind {kind:#04x} are not fragmented")]
    FragmentKind {
        /// Kind of the fragmented message, as on the wire.
        kind: u8,
    },
    /// The fragments of one origin contradict each other.
    #[error("fragment of origin {origin} does not continue the one before")]
    Fragment {
        /// The origin.
        origin: u32,
    },
    /// Too many fragmented messages are under way at once, or too large together.
    #[error("too many unfinished fragmented messages")]
    FragmentsFull,
    /// This end has no memory for a frame, which is within its limit.
    #[error("no memory for a frame of {bytes} bytes")]
    Memory {
        /// Length of the frame, as announced.
        bytes: usize,
    },
}

impl WireError {
    /// The reason that ends the link, to be told to the peer and to the application.
    pub fn reason(&self) -> Reason {
        let code = match self {
            Self::Version { .. } => ReasonCode::Version,
            Self::Memory { .. } => ReasonCode::Limit,
            _ => ReasonCode::Protocol,
        };
        Reason::new(code, self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_and_want_of_memory_have_reasons_of_their_own() {
        let reason = WireError::Version { peer: 7 }.reason();
        assert_eq!(reason.code, ReasonCode::Version);
        assert_eq!(&*reason.message, "peer speaks version 7 of the protocol, this end version 1");
        assert_eq!(WireError::Magic.reason().code, ReasonCode::Protocol);
        assert_eq!(WireError::Memory { bytes: 7 }.reason().code, ReasonCode::Limit);
        assert_eq!(WireError::FragmentsFull.reason().code, ReasonCode::Protocol);
    }
}
