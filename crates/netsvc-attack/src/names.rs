//! What services of good clients are called.

/// The good provider's, the program in TypeScript.
pub(crate) const PROVIDER: &str = "gauge";
/// That of the client that reads slowly.
pub(crate) const SLOW: &str = "slow";
