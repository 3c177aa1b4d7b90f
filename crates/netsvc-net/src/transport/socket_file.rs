//! The file of a listening Unix socket: made, replaced when dead, removed on close.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::listen_error::ListenError;
use super::tcp::BACKLOG;

/// The user and the group of the socket's directory entry may connect.
const MODE: u32 = 0o660;
/// Whoever listens on an existing socket answers within this time, or its backlog is full: then
/// it is alive as well.
const PROBE: Duration = Duration::from_secs(1);

/// Removes the socket file when dropped, unless it has been replaced by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

/// Listens on `path`; replaces a socket that nobody listens on any more.
pub(crate) async fn bind(path: &Path) -> Result<(SocketFile, UnixListener), ListenError> {
    // Otherwise the kernel's limit would look like any other invalid argument.
    SocketAddr::from_pathname(path).map_err(|error| {
        ListenError::new("invalid", format!("{} is no path for a socket: {error}", path.display()))
    })?;
    clear(path).await?;
    listen(path).map_err(|error| ListenError::from_io(&path.display(), &error))
}

fn listen(path: &Path) -> io::Result<(SocketFile, UnixListener)> {
    let (file, socket) = make(path)?;
    // It has other rights than these where the umask takes more, or made them.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    // Only now can anybody connect.
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((file, UnixListener::from_std(socket.into())?))
}

/// Makes the file, on Linux with no more rights than it is to have.
fn make(path: &Path) -> io::Result<(SocketFile, Socket)> {
    let socket: OwnedFd = Socket::new(Domain::UNIX, Type::STREAM, None)?.into();
    // Linux makes the file with the rights of the socket; other systems have none to be set.
    let socket = File::from(socket);
    let _ = socket.set_permissions(Permissions::from_mode(MODE));
    let socket: Socket = OwnedFd::from(socket).into();
    socket.bind(&SockAddr::unix(path)?)?;
    let metadata = fs::symlink_metadata(path)?;
    let identity = (metadata.dev(), metadata.ino());
    Ok((SocketFile { path: path.to_owned(), identity }, socket))
}

/// Makes sure that nothing is in the way, or says what is.
async fn clear(path: &Path) -> Result<(), ListenError> {
    let place = path.display();
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ListenError::from_io(&place, &error)),
    };
    if !metadata.file_type().is_socket() {
        let message = format!("{place} exists and is not a socket; it is left alone");
        return Err(ListenError::new("invalid", message));
    }
    let Ok(Err(error)) = timeout(PROBE, UnixStream::connect(path)).await else {
        return Err(in_use(path));
    };
    match error.kind() {
        io::ErrorKind::ConnectionRefused => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ListenError::from_io(&place, &error))
            }
            _ => Ok(()),
        },
        io::ErrorKind::NotFound => Ok(()),
        io::ErrorKind::PermissionDenied => Err(ListenError::from_io(&place, &error)),
        _ => Err(in_use(path)),
    }
}

fn in_use(path: &Path) -> ListenError {
    let message = format!("cannot listen on {}: another program does", path.display());
    ListenError::new("address-in-use", message)
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let present = fs::symlink_metadata(&self.path);
        if present.is_ok_and(|file| (file.dev(), file.ino()) == self.identity) {
            // Without the right to remove it, it stays as a dead socket, which is replaced.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl fmt::Display for SocketFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn it_never_has_more_rights_than_wanted_and_nobody_connects_before() -> io::Result<()> {
        let name = format!("netsvc-{}-rights.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let (file, socket) = make(&path)?;
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777 & !MODE, 0);
        let early = std::os::unix::net::UnixStream::connect(&path);
        assert!(early.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused));
        drop((file, socket));
        assert!(!path.exists());
        Ok(())
    }
}
