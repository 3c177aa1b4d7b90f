//! A connection at which libuv waits.
#![allow(unsafe_code, reason = "callbacks of libuv")]

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;

use netsvc_net::DelegatedReads;

use crate::error::guard;
use crate::uv::functions::{Kind, Loop, READABLE, RawHandle, Uv};
use crate::uv::handle::{Handle, value_of};

/// The value of a `uv_poll`. It keeps the descriptor open until libuv no longer uses it.
pub(crate) struct Poll {
    reads: Rc<DelegatedReads>,
    readable: Readable,
}

/// Called when the connection is readable, or with true when libuv has given it up after an error.
type Readable = Box<dyn Fn(&DelegatedReads, bool)>;

impl Poll {
    /// Waits for a connection to become readable, as long as the handle is not dropped. It does not
    /// hold the loop. `None`: libuv refused it; the connection has been given back.
    pub(crate) fn start(
        uv: &'static Uv,
        raw: *mut Loop,
        reads: Rc<DelegatedReads>,
        readable: Readable,
    ) -> Option<Handle<Self>> {
        let descriptor = reads.as_fd().as_raw_fd();
        // SAFETY: the loop of this thread, room for a handle of this kind, and a socket that stays
        // open as long as the value that owns the reads.
        let init = |handle| unsafe { (uv.poll_init)(raw, handle, descriptor) };
        let handle = Handle::open(uv, Kind::Poll, Self { reads, readable }, init).ok()?;
        // SAFETY: open, and of this thread's loop.
        let code = unsafe {
            (uv.unreference)(handle.raw());
            (uv.poll_start)(handle.raw(), READABLE, Some(polled))
        };
        (code == 0).then_some(handle)
    }
}

unsafe extern "C" fn polled(handle: *mut RawHandle, status: c_int, _events: c_int) {
    let Some(uv) = Uv::of_program() else { return };
    // SAFETY: libuv calls back for the handle made in `start`.
    let poll: &Poll = unsafe { value_of(uv, handle) };
    let _nobody_to_tell = guard(|| {
        (poll.readable)(&poll.reads, status < 0);
        Ok(())
    });
}
