//! From host names to addresses. Injectable, so that tests and applications can decide.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

/// The addresses of a host, to be tried in this order (families alternate).
pub type Resolved = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Turns a host name into addresses. Asked at each attempt anew; literal addresses never get here.
///
/// The future runs on the I/O thread: it must not block, and is dropped when the attempt's
/// deadline passes.
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of `host`, each with `port`.
    fn resolve(&self, host: String, port: u16) -> Resolved;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: String, port: u16) -> Resolved {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// Addresses of a literal or of a name; never an empty list.
pub(crate) async fn addresses(
    resolver: &dyn Resolver,
    host: &str,
    port: u16,
) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = resolver.resolve(host.to_owned(), port).await?;
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}
