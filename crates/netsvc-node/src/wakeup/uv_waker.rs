//! Wakes an event loop by a `uv_async` handle, from any thread.
#![allow(unsafe_code, reason = "a function of libuv")]

use crate::uv::functions::{RawHandle, Uv};

/// The handle by which any thread wakes the loop. Its owner must not use it once the handle is
/// being closed.
pub(crate) struct UvWaker {
    uv: &'static Uv,
    raw: *mut RawHandle,
}

// SAFETY: `uv_async_send` may be called from any thread; nothing else is done with the handle.
unsafe impl Send for UvWaker {}

impl UvWaker {
    /// # Safety
    ///
    /// `raw` is an open `uv_async`, and `wake` is not called once it is being closed.
    pub(crate) unsafe fn new(uv: &'static Uv, raw: *mut RawHandle) -> Self {
        Self { uv, raw }
    }

    /// Wakes the loop; several calls may become one.
    pub(super) fn wake(&self) -> bool {
        // SAFETY: the handle is open, as the caller of `new` ensures.
        unsafe { (self.uv.async_send)(self.raw) == 0 }
    }
}
