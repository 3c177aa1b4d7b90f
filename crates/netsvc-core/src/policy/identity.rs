//! Whether a peer is the process that it says it is.

use crate::reason::{Reason, ReasonCode};
use crate::wire::Hello;

/// Takes the secret out of a HELLO, and checks that the sender's id is the hash of it: nobody can
/// take the id of another process, be that linked here or not, over an exchange of any group.
///
/// The explanation names the id that was claimed: the event that tells of the refusal names no
/// peer, since none is known yet.
pub(crate) fn check_identity(hello: &mut Hello) -> Result<(), Reason> {
    let secret = hello.secret.take();
    if secret.is_some_and(|secret| secret.process() == hello.process) {
        return Ok(());
    }
    let text = format!("the peer claims to be process {}, but does not prove it", hello.process);
    Err(Reason::new(ReasonCode::Identity, text))
}
