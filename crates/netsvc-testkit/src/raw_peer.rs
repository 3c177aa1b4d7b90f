//! A peer made by hand, which may break the rules.

use std::io::IoSlice;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use netsvc_core::wire::{Announcement, Decoder, Hello, Message, Role, SendBuffer};
use netsvc_core::{
    Action, ConnId, ExchangeId, Heartbeat, LinkId, LinkToken, Process, ProcessId, ProcessSecret,
    Progress, Retry, Str, Time,
};

/// One end of a connection to a process, without a process of its own: the test says every
/// message and sees every answer.
#[derive(Debug)]
pub struct RawPeer {
    /// Its connection at the process.
    pub conn: ConnId,
    /// Its process id.
    pub id: ProcessId,
    /// What proves that.
    pub secret: ProcessSecret,
    decoder: Decoder,
    buffer: BytesMut,
}

impl RawPeer {
    /// Connects to a server; nothing is said yet.
    ///
    /// # Panics
    /// If the exchange does not accept.
    pub fn connect(process: &mut Process, now: Time, exchange: ExchangeId, id: u8) -> Self {
        let accepted = process.handle_accepted(now, exchange, "raw");
        let conn = accepted.unwrap_or_else(|| panic!("not accepted"));
        Self::on(conn, id)
    }

    /// As a client of a server whose handshake and snapshots are done.
    pub fn client(process: &mut Process, now: Time, exchange: ExchangeId, id: u8) -> Self {
        let mut peer = Self::connect(process, now, exchange, id);
        let hello = peer.hello(Role::Client, LinkToken([id; 16]), 1);
        peer.say(process, now, [Message::Hello(hello), Message::Synced]);
        peer
    }

    /// Makes a process without exchanges the client of a peer that is a server of the default
    /// group; handshake and snapshots are done. Returns the link too.
    ///
    /// # Panics
    /// If the process does not behave.
    pub fn server(process: &mut Process, now: Time, id: u8) -> (Self, LinkId) {
        let exchange = process.create_exchange(Role::Client, "", Heartbeat::default());
        let exchange = exchange.unwrap_or_else(|error| panic!("no exchange: {error}"));
        let token = LinkToken([0xff; 16]);
        let link = process.connect(now, exchange, Retry::Backoff, token);
        let link = link.unwrap_or_else(|error| panic!("no link: {error}"));
        let Some(Action::Open { conn, .. }) = process.poll_action() else {
            panic!("nothing to open")
        };
        process.handle_opened(now, conn, "raw");
        let mut peer = Self::on(conn, id);
        peer.hear(process, now);
        let welcome = peer.hello(Role::Server, token, 1);
        peer.say(process, now, [Message::Welcome(welcome), Message::Synced]);
        (peer, link)
    }

    /// An introduction of this peer, in the default group.
    pub fn hello(&self, role: Role, token: LinkToken, attempt: u32) -> Hello {
        Hello {
            features: 0,
            role,
            group: "".into(),
            process: self.id,
            secret: Some(self.secret.clone()),
            label: "raw".into(),
            token,
            attempt,
            heartbeat: Duration::from_secs(5),
            max_payload: 1 << 20,
        }
    }

    /// Says something.
    pub fn say(
        &mut self,
        process: &mut Process,
        now: Time,
        messages: impl IntoIterator<Item = Message>,
    ) {
        process.handle_received(now, self.conn);
        process.handle_messages(now, self.conn, &mut messages.into_iter().collect());
    }

    /// What the process has said since.
    ///
    /// # Panics
    /// If it cannot be decoded.
    pub fn hear(&mut self, process: &mut Process, now: Time) -> Vec<Message> {
        let mut batch = SendBuffer::new();
        while process.poll_write(now, self.conn, &mut batch, 1 << 16) == Progress::More {
            self.buffer.extend_from_slice(&bytes_of(&mut batch));
        }
        self.buffer.extend_from_slice(&bytes_of(&mut batch));
        process.handle_written(now, self.conn, 0);
        self.decode()
    }

    /// What the process says to this peer when it is asked once: about so many bytes, of all that
    /// there is or of what is awaited alone.
    ///
    /// # Panics
    /// If it cannot be decoded.
    pub fn hear_once(
        &mut self,
        process: &mut Process,
        now: Time,
        bytes: usize,
        only_awaited: bool,
    ) -> (Vec<Message>, Progress) {
        let (mut batch, conn) = (SendBuffer::new(), self.conn);
        let progress = if only_awaited {
            process.poll_awaited(now, conn, &mut batch, bytes)
        } else {
            process.poll_write(now, conn, &mut batch, bytes)
        };
        self.buffer.extend_from_slice(&bytes_of(&mut batch));
        process.handle_written(now, conn, 0);
        (self.decode(), progress)
    }

    fn decode(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            match self.decoder.decode(&mut self.buffer) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => return messages,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn on(conn: ConnId, id: u8) -> Self {
        let decoder = Decoder::new(1 << 20);
        let secret = ProcessSecret::new([id; 32]);
        Self { conn, id: secret.process(), secret, decoder, buffer: BytesMut::new() }
    }
}

/// The peer's first service, of its own, for everybody; it is number 1.
pub fn announcement(name: &str, methods: &[&str]) -> Message {
    Message::Service(Announcement {
        service: 1,
        process: 0,
        counter: 1,
        revision: 1,
        name: name.into(),
        audience: "*".into(),
        groups: Vec::new(),
        methods: methods.iter().map(|method| Str::from(*method)).collect(),
        extensions: Bytes::new(),
    })
}

fn bytes_of(batch: &mut SendBuffer) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(batch.len());
    while !batch.is_empty() {
        let mut slices = [IoSlice::new(&[]); 16];
        let filled = batch.slices(&mut slices);
        let before = bytes.len();
        for slice in &slices[..filled] {
            bytes.extend_from_slice(slice);
        }
        let taken = bytes.len() - before;
        batch.advance(taken);
    }
    bytes
}
