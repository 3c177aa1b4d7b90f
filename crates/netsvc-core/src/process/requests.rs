//! Requests, as the application makes and answers them.

use crate::content::ContentRef;
use crate::error::CommandError;
use crate::ids::{CallId, Str};
use crate::outcome::{Delivered, RequestCode, RequestError};
use crate::process::Process;
use crate::requests::options::{HandlerResultRef, RequestOptions, TargetRef};
use crate::time::Time;

impl Process {
    /// Asks a service. Exactly one [`Event::Outcome`](crate::Event::Outcome) with `key` follows,
    /// whatever happens; `key` must not be in use. The deadline decides if nothing else did before.
    /// Nothing that is borrowed is needed afterwards.
    #[inline]
    pub fn request(
        &mut self,
        now: Time,
        key: u64,
        target: TargetRef<'_>,
        method: &Str,
        content: ContentRef<'_>,
        options: RequestOptions<'_>,
    ) {
        if self.closed {
            let text = "the registry is closed";
            let error = RequestError::new(RequestCode::LinkLost, Delivered::No, text);
            return self.router().refuse(key, error);
        }
        self.router().request(now, key, target, method, content, options);
    }

    /// Gives up a request: its outcome is `cancelled`, unless it has one already (`None`).
    pub fn cancel(&mut self, key: u64) -> Option<Delivered> {
        self.router().cancel(key)
    }

    /// Ends an invocation. Every one must be ended, aborted ones too. `extensions`: extension
    /// fields for the caller, as in [`RequestOptions::extensions`]; left out if they cannot be
    /// sent.
    #[inline]
    pub fn respond(&mut self, call: CallId, result: HandlerResultRef<'_>, extensions: &[u8]) {
        self.router().respond(call, result, extensions);
    }

    /// Sends a part of a handler's streamed result. Returns how many more the caller takes now;
    /// further credit comes as [`Event::Credit`](crate::Event::Credit).
    pub fn send_part(
        &mut self,
        now: Time,
        call: CallId,
        content: ContentRef<'_>,
    ) -> Result<u32, CommandError> {
        self.router().send_part(now, call, content)
    }

    /// The application takes further parts of a streamed result.
    pub fn grant_parts(&mut self, now: Time, key: u64, parts: u32) {
        self.router().grant_parts(now, key, parts);
    }
}
