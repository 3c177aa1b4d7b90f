//! Node's event loop as this addon uses it: woken by a `uv_async`, from any thread.
//!
//! Handles must be closed before their environment ends, and closing takes a turn of the loop. So
//! the environment is made to wait: Node-API's raw asynchronous clean-up hook is taken back by
//! whoever drops the last of an `EventLoop`, which is libuv's last close callback.
#![allow(unsafe_code, reason = "callbacks of libuv, and Node-API in its raw form")]

pub(crate) mod delegated_reads;
mod js_callback;
mod poll;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use napi::bindgen_prelude::Function;
use napi::{Env, sys};
use netsvc_net::{DelegatedReads, DelegationId};

use crate::error::{Result, guard};
use crate::event_loop::delegated_reads::{Change, DelegationQueue};
use crate::event_loop::js_callback::JsCallback;
use crate::event_loop::poll::Poll;
use crate::uv::functions::{Kind, Loop, RawHandle, Uv};
use crate::uv::handle::{Handle, value_of};
use crate::wakeup::Wakeup;
use crate::wakeup::uv_waker::UvWaker;

/// The event loop of one environment, on whose thread it stays.
///
/// Its handles hold it, so it lives until all of them are closed.
pub(crate) struct EventLoop {
    uv: &'static Uv,
    wakeup: Arc<Wakeup>,
    wake: JsCallback,
    delegations: Arc<DelegationQueue>,
    raw: *mut Loop,
    /// `None` once closed.
    waker: RefCell<Option<Handle<Rc<EventLoop>>>>,
    polls: RefCell<HashMap<DelegationId, Polled>>,
    /// Last, so that it is taken back when nothing is left that needs the environment.
    _hook: CleanupHook,
}

/// Makes the environment wait, at its end, until this is dropped.
struct CleanupHook(sys::napi_async_cleanup_hook_handle);

type Polled = (Rc<DelegatedReads>, Handle<Poll>);

impl EventLoop {
    /// The loop of `env`, with `wake` called through `wakeup`. `None`: it is not available
    /// here, and nothing was changed.
    pub(crate) fn open(
        env: Env,
        wakeup: &Arc<Wakeup>,
        wake: &Function<'_, (), ()>,
    ) -> Result<Option<Rc<Self>>> {
        let Some(uv) = Uv::of_program() else { return Ok(None) };
        let mut raw: *mut sys::uv_loop_s = ptr::null_mut();
        // SAFETY: called by JavaScript on the environment's thread.
        let status = unsafe { sys::napi_get_uv_event_loop(env.raw(), &raw mut raw) };
        if status != sys::Status::napi_ok || raw.is_null() {
            return Ok(None);
        }
        let Some(hook) = CleanupHook::add(env) else { return Ok(None) };
        let this = Rc::new(Self {
            uv,
            wakeup: Arc::clone(wakeup),
            wake: JsCallback::new(env, wake)?,
            delegations: DelegationQueue::open(Arc::clone(wakeup)),
            raw: raw.cast(),
            waker: RefCell::default(),
            polls: RefCell::default(),
            _hook: hook,
        });
        // SAFETY: the loop of this thread, and room for a handle of this kind.
        let init = |handle| unsafe { (uv.async_init)(this.raw, handle, Some(woken)) };
        let Ok(waker) = Handle::open(uv, Kind::Async, Rc::clone(&this), init) else {
            return Ok(None);
        };
        // As a weak thread-safe function: until told to, it does not hold the loop.
        // SAFETY: open, and of this thread's loop.
        unsafe { (uv.unreference)(waker.raw()) };
        // SAFETY: open; `close` closes it, and before that the wake-up has to be closed.
        wakeup.open_by_handle(unsafe { UvWaker::new(uv, waker.raw()) });
        this.waker.replace(Some(waker));
        Ok(Some(this))
    }

