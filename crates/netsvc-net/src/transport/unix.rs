//! Unix sockets, found by their path.

use std::io;
use std::path::Path;
use std::task::{Context, Poll};

use tokio::net::{UnixListener, UnixStream};

use super::listen_address::ListenAddress;
use super::listen_error::ListenError;
use super::peer::Peer;
use super::raw_socket::RawSocket;
use super::socket_file::{self, SocketFile};
use super::stream::Stream;
use super::{Connected, ListenOptions, ListenSocket, Listening, OpenOptions};
use super::{Pending, Transport};

/// What the kernel keeps of what was sent through a Unix socket and not received yet, in bytes, if
/// it is allowed to (`net.core.wmem_max`). By default that is some 200 KiB, of which the kernel's
/// own records take the larger part when messages are small: sender and receiver then wait for each
/// other every time. From 1 MiB on nothing more is gained (measured: 1 KiB reports 1.1, 1 MiB
/// reports 1.9 times as many as by default). TCP sizes its buffers itself.
const SEND_BUFFER: usize = 1 << 20;

pub(super) struct Unix;

impl Transport for Unix {
    type Address = Path;

    fn open<'a>(
        &'a self,
        path: &'a Path,
        _options: OpenOptions,
    ) -> Pending<'a, io::Result<Connected>> {
        Box::pin(async move {
            let stream = stream(UnixStream::connect(path).await?)?;
            Ok(Connected { stream, peer: Peer::at(&path.display()) })
        })
    }

    fn listen<'a>(
        &'a self,
        path: &'a Path,
        _options: ListenOptions,
    ) -> Pending<'a, Result<Listening, ListenError>> {
        Box::pin(async move {
            let (file, listener) = socket_file::bind(path).await?;
            let sockets: Vec<Box<dyn ListenSocket>> =
                vec![Box::new(UnixListenSocket { file, listener })];
            Ok(Listening { sockets, address: ListenAddress::Unix(path.to_owned()) })
        })
    }
}

/// Sets what every Unix socket of ours has, connected or accepted. Always a raw one: the kernel
/// tells who is registered for writing of each message that the peer receives, and those who
/// only read would be woken for nothing.
pub(super) fn stream(stream: UnixStream) -> io::Result<Box<dyn Stream>> {
    let socket: socket2::Socket = stream.into_std()?.into();
    // Where it may not be as large as that, it is as large as it may be.
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
    Ok(Box::new(RawSocket::new(socket)))
}

struct UnixListenSocket {
    /// Removed from the file system before the socket closes, so that nobody finds it dead.
    file: SocketFile,
    listener: UnixListener,
}

impl ListenSocket for UnixListenSocket {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Connected>> {
        self.listener.poll_accept(context).map(|accepted| {
            let accepted = accepted?.0;
            let peer = Peer::from_user(&self.file, &accepted);
            Ok(Connected { stream: stream(accepted)?, peer })
        })
    }
}
