//! The few functions of libuv that are used, found in the running program.
//!
//! Nothing is linked: a runtime without libuv (or with something else by its name) must still be
//! able to load the addon. They are called under Node itself only.
#![allow(unsafe_code, reason = "foreign functions")]

use std::ffi::{c_int, c_uint, c_void};
use std::sync::OnceLock;

use libloading::os::unix::Library;

/// A `uv_loop_t`, a `uv_handle_t`.
pub(crate) type Loop = c_void;
pub(crate) type RawHandle = c_void;

pub(crate) type AsyncCallback = unsafe extern "C" fn(*mut RawHandle);
pub(crate) type CloseCallback = unsafe extern "C" fn(*mut RawHandle);
pub(crate) type PollCallback = unsafe extern "C" fn(*mut RawHandle, c_int, c_int);

/// Kinds of handles: `uv_handle_type`, whose order is part of libuv's binary interface.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Async = 1,
    Poll = 8,
}

/// `UV_READABLE`.
pub(crate) const READABLE: c_int = 1;

macro_rules! functions {
    ($($name:ident = $symbol:literal ($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Their semantics and preconditions are those of libuv.
        pub(crate) struct Uv {
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Uv {
            fn find(program: &Library) -> Option<Self> {
                // SAFETY: these are the signatures of libuv 1, and the program that has them
                // cannot be unloaded.
                unsafe {
                    Some(Self {
                        $($name: *program.get(concat!($symbol, "\0").as_bytes()).ok()?,)*
                    })
                }
            }
        }
    };
}

functions! {
    handle_size = "uv_handle_size" (c_int) -> usize;
    handle_get_data = "uv_handle_get_data" (*const RawHandle) -> *mut c_void;
    handle_set_data = "uv_handle_set_data" (*mut RawHandle, *mut c_void);
    close = "uv_close" (*mut RawHandle, Option<CloseCallback>);
    reference = "uv_ref" (*mut RawHandle);
    unreference = "uv_unref" (*mut RawHandle);
    async_init = "uv_async_init" (*mut Loop, *mut RawHandle, Option<AsyncCallback>) -> c_int;
    async_send = "uv_async_send" (*mut RawHandle) -> c_int;
    poll_init = "uv_poll_init" (*mut Loop, *mut RawHandle, c_int) -> c_int;
    poll_start = "uv_poll_start" (*mut RawHandle, c_int, Option<PollCallback>) -> c_int;
    version = "uv_version" () -> c_uint;
}

impl Uv {
    /// `None`: the program has no libuv 1 whose functions can be called.
    pub(crate) fn of_program() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Uv>> = OnceLock::new();
        FOUND.get_or_init(|| Self::find(&Library::this()).filter(Self::is_known)).as_ref()
    }

    fn is_known(&self) -> bool {
        // SAFETY: takes nothing, and returns a constant.
        unsafe { (self.version)() >> 16 == 1 }
    }
}
