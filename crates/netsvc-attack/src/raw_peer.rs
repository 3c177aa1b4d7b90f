//! A connection that speaks the protocol as it likes.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::thread::sleep;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use netsvc_core::wire::{Announcement, Decoder, Encoder, Message, SendBuffer};

use crate::greeting::Identity;
use crate::messages;
use crate::random;
use crate::scene::{Budget, Scene, Stop};

/// What is encoded before it is sent.
const BURST: usize = 64 << 10;
/// What is read at once.
const READ: usize = 16 << 10;
/// How long a socket that takes or has nothing is let alone.
const PAUSE: Duration = Duration::from_micros(200);
const CONNECTING: Duration = Duration::from_secs(1);

pub(crate) struct RawPeer {
    stream: TcpStream,
    encoder: Encoder,
    batch: SendBuffer,
    decoder: Decoder,
    received: BytesMut,
    reading: Reading,
    budget: Rc<Budget>,
}

/// What a peer does with what comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Decodes,
    /// It is read and thrown away.
    Discards,
    Nothing,
}

/// A service that the hub announced.
pub(crate) struct Found {
    /// The hub's numbers.
    pub(crate) service: u32,
    pub(crate) process: u32,
    pub(crate) announcement: Announcement,
    pub(crate) id: netsvc_core::ProcessId,
}