    /// Keeps the loop alive, or not. Without effect once closed.
    pub(crate) fn hold(&self, alive: bool) {
        if let Some(waker) = &*self.waker.borrow() {
            let call = if alive { self.uv.reference } else { self.uv.unreference };
            // SAFETY: open, and of this thread's loop.
            unsafe { call(waker.raw()) };
        }
    }

    /// Where connections are put that this loop may read.
    pub(crate) fn delegations(&self) -> Arc<DelegationQueue> {
        Arc::clone(&self.delegations)
    }

    /// Closes all handles; JavaScript is not called any more. The wake-up must be closed before.
    pub(crate) fn close(&self) {
        self.waker.take();
        self.delegations.close();
        // Closed without the borrow: a callback that reads just now looks for its handle here.
        drop(self.polls.take());
    }

    /// Some thread has woken this one.
    fn woken(self: &Rc<Self>) {
        // Before the work, so that whatever comes up meanwhile wakes again.
        let deliveries = self.wakeup.woken();
        for change in self.delegations.take() {
            match change {
                Change::Delegate(reads) => self.poll(reads),
                Change::Revoke(id) => self.forget(id),
            }
        }
        if deliveries {
            self.wake.call();
        }
        self.take_over();
    }

    /// Takes over the connections that the I/O thread reads while this thread is busy.
    fn take_over(&self) {
        let polls = self.polls.borrow();
        if !polls.values().any(|(reads, _)| reads.wants_service()) {
            return;
        }
        let all: Vec<_> = polls.values().map(|(reads, _)| Rc::clone(reads)).collect();
        drop(polls);
        for reads in all {
            if reads.wants_service() {
                self.readable(&reads, false);
            }
        }
    }

    /// Reads a connection from now on; gives it back if libuv refuses it.
    fn poll(self: &Rc<Self>, reads: DelegatedReads) {
        let reads = Rc::new(reads);
        let this = Rc::clone(self);
        let readable = move |reads: &DelegatedReads, given_up| this.readable(reads, given_up);
        let poll = Poll::start(self.uv, self.raw, Rc::clone(&reads), Box::new(readable));
        if let Some(poll) = poll {
            self.polls.borrow_mut().insert(reads.id(), (reads, poll));
        }
    }

    fn forget(&self, id: DelegationId) {
        let closing = self.polls.borrow_mut().remove(&id);
        drop(closing);
    }

    /// A connection is readable, or libuv has given it up because of an error: JavaScript
    /// reads it while it drains. If it is too busy for that, the socket is still readable in the
    /// next turn of the loop.
    fn readable(&self, reads: &DelegatedReads, given_up: bool) {
        // Deliveries that come of it need not wake this thread.
        self.wakeup.attend();
        if reads.readable() {
            self.wakeup.calling();
            self.wake.call();
        }
        self.wakeup.attended();
        if given_up {
            self.forget(reads.id());
        }
    }
}

impl CleanupHook {
    fn add(env: Env) -> Option<Self> {
        let mut hook = ptr::null_mut();
        let add = sys::napi_add_async_cleanup_hook;
        // SAFETY: called by JavaScript on the environment's thread. The hook uses no data.
        let status = unsafe { add(env.raw(), Some(wait), ptr::null_mut(), &raw mut hook) };
        (status == sys::Status::napi_ok).then_some(Self(hook))
    }
}

impl Drop for CleanupHook {
    fn drop(&mut self) {
        // SAFETY: added, and taken back nowhere else; this is the environment's thread.
        unsafe { sys::napi_remove_async_cleanup_hook(self.0) };
    }
}

/// Does nothing: the environment waits until the hook is taken back.
unsafe extern "C" fn wait(_hook: sys::napi_async_cleanup_hook_handle, _nothing: *mut c_void) {}

unsafe extern "C" fn woken(handle: *mut RawHandle) {
    let Some(uv) = Uv::of_program() else { return };
    // SAFETY: libuv calls back for the handle made in `open`.
    let this: &Rc<EventLoop> = unsafe { value_of(uv, handle) };
    let _nobody_to_tell = guard(|| {
        this.woken();
        Ok(())
    });
}
