//! Lines for stderr, which never hold up the thread that has them.
#![allow(unsafe_code, reason = "the code that `napi` generates for exported functions")]
#![allow(clippy::needless_pass_by_value, reason = "`napi` converts to owned values")]
#![cfg_attr(test, allow(dead_code, reason = "tests are built without exports"))]

use std::io::{self, Write};

use napi_derive::napi;

/// Whether stderr takes a line of 4 KiB without waiting for its reader, as far as that can be told,
/// or would fail at once.
#[napi(catch_unwind)]
pub(crate) fn stderr_takes() -> bool {
    takes()
}

/// Writes a line, unless its reader would have to be waited for: false. For workers: what they
/// write by Node is written by the main thread, which ends if stderr is gone.
#[napi(catch_unwind)]
pub(crate) fn write_to_stderr(line: String) -> bool {
    if !takes() {
        return false;
    }
    match io::stderr().write_all(line.as_bytes()) {
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        // Where stderr is gone there is nobody to tell.
        Ok(()) => true,
    }
}

#[cfg(unix)]
fn takes() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stderr = io::stderr();
    let mut descriptors = [PollFd::new(&stderr, PollFlags::OUT)];
    // An interruption, or no memory: the next line will tell.
    !matches!(poll(&mut descriptors, Some(&Timespec::default())), Ok(0) | Err(_))
}

/// Nothing tells.
#[cfg(not(unix))]
fn takes() -> bool {
    true
}
