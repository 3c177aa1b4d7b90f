//! One attempt to connect: resolve, try every address, first success wins.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use netsvc_core::{ConnId, Reason, ReasonCode, Str};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::driver::Driver;
use crate::sync::caught;
use crate::transport::address::Target;
use crate::transport::resolver::{Resolver, addresses};
use crate::transport::stream::Socket;

/// The next address is tried when the previous one has not answered for this long.
const STAGGER: Duration = Duration::from_millis(250);

/// The task of an attempt; `dead`: the dead time of its exchange. It has no deadline of its own: the core's ends it.
pub(crate) async fn run(driver: Arc<Driver>, conn: ConnId, target: Target, dead: Duration) {
    let outcome = match caught(pin!(open(&*driver.resolver, &target, dead))).await {
        Some(outcome) => outcome,
        None => Err(failed(&target, "a fault in netsvc or in the resolver")),
    };
    #[cfg(unix)]
    let outcome = match outcome {
        Ok((socket, address)) if driver.loans.is_some() => match socket.loosen() {
            Ok(socket) => Ok((socket, address)),
            Err(error) => Err(failed(&target, error)),
        },
        outcome => outcome,
    };
    driver.attempt_ended(conn, outcome);
}

async fn open(
    resolver: &dyn Resolver,
    target: &Target,
    dead: Duration,
) -> Result<(Socket, Str), Reason> {
    match target {
        Target::Tcp { host, port, tcp_only } => {
            let addresses = addresses(resolver, host, *port).await.map_err(|error| {
                let message = format!("cannot resolve {host}: {error}");
                Reason::new(ReasonCode::ResolveFailed, message)
            })?;
            let tcp_only = *tcp_only;
            let (socket, address) = connect_any(alternate(addresses), |address| {
                Box::pin(async move { Ok((connect_one(address, tcp_only, dead).await?, address)) })
            })
            .await
            .map_err(|error| failed(target, error))?;
            Ok((socket, address.to_string().into()))
        }
        Target::Unix(path) => {
            let socket = connect_path(path).await.map_err(|error| failed(target, error))?;
            Ok((socket, target.to_string().into()))
        }
    }
}

fn failed(target: &Target, error: impl std::fmt::Display) -> Reason {
    Reason::new(ReasonCode::ConnectFailed, format!("cannot connect to {target}: {error}"))
}

async fn connect_one(address: SocketAddr, tcp_only: bool, dead: Duration) -> io::Result<Socket> {
    #[cfg(unix)]
    if !tcp_only && let Some(socket) = crate::transport::loopback::connect(address).await {
        return Ok(socket);
    }
    #[cfg(not(unix))]
    let _ = tcp_only; // There is nothing else.
    let stream = TcpStream::connect(address).await?;
    if stream.local_addr()? == stream.peer_addr()? {
        // TCP connects a socket to itself when its own random port is the one it calls, which
        // happens to whoever retries a local port for long. It would also keep the port from the
        // hub; reset, it is free at once.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Socket::tcp(stream, dead)
}

#[cfg(unix)]
async fn connect_path(path: &Path) -> io::Result<Socket> {
    Socket::unix(tokio::net::UnixStream::connect(path).await?)
}

#[cfg(not(unix))]
async fn connect_path(_path: &Path) -> io::Result<Socket> {
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

type Attempt<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// Starts one attempt after the other, `STAGGER` apart or as soon as one fails, and lets them
/// run side by side. The first success ends the others; without one, the last error counts.
async fn connect_any<T>(
    mut waiting: VecDeque<SocketAddr>,
    connect: impl Fn(SocketAddr) -> Attempt<T>,
) -> io::Result<T> {
    let mut running: Vec<Attempt<T>> = Vec::new();
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
        let connect = |address| -> Attempt<SocketAddr> {
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
        let connect = |address| -> Attempt<()> {
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
