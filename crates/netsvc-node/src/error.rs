//! Errors as JavaScript sees them: an `Error` with a stable `code` and a message.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use netsvc_core::CommandError;

/// The stable code of an error, its `code` in JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub(crate) &'static str);

impl Code {
    /// The registry or its environment has been disposed of.
    pub(crate) const CLOSED: Self = Self("closed");
    /// A number out of range, or an identity that is none.
    pub(crate) const INVALID: Self = Self("invalid");
    /// A command buffer that breaks its format.
    pub(crate) const MALFORMED: Self = Self("malformed");
    /// This platform cannot do it.
    pub(crate) const UNSUPPORTED: Self = Self("unsupported");
    /// The operating system refused a thread or a socket.
    pub(crate) const IO: Self = Self("io");
    /// A defect of netsvc: something panicked.
    pub(crate) const INTERNAL: Self = Self("internal");
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0
    }
}

pub(crate) type Error = napi::Error<Code>;
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// An error of a command of the core.
pub(crate) fn command(error: &CommandError) -> Error {
    Error::new(Code(error.code()), error.to_string())
}

/// An error for an argument that TypeScript should not have let through.
pub(crate) fn invalid(why: impl Into<String>) -> Error {
    Error::new(Code::INVALID, why.into())
}

/// An error of Node-API itself.
pub(crate) fn node_api(error: &napi::Error) -> Error {
    let code =
        if error.status == napi::Status::InvalidArg { Code::INVALID } else { Code::INTERNAL };
    Error::new(code, format!("{}: {}", error.status, error.reason))
}

/// Runs the body of an exported function; a panic in it becomes an error with code `internal`,
/// because unwinding into JavaScript would end the process.
pub(crate) fn guard<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        Err(Error::new(Code::INTERNAL, format!("netsvc panicked: {}", panic_text(&*payload))))
    })
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_internal_error() {
        let error = guard::<()>(|| panic!("slot {} is gone", 7)).unwrap_err();
        assert_eq!(error.status, Code::INTERNAL);
        assert_eq!(error.reason, "netsvc panicked: slot 7 is gone");
    }

    #[test]
    fn results_pass_through() {
        assert_eq!(guard(|| Ok(5)).unwrap(), 5);
        assert_eq!(guard::<()>(|| Err(invalid("no"))).unwrap_err().status, Code::INVALID);
    }
}
