//! What proves who a process is.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::ids::ProcessId;

/// Hashed before the secret, so that the digest says nothing about what it may be used for
/// elsewhere.
const DOMAIN: &[u8] = b"netsvc process id";

/// The secret of one process: 256 random bits of which its id is the hash.
///
/// It is shown to servers that the process connects to, in HELLO, and to nobody else: whoever
/// knows it can be that process. So it appears in no event, no error and no output of `Debug`. It
/// need not be compared in constant time: what is compared are ids, which everybody may know.
#[derive(Clone, PartialEq, Eq)]
pub struct ProcessSecret([u8; 32]);

impl ProcessSecret {
    /// From random bytes that nobody else knows.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The id of the process that knows this secret: the first 16 bytes of the SHA-256 of the ASCII
    /// text `netsvc process id` and the secret.
    pub fn process(&self) -> ProcessId {
        let digest = Sha256::new().chain_update(DOMAIN).chain_update(self.0).finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        ProcessId(id)
    }

    /// As it is on the wire.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ProcessSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessSecret;

    #[test]
    fn the_id_is_the_hash_that_the_protocol_describes() {
        let counting = std::array::from_fn(|at| at as u8);
        let id = ProcessSecret::new(counting).process();
        assert_eq!(id.to_string(), "a1e8e29575fedd4b3a19ad1fe43146d2");
        assert_ne!(ProcessSecret::new([0; 32]).process(), ProcessSecret::new([1; 32]).process());
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert_eq!(format!("{:?}", ProcessSecret::new([0xab; 32])), "ProcessSecret(..)");
    }
}