impl RawPeer {
    /// A connection on which nothing was said.
    pub(crate) fn stranger(hub: SocketAddr, budget: &Rc<Budget>) -> Result<Self, Stop> {
        let stream = TcpStream::connect_timeout(&hub, budget.left()?.min(CONNECTING))?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            encoder: Encoder::new(random::number()),
            batch: SendBuffer::new(),
            decoder: Decoder::new(1 << 20),
            received: BytesMut::new(),
            reading: Reading::Decodes,
            budget: Rc::clone(budget),
        })
    }

    /// A client whose link is active.
    pub(crate) fn client(scene: &Scene) -> Result<Self, Stop> {
        Self::linked(scene.hub, "", &Identity::own(), &scene.budget)
    }

    /// So many clients.
    pub(crate) fn clients(scene: &Scene, many: usize) -> Result<Vec<Self>, Stop> {
        (0..many).map(|_| Self::client(scene)).collect()
    }

    pub(crate) fn linked(
        hub: SocketAddr,
        group: &str,
        identity: &Identity,
        budget: &Rc<Budget>,
    ) -> Result<Self, Stop> {
        let mut peer = Self::stranger(hub, budget)?;
        peer.say(&identity.hello(group))?;
        peer.until(|message| match message {
            Message::Welcome(_) => Some(Ok(())),
            Message::Refuse(reason) => Some(Err(Stop::Refused(reason.clone()))),
            _ => None,
        })??;
        peer.say(&Message::Synced)?;
        peer.flush()?;
        Ok(peer)
    }

    /// From now on nothing that comes is read.
    pub(crate) fn deaf(mut self) -> Self {
        self.reading = Reading::Nothing;
        self
    }

    /// From now on what comes is read but not looked at: no message can be waited for.
    pub(crate) fn blind(mut self) -> Self {
        self.reading = Reading::Discards;
        self
    }

    /// Sends a message, now or with those that follow.
    pub(crate) fn say(&mut self, message: &Message) -> Result<(), Stop> {
        self.encoder.encode(message, &mut self.batch);
        if self.batch.len() < BURST { Ok(()) } else { self.flush() }
    }

    /// Sends bytes as they are.
    pub(crate) fn say_bytes(&mut self, bytes: impl Into<Bytes>) -> Result<(), Stop> {
        self.batch.push(bytes.into());
        if self.batch.len() < BURST { Ok(()) } else { self.flush() }
    }

    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        while !self.batch.is_empty() {
            if !self.write()? && self.read()? == 0 {
                sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// Writes what the socket takes; false if that is nothing.
    fn write(&mut self) -> Result<bool, Stop> {
        self.budget.left()?;
        let mut slices = [IoSlice::new(&[]); 16];
        let used = self.batch.slices(&mut slices);
        let written = self.stream.write_vectored(&slices[..used]);
        match written {
            Ok(written) => {
                self.batch.advance(written);
                self.budget.spend(written);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what is there, as it is its way; returns how many bytes that were.
    pub(crate) fn read(&mut self) -> Result<usize, Stop> {
        match self.reading {
            Reading::Nothing => Ok(0),
            Reading::Discards => self.discard(READ),
            Reading::Decodes => {
                let mut scratch = [0; READ];
                let read = read(&mut self.stream, &mut scratch)?;
                self.received.extend_from_slice(&scratch[..read]);
                while self.next()?.is_some() {}
                Ok(read)
            }
        }
    }

    fn next(&mut self) -> Result<Option<Message>, Stop> {
        Ok(self.decoder.decode(&mut self.received).map_err(io::Error::other)?)
    }

    /// Reads and forgets what is there, at most so many bytes; returns how many.
    pub(crate) fn discard(&mut self, most: usize) -> Result<usize, Stop> {
        let mut scratch = [0; READ];
        Ok(read(&mut self.stream, &mut scratch[..most.min(READ)])?)
    }

    /// Sends what is still to be sent, and reads messages until one is what is looked for.
    pub(crate) fn until<T>(
        &mut self,
        mut found: impl FnMut(&Message) -> Option<T>,
    ) -> Result<T, Stop> {
        let mut scratch = [0; READ];
        loop {
            while let Some(message) = self.next()? {
                if let Some(found) = found(&message) {
                    return Ok(found);
                }
                if let Message::Goodbye(reason) = message {
                    return Err(Stop::Refused(reason));
                }
            }
            if !self.batch.is_empty() {
                self.write()?;
            }
            match read(&mut self.stream, &mut scratch)? {
                0 => sleep(PAUSE),
                read => self.received.extend_from_slice(&scratch[..read]),
            }
            self.budget.left()?;
        }
    }

    /// The service of that name.
    pub(crate) fn find(&mut self, name: &str) -> Result<Found, Stop> {
        let mut processes = std::collections::HashMap::new();
        self.until(|message| match message {
            Message::Process(info) => {
                processes.insert(info.process, info.id);
                None
            }
            Message::Service(announcement) if *announcement.name == *name => {
                let process = announcement.process;
                let id = *processes.get(&process)?;
                let announcement = announcement.clone();
                Some(Found { service: announcement.service, process, announcement, id })
            }
            _ => None,
        })
    }

    /// Waits until all that was said has been applied by the hub.
    pub(crate) fn applied(&mut self) -> Result<(), Stop> {
        let token = random::number() as u32;
        self.say(&Message::Flush { token })?;
        self.until(|message| (*message == Message::Flushed { token }).then_some(()))
    }

    /// Announces services of that name, with numbers from 1.
    pub(crate) fn announce(&mut self, name: &str, many: u32) -> Result<(), Stop> {
        (1..=many).try_for_each(|number| self.say(&messages::service(number, name)))?;
        self.flush()
    }
}

/// Reads what is there; 0: nothing is. The end of the connection is an error.
fn read(stream: &mut TcpStream, into: &mut [u8]) -> io::Result<usize> {
    match stream.read(into) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// Keeps clients linked until time is up, and reads what comes; those that are cut off are let go.
pub(crate) fn linger(peers: &mut Vec<RawPeer>, scene: &Scene) -> Result<(), Stop> {
    loop {
        let mut read = 0;
        peers.retain_mut(|peer| {
            let taken = peer.read();
            read += *taken.as_ref().unwrap_or(&0);
            taken.is_ok()
        });
        scene.budget.left()?;
        if read == 0 {
            scene.pause(Duration::from_millis(2))?;
        }
    }
}
