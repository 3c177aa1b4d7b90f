//! The numbers that both sides of the border know: commands, deliveries, flags and codes.
//!
//! This is the one list. `ts/border/numbers.ts` is made from it by a test of this file, which fails
//! when it finds another text there and puts the right one in its place. That file also has the
//! numbers that the core gives to codes and reasons.

/// Declares modules of constants, and describes them to the test.
macro_rules! lists {
    ($(
        #[doc = $about:literal]
        $module:ident: $type:ty as $form:ident($prefix:literal) {
            $($name:ident = $value:expr,)*
        }
    )*) => {
        $(
            #[doc = $about]
            pub(crate) mod $module {
                $(pub(crate) const $name: $type = $value;)*
            }
        )*

        #[cfg(test)]
        const LISTS: &[typescript::List] = &[$(typescript::List {
            about: $about,
            form: typescript::Form::$form,
            prefix: $prefix,
            numbers: &[$((stringify!($name), $module::$name as i64)),*],
        }),*];
    };
}

lists! {
    /// Commands: the lowest byte of their first word.
    command: u8 as Constants("COMMAND") {
        REQUEST = 1,
        STRING = 2,
        RESPOND = 3,
        PUBLISH = 4,
        GRANT = 5,
        GRANT_WATCH = 6,
        PART = 7,
        GRANT_PARTS = 8,
        PUBLISH_TEXT = 9,
    }

    /// Flags of any command: the highest byte of its first word.
    command_flag: u8 as Constants("COMMAND_FLAG") {
        EXTENSIONS = 1,
    }

    /// Flags of a request: the third byte of its first word.
    request_flag: u8 as Constants("REQUEST_FLAG") {
        WAIT = 1,
        IDENTITY = 2,
        PREFER_ANY = 8,
    }

    /// How a call ends: the third byte of the first word of RESPOND, a word of OUTCOME.
    status: u8 as Constants("STATUS") {
        RESPONSE = 0,
        FAILURE = 1,
        ERROR = 2,
    }

    /// Deliveries: their first word.
    delivery: u32 as Constants("DELIVERY") {
        STRING = 1,
        REPORT = 2,
        INVOKE = 3,
        ABORT = 4,
        OUTCOME = 5,
        CHANGE = 6,
        LINK = 7,
        EXCHANGE_CLOSED = 8,
        FLUSHED = 9,
        PROCESS_GONE = 10,
        SUBSCRIBER = 11,
        LISTENING = 12,
        COMMAND_FAILED = 13,
        SERVICE = 14,
        SERVICE_FORGOTTEN = 15,
        PART = 16,
        CREDIT = 17,
    }

    /// Flags of a report.
    report_flag: u32 as Constants("REPORT_FLAG") {
        REPLAYED = 1,
        RESUMED = 2,
    }

    /// Flags of what services have in common.
    service_flag: u8 as Constants("SERVICE_FLAG") {
        LOCAL = 1,
    }

    /// What a word says when there is nothing: no string, no service, never.
    absent: u32 as Constants("ABSENT") {
        STRING = u32::MAX,
        SERVICE = u32::MAX,
        TIME = u32::MAX,
    }

    /// How many strings commands may name by slot.
    slots: u32 as Constants("SLOTS") {
        COMMANDS = 4096,
    }

    /// Targets of requests and subscriptions.
    target: u32 as Constants("TARGET") {
        NAME = 0,
        IDENTITY = 1,
        GROUP = 2,
    }

    /// Roles of an exchange.
    role: u32 as Constants("ROLE") {
        CLIENT = 0,
        SERVER = 1,
    }

    /// When a link is tried again, if not after so many seconds.
    retry: f64 as Constants("RETRY") {
        BACKOFF = -2.0,
        ONCE = -1.0,
    }

    /// How long a report is kept, if not for so many milliseconds.
    lifetime: f64 as Constants("LIFETIME") {
        NONE = 0.0,
        FOREVER = -1.0,
    }

    /// What `cancel` returns besides how far the request was delivered.
    cancelled: u32 as Constants("CANCELLED") {
        TOO_LATE = 255,
    }

    /// How a flush ended.
    flush: u32 as Constants("FLUSH") {
        DONE = 0,
        LINK_LOST = 1,
        DEADLINE = 2,
    }

    /// Whether a request was delivered.
    delivered: u32 as Names("DELIVERED") {
        NO = 0,
        YES = 1,
        UNKNOWN = 2,
    }

    /// What happened to a link.
    link_event: u32 as Names("LINK_EVENTS") {
        ACTIVE = 0,
        INACTIVE = 1,
        ATTEMPT_FAILED = 2,
        CLOSED = 3,
        AUTHORISE = 4,
    }
}

#[cfg(test)]
mod typescript;
