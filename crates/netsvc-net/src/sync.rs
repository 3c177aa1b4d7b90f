//! What the tasks and locks of this crate need and the libraries do not offer as such.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::Poll;

/// Locks even if a holder panicked: of what cannot be found half-changed, or what its users judge
/// by themselves. Lists and options of which one entry is put in or taken out cannot; a registry, a
/// reader and a writer can: see [`Shared::lock`](crate::shared::Shared::lock) and
/// [`Connection::is_torn`](crate::connection::Connection::is_torn).
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None`: somebody else holds it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Runs a future to its end; `None` if it panicked. The panic hook has reported it by then. (Pinned
/// by the caller: one that is given away would be held twice, in every connection's task.)
pub(crate) async fn caught<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// As [`caught`], for a call.
pub(crate) fn call_caught<R>(call: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}
