//! The hub of netsvcd within this process, for `netsvc hub` where netsvcd cannot run.
#![allow(unsafe_code, reason = "the code that `napi` generates for exported functions")]
#![allow(clippy::needless_pass_by_value, reason = "`napi` converts to owned values")]

use std::ffi::OsString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;

use napi::Status;
use napi::bindgen_prelude::{Function, retain_current_module_for_unload_safety};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use netsvc_hub::{Control, Exit, Host, Program};

use crate::error::{Code, Error, Result, guard, node_api};

/// Tells the exit code. It holds the event loop alive until the hub has ended.
type Ended = ThreadsafeFunction<u32, (), u32, Status, false, false, 0>;

/// A hub like netsvcd: it takes the same arguments, writes its log to stderr, and ends with the
/// same exit codes.
#[napi]
pub struct NativeHub {
    control: Control,
}

#[napi]
impl NativeHub {
    /// Runs it on a thread of its own, which calls `ended` with the exit code. The process is to
    /// end then: if nobody reads stderr, the thread still waits for that. `notice` is the first
    /// message of the log.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        arguments: Vec<String>,
        notice: Option<String>,
        ended: Function<'_, u32, ()>,
    ) -> Result<Self> {
        guard(|| {
            // The thread runs code of this image.
            retain_current_module_for_unload_safety();
            let ended: Ended =
                ended.build_threadsafe_function().build().map_err(|error| node_api(&error))?;
            let ended = Arc::new(ended);
            let program = Program::default();
            let control = program.control();
            let host = InNode { notice, ended: Arc::downgrade(&ended) };
            let arguments = arguments.into_iter().map(OsString::from);
            let run = move || {
                let run = AssertUnwindSafe(|| program.run(arguments, host));
                tell(&ended, catch_unwind(run).unwrap_or(Exit::Fault));
            };
            thread::Builder::new()
                .name("netsvc-hub".into())
                .spawn(run)
                .map_err(|error| Error::new(Code::INTERNAL, format!("cannot start: {error}")))?;
            Ok(Self { control })
        })
    }

    /// Takes a signal by the name that Node has for it; others are ignored.
    #[napi(catch_unwind)]
    pub fn signal(&self, name: String) -> Result<()> {
        guard(|| {
            match (name.as_str(), cfg!(windows)) {
                ("SIGTERM", _) => self.control.stop("SIGTERM"),
                ("SIGINT", false) => self.control.stop("SIGINT"),
                ("SIGHUP", false) => self.control.reload(),
                ("SIGINT", true) => self.control.stop("Ctrl-C"),
                ("SIGBREAK", true) => self.control.stop("Ctrl-Break"),
                ("SIGHUP", true) => self.control.stop("the closed console"),
                _ => {}
            }
            Ok(())
        })
    }
}

struct InNode {
    notice: Option<String>,
    /// The hub's thread has it, and still does while it waits for a reader of stderr.
    ended: Weak<Ended>,
}

impl Host for InNode {
    /// Node's own handlers forward them, see [`NativeHub::signal`].
    fn forward_signals(&mut self, _: &Control) -> io::Result<()> {
        Ok(())
    }

    fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    fn log_is_stuck(self, exit: Exit) {
        if let Some(ended) = self.ended.upgrade() {
            tell(&ended, exit);
        }
    }
}

/// An environment that has ended refuses it: nobody waits there any more.
fn tell(ended: &Ended, exit: Exit) {
    ended.call(exit.code().into(), ThreadsafeFunctionCallMode::NonBlocking);
}
