//! TCP or Unix sockets, as the options say.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use crate::control::Options;

/// One half of a connection.
pub type Reader = Box<dyn Read + Send>;
pub type Writer = Box<dyn Write + Send>;

pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub fn bind(options: &Options) -> io::Result<Self> {
        if let Some(path) = unix_path(options) {
            return Ok(Self::Unix(UnixListener::bind(path)?));
        }
        Ok(Self::Tcp(TcpListener::bind((Ipv4Addr::LOCALHOST, port(options)?))?))
    }

    pub fn accept(&self) -> io::Result<(Reader, Writer)> {
        match self {
            Self::Tcp(listener) => tcp(listener.accept()?.0),
            Self::Unix(listener) => unix(listener.accept()?.0),
        }
    }
}

pub fn connect(options: &Options) -> io::Result<(Reader, Writer)> {
    match unix_path(options) {
        Some(path) => unix(UnixStream::connect(path)?),
        None => tcp(TcpStream::connect((Ipv4Addr::LOCALHOST, port(options)?))?),
    }
}

fn unix_path(options: &Options) -> Option<&str> {
    (options.number("unix") == Some(1)).then(|| options.text("path"))?
}

fn port(options: &Options) -> io::Result<u16> {
    options
        .number("port")
        .and_then(|port| u16::try_from(port).ok())
        .ok_or_else(|| io::Error::other("no port"))
}

fn tcp(stream: TcpStream) -> io::Result<(Reader, Writer)> {
    stream.set_nodelay(true)?;
    Ok((Box::new(stream.try_clone()?), Box::new(stream)))
}

fn unix(stream: UnixStream) -> io::Result<(Reader, Writer)> {
    Ok((Box::new(stream.try_clone()?), Box::new(stream)))
}
