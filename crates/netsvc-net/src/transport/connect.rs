//! One attempt to connect: resolve, try every address, first success wins.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use netsvc_core::{Reason, ReasonCode};
use tokio::time::{Instant, sleep};

use super::address::Target;
use super::resolver::{Resolver, addresses};
use super::{Connected, OpenOptions, Pending};
#[cfg(unix)]
use super::{Transport, unix::Unix};

/// The next address is tried when the previous one has not answered for this long.
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to `target`. It has no deadline of its own: the core's ends it.
pub(crate) async fn connect(
    target: &Target,
    resolver: &dyn Resolver,
    options: OpenOptions,
) -> Result<Connected, Reason> {
    let connected = match target {
        Target::Tcp { host, port, scheme } => {
            let addresses = addresses(resolver, host, *port).await.map_err(|error| {
                let message = format!("cannot resolve {host}: {error}");
                Reason::new(ReasonCode::ResolveFailed, message)
            })?;
            let transport = scheme.transport();
            connect_any(alternate(addresses), |address| {
                Box::pin(async move { transport.open(&address, options).await })
            })
            .await
        }
        Target::Unix(path) => connect_path(path, options).await,
    };
    connected.map_err(|error| failed(target, error))
}

pub(crate) fn failed(target: &Target, error: impl std::fmt::Display) -> Reason {
    Reason::new(ReasonCode::ConnectFailed, format!("cannot connect to {target}: {error}"))
}

#[cfg(unix)]
async fn connect_path(path: &Path, options: OpenOptions) -> io::Result<Connected> {
    Unix.open(path, options).await
}

#[cfg(not(unix))]
async fn connect_path(_path: &Path, _options: OpenOptions) -> io::Result<Connected> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "no Unix sockets on this platform"))
}

/// Alternates the address families, beginning with the one that the resolver put first: if one
/// family is dead, every second try is alive.
fn alternate(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut these, mut others): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let mut mixed = VecDeque::with_capacity(these.len() + others.len());
    while !these.is_empty() || !others.is_empty() {
        mixed.extend(these.pop_front());
        mixed.extend(others.pop_front());
    }
    mixed
}

type Attempt<'a, T> = Pending<'a, io::Result<T>>;

/// Starts one attempt after the other, `STAGGER` apart or as soon as one fails, and lets them
/// run side by side. The first success ends the others; without one, the last error counts.
async fn connect_any<'a, T>(
    mut waiting: VecDeque<SocketAddr>,
    connect: impl Fn(SocketAddr) -> Attempt<'a, T>,
) -> io::Result<T> {
    let mut running: Vec<Attempt<'a, T>> = Vec::new();
    let mut last_error = None;
    let mut stagger = pin!(sleep(Duration::ZERO));
    poll_fn(|context| {
        loop {
            let mut failed = false;
            let mut index = 0;
            while index < running.len() {
                match running[index].as_mut().poll(context) {
                    Poll::Pending => index += 1,
                    Poll::Ready(Ok(connected)) => return Poll::Ready(Ok(connected)),
                    Poll::Ready(Err(error)) => {
                        failed = true;
                        last_error = Some(error);
                        drop(running.swap_remove(index));
                    }
                }
            }
            if waiting.is_empty() && running.is_empty() {
                let nothing_tried = || io::ErrorKind::AddrNotAvailable.into();
                return Poll::Ready(Err(last_error.take().unwrap_or_else(nothing_tried)));
            }
            let at_once = failed || running.is_empty();
            if waiting.is_empty() || !(at_once || stagger.as_mut().poll(context).is_ready()) {
                return Poll::Pending;
            }
            if let Some(address) = waiting.pop_front() {
                running.push(connect(address));
                stagger.as_mut().reset(Instant::now() + STAGGER);
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Mutex;
    use std::task::{Context, Waker};

    use super::*;
    use crate::sync::lock;

    fn address(number: u8, ipv6: bool) -> SocketAddr {
        let mut last = [0; 16];
        last[15] = number;
        if ipv6 { (last, 1).into() } else { ([127, 0, 0, number], 1).into() }
    }

    fn runtime() -> io::Result<tokio::runtime::Runtime> {
        tokio::runtime::Builder::new_current_thread().enable_time().build()
    }

    #[test]
    fn families_alternate_in_the_order_of_the_resolver() {
        let mixed = alternate(vec![
            address(1, true),
            address(2, true),
            address(3, true),
            address(4, false),
            address(5, false),
        ]);
        let expected = [(1, true), (4, false), (2, true), (5, false), (3, true)];
        assert_eq!(mixed, expected.map(|(number, ipv6)| address(number, ipv6)));
    }

    #[test]
    fn a_silent_address_delays_the_next_by_the_stagger_only() -> io::Result<()> {
        let begun = std::time::Instant::now();
        let (dead, alive) = (address(1, false), address(2, false));
        let connect = |address| -> Attempt<'static, SocketAddr> {
            Box::pin(async move { if address == dead { pending().await } else { Ok(address) } })
        };
        let connected = runtime()?.block_on(connect_any([dead, alive].into(), connect))?;
        assert_eq!(connected, alive);
        assert!(begun.elapsed() >= STAGGER);
        Ok(())
    }

    #[test]
    fn a_failure_starts_the_next_address_at_once_and_the_last_error_counts() -> io::Result<()> {
        let runtime = runtime()?;
        let _inside = runtime.enter();
        let addresses = [address(1, false), address(2, true), address(3, false)];
        let tried = Mutex::new(Vec::new());
        let connect = |address| -> Attempt<'static, ()> {
            let mut tried = lock(&tried);
            tried.push(address);
            let error = io::Error::other(format!("failure {}", tried.len()));
            Box::pin(async { Err(error) })
        };
        let mut connecting = pin!(connect_any(addresses.into(), connect));
        let polled = connecting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Err(error)) = polled else { return Err(io::Error::other("waits")) };
        assert_eq!(error.to_string(), "failure 3");
        assert_eq!(*lock(&tried), addresses);
        Ok(())
    }
}
