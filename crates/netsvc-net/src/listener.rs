//! One listening socket that any thread can close at once. Its task is in `tasks/accept.rs`.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;

use netsvc_core::ExchangeId;
use tokio::sync::Notify;

use crate::sync::lock;
use crate::transport::{Connected, ListenSocket};

pub(crate) struct Listener {
    pub(crate) exchange: ExchangeId,
    /// Among all of its registry.
    pub(crate) number: u32,
    /// `None`: closed. The task holds the mutex only while it looks, so that closing need not
    /// wait for it: the address is free when `close` returns.
    socket: Mutex<Option<Box<dyn ListenSocket>>>,
    /// Closed, or the core has room again.
    kick: Notify,
}

impl Listener {
    pub(crate) fn new(exchange: ExchangeId, number: u32, socket: Box<dyn ListenSocket>) -> Self {
        Self { exchange, number, socket: Mutex::new(Some(socket)), kick: Notify::new() }
    }

    pub(crate) fn close(&self) {
        drop(lock(&self.socket).take());
        self.kick();
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.socket).is_none()
    }

    /// Has its task look again whether there is room.
    pub(crate) fn kick(&self) {
        self.kick.notify_one();
    }

    pub(crate) async fn kicked(&self) {
        self.kick.notified().await;
    }

    /// `None`: closed.
    pub(crate) async fn accept(&self) -> Option<io::Result<Connected>> {
        loop {
            let mut kicked = pin!(self.kick.notified());
            let accepted = poll_fn(|context| {
                let accepted = match &*lock(&self.socket) {
                    None => return Poll::Ready(Some(None)),
                    Some(socket) => socket.poll_accept(context),
                };
                match accepted {
                    Poll::Ready(accepted) => Poll::Ready(Some(Some(accepted))),
                    Poll::Pending => kicked.as_mut().poll(context).map(|()| None),
                }
            })
            .await;
            if let Some(accepted) = accepted {
                return accepted;
            }
        }
    }
}
