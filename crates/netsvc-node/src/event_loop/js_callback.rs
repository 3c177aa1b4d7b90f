//! A JavaScript function that is called from callbacks of the event loop.
#![allow(unsafe_code, reason = "Node-API in its raw form: napi has no make_callback")]

use std::ffi::CStr;
use std::ptr;

use napi::bindgen_prelude::Function;
use napi::{Env, JsValue, Status, sys};

use crate::error::{Result, node_api};

/// What `async_hooks` calls it.
const NAME: &CStr = c"netsvc";

/// A function without arguments and results. Belongs to its environment's thread, and must be
/// dropped while the environment exists.
pub(crate) struct JsCallback {
    env: sys::napi_env,
    function: sys::napi_ref,
    context: sys::napi_async_context,
}

impl JsCallback {
    pub(crate) fn new(env: Env, function: &Function<'_, (), ()>) -> Result<Self> {
        let env = env.raw();
        let mut name = ptr::null_mut();
        let mut callback = Self { env, function: ptr::null_mut(), context: ptr::null_mut() };
        // SAFETY: called by JavaScript on the environment's thread, with a function that is alive.
        let status = unsafe {
            check(sys::napi_create_reference(env, function.raw(), 1, &raw mut callback.function))
                .and_then(|()| {
                    let length = NAME.count_bytes().cast_signed();
                    check(sys::napi_create_string_utf8(env, NAME.as_ptr(), length, &raw mut name))
                })
                .and_then(|()| {
                    let none = ptr::null_mut();
                    check(sys::napi_async_init(env, none, name, &raw mut callback.context))
                })
        };
        status.map_err(|error| node_api(&error))?;
        Ok(callback)
    }

    /// Calls it as the event loop calls anything of Node: ticks and microtasks run afterwards, and
    /// what it throws is an uncaught exception. Without effect when no JavaScript may run.
    pub(crate) fn call(&self) {
        let env = self.env;
        let mut scope = ptr::null_mut();
        // SAFETY: the environment's thread, at the bottom of its event loop; scope, reference and
        // context are open.
        unsafe {
            if sys::napi_open_handle_scope(env, &raw mut scope) != sys::Status::napi_ok {
                return;
            }
            self.call_in_scope();
            sys::napi_close_handle_scope(env, scope);
        }
    }

    /// # Safety
    ///
    /// On the environment's thread, with a handle scope open.
    unsafe fn call_in_scope(&self) {
        let env = self.env;
        let (mut function, mut global) = (ptr::null_mut(), ptr::null_mut());
        let (mut result, mut thrown) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: as the caller ensures; values are used only after they were made.
        unsafe {
            let ok = sys::Status::napi_ok;
            if sys::napi_get_reference_value(env, self.function, &raw mut function) != ok
                || sys::napi_get_global(env, &raw mut global) != ok
            {
                return;
            }
            let none = ptr::null();
            let status = sys::napi_make_callback(
                env,
                self.context,
                global,
                function,
                0,
                none,
                &raw mut result,
            );
            if status == sys::Status::napi_pending_exception
                && sys::napi_get_and_clear_last_exception(env, &raw mut thrown) == ok
            {
                // Refused where no JavaScript may run, as in a worker that is being terminated.
                sys::napi_fatal_exception(env, thrown);
            }
        }
    }
}

impl Drop for JsCallback {
    fn drop(&mut self) {
        // SAFETY: the environment's thread, and the environment exists.
        unsafe {
            if !self.context.is_null() {
                sys::napi_async_destroy(self.env, self.context);
            }
            if !self.function.is_null() {
                sys::napi_delete_reference(self.env, self.function);
            }
        }
    }
}

fn check(status: sys::napi_status) -> napi::Result<()> {
    match Status::from(status) {
        Status::Ok => Ok(()),
        status => Err(napi::Error::from_status(status)),
    }
}
