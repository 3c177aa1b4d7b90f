//! What good clients saw while the hub was attacked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Written by all good clients.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Entries>>);

#[derive(Default)]
pub(crate) struct Entries {
    /// Good requests that wait for an answer, by number, and since when.
    pub(crate) asked: HashMap<u32, Instant>,
    pub(crate) answers: Vec<Answer>,
    /// Whose link was lost, and why.
    pub(crate) thrown_out: Vec<String>,
    /// Reports that the good subscriber got.
    pub(crate) reports: u64,
    /// Reports that it should have got.
    pub(crate) missed: u64,
    pub(crate) newcomers: Vec<Newcomer>,
}

/// The one end of a good request.
pub(crate) struct Answer {
    pub(crate) sent: Instant,
    pub(crate) ended: Instant,
    /// What went wrong.
    pub(crate) fault: Option<String>,
}

impl Answer {
    pub(crate) fn took(&self) -> Duration {
        self.ended - self.sent
    }
}

/// Somebody who came while the hub was attacked.
pub(crate) struct Newcomer {
    pub(crate) took: Duration,
    pub(crate) fault: Option<String>,
}

impl Journal {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was so far, but for requests that wait.
    pub(crate) fn begin(&self) {
        let mut entries = self.lock();
        let asked = std::mem::take(&mut entries.asked);
        *entries = Entries { asked, ..Entries::default() };
    }

    /// No good request has waited for so long.
    pub(crate) fn is_calm(&self, long: Duration) -> bool {
        self.lock().asked.values().all(|sent| sent.elapsed() <= long)
    }

    /// What there is. Requests that have waited for so long count as failed.
    pub(crate) fn end(&self, long: Duration) -> Entries {
        let mut entries = std::mem::take(&mut *self.lock());
        let ended = Instant::now();
        let waited = std::mem::take(&mut entries.asked).into_values();
        let late = waited.filter(|sent| ended - *sent > long);
        let fault = || Some("no answer until the end".into());
        entries.answers.extend(late.map(|sent| Answer { sent, ended, fault: fault() }));
        entries
    }

    pub(crate) fn lost(&self, who: &str, why: &str) {
        self.lock().thrown_out.push(format!("{who}: {why}"));
    }
}
