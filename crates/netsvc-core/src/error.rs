//! What can be wrong with a command of the application.

/// A command was refused; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The registry, exchange or service is closed.
    #[error("{what} is closed")]
    Closed {
        /// What is closed.
        what: &'static str,
    },
    /// The registry already has an exchange for that group.
    #[error(
        "this registry already has an exchange for group {group:?}; use that one, close it first, \
         or give the second to a registry of its own"
    )]
    ExchangeExists {
        /// The group.
        group: String,
    },
    /// The exchange's role does not allow it.
    #[error("{operation} is for an exchange of the other role: {role} exchanges cannot do it")]
    Role {
        /// What was asked.
        operation: &'static str,
        /// The role of the exchange.
        role: &'static str,
    },
    /// The exchange's link is still open.
    #[error("this exchange is already connected; close its link before connecting elsewhere")]
    AlreadyConnected,
    /// A limit of this process was reached.
    #[error("limit {} reached: {limit}", as_option(what))]
    Limit {
        /// Name of the limit, as in `Limits`; the message has it as it is set in JavaScript.
        what: &'static str,
        /// Its value.
        limit: usize,
    },
    /// The content is larger than allowed.
    #[error(
        "{size} bytes of content exceed limits.payload of this process, which is {limit} bytes"
    )]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// An argument cannot be used.
    #[error("invalid {what}: {why}")]
    Invalid {
        /// Which argument.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// A name of `Limits` as JavaScript has it: `kept_values` is `keptValues`.
fn as_option(name: &str) -> String {
    let mut words = name.split('_');
    let mut option = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        option.push_str(&first.to_ascii_uppercase());
        option.push_str(rest);
    }
    option
}

impl CommandError {
    /// The stable code that applications see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::ExchangeExists { .. } => "exchange-exists",
            Self::Role { .. } => "role",
            Self::AlreadyConnected => "already-connected",
            Self::Limit { .. } => "limit",
            Self::TooLarge { .. } => "too-large",
            Self::Invalid { .. } => "invalid",
        }
    }
}
