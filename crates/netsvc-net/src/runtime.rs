//! The I/O thread.

use std::io;
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::bursts;
use crate::sync::lock;

/// The I/O thread `netsvc-io`, shared by all engines of an operating system process.
///
/// It ends when the last `Arc` is dropped, without the dropping thread waiting for it, and
/// [`Runtime::shared`] starts it anew.
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
    /// Dropping it ends the thread.
    _running: oneshot::Sender<()>,
}

static SHARED: Mutex<Weak<Runtime>> = Mutex::new(Weak::new());

/// Threads for name look-ups, which can block and cannot be cancelled. They end after some idle
/// seconds. More than this many hanging look-ups make further ones wait, within their deadline.
const MAX_BLOCKING_THREADS: usize = 16;

impl Runtime {
    /// The running I/O thread; starts one if there is none.
    pub fn shared() -> io::Result<Arc<Self>> {
        let mut shared = lock(&SHARED);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// For tasks of a program's own on this thread. They must not block: everything waits for them.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    fn start() -> io::Result<Self> {
        let (running, stop) = oneshot::channel::<()>();
        let (started, handle) = mpsc::channel();
        thread::Builder::new().name("netsvc-io".into()).spawn(move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .thread_name("netsvc-resolve")
                .max_blocking_threads(MAX_BLOCKING_THREADS)
                .build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.spawn(bursts::run());
            if started.send(Ok(runtime.handle().clone())).is_ok() {
                // An error is the expected end: the sender was dropped.
                let _ = runtime.block_on(stop);
            }
            // A look-up that hangs must not keep the thread.
            runtime.shutdown_background();
        })?;
        let handle = handle.recv().map_err(io::Error::other)??;
        Ok(Self { handle, _running: running })
    }
}
