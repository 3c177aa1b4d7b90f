//! An open libuv handle with a value of ours for its callbacks.
#![allow(unsafe_code, reason = "libuv works on memory that we own")]

use std::ffi::c_int;
use std::ptr::NonNull;

use crate::error::guard;
use crate::uv::functions::{Kind, RawHandle, Uv};

/// A handle of the calling thread's event loop. Dropping it closes it; its memory and its value
/// are freed in libuv's close callback, so a callback that closes its own handle may go on using
/// the value.
pub(crate) struct Handle<T> {
    uv: &'static Uv,
    block: NonNull<Block<T>>,
}

/// What libuv's pointer to our data leads to.
struct Block<T> {
    memory: Memory,
    value: T,
}

impl<T> Handle<T> {
    /// Makes a handle; `init` calls the `uv_*_init` of its kind. The error is libuv's.
    pub(crate) fn open(
        uv: &'static Uv,
        kind: Kind,
        value: T,
        init: impl FnOnce(*mut RawHandle) -> c_int,
    ) -> Result<Self, c_int> {
        // SAFETY: takes a kind of handle and returns a constant.
        let size = unsafe { (uv.handle_size)(kind as c_int) };
        let block = Box::new(Block { memory: Memory::new(size), value });
        let code = init(block.memory.handle());
        if code < 0 {
            return Err(code);
        }
        let raw = block.memory.handle();
        let block = NonNull::from(Box::leak(block));
        // SAFETY: the handle has just been initialised.
        unsafe { (uv.handle_set_data)(raw, block.as_ptr().cast()) };
        Ok(Self { uv, block })
    }

    pub(crate) fn raw(&self) -> *mut RawHandle {
        // SAFETY: the block is freed only after this handle was dropped.
        unsafe { self.block.as_ref() }.memory.handle()
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and closed nowhere else; this runs on its loop's thread,
        // which a handle cannot leave.
        unsafe { (self.uv.close)(self.raw(), Some(closed::<T>)) };
    }
}

/// The value of the handle that libuv calls back for.
///
/// # Safety
///
/// `raw` is a [`Handle<T>`]'s, in a callback of its loop other than the close callback, and `'a`
/// ends with that callback.
pub(crate) unsafe fn value_of<'a, T>(uv: &'static Uv, raw: *mut RawHandle) -> &'a T {
    // SAFETY: its data is the block, which lives until the close callback.
    unsafe { &(*(uv.handle_get_data)(raw).cast::<Block<T>>()).value }
}

unsafe extern "C" fn closed<T>(raw: *mut RawHandle) {
    let Some(uv) = Uv::of_program() else { return };
    // SAFETY: its data is the block leaked in `open`; libuv no longer uses the handle.
    free(unsafe { Box::from_raw((uv.handle_get_data)(raw).cast::<Block<T>>()) });
}

/// Drops the value, which may be the last to hold an engine, and never unwinds into libuv.
fn free<T>(block: Box<Block<T>>) {
    let _nobody_to_tell = guard(|| {
        drop(block);
        Ok(())
    });
}

/// Memory for a handle, of the size that libuv asks for, aligned for anything in C.
struct Memory(NonNull<[u128]>);

impl Memory {
    fn new(size: usize) -> Self {
        let room = vec![0; size.div_ceil(size_of::<u128>())];
        Self(NonNull::from(Box::leak(room.into_boxed_slice())))
    }

    fn handle(&self) -> *mut RawHandle {
        self.0.as_ptr().cast()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: leaked in `new`, and nobody else has it.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics<'a>(&'a std::cell::Cell<bool>);

    impl Drop for Panics<'_> {
        fn drop(&mut self) {
            self.0.set(true);
            panic!("while it is dropped");
        }
    }

    #[test]
    fn a_value_that_panics_while_it_is_dropped_does_not_unwind_into_libuv() {
        let dropped = std::cell::Cell::new(false);
        free(Box::new(Block { memory: Memory::new(8), value: Panics(&dropped) }));
        assert!(dropped.get());
    }
}
