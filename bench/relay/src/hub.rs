//! The hub: a thread for each connection passes on what it reads, runs of frames in one write.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::control::{Options, Role};
use crate::frames::{Frames, number};
use crate::socket::{Listener, Reader, Writer};

/// The first byte of a connection says what it is.
pub const REQUESTER: u8 = b'q';
pub const RESPONDER: u8 = b'r';
pub const PUBLISHER: u8 = b'p';
pub const SUBSCRIBER: u8 = b's';

type Output = Arc<Mutex<Writer>>;

#[derive(Default)]
struct Routes {
    requesters: HashMap<u32, Output>,
    responder: Option<Output>,
    subscribers: Vec<Output>,
}

pub struct Hub;

impl Role for Hub {
    fn command(&mut self, _: &str, _: &Options) -> Result<String, String> {
        Err("a hub takes no commands".to_owned())
    }
}

pub fn start(options: &Options) -> io::Result<Hub> {
    let listener = Listener::bind(options)?;
    thread::spawn(move || {
        let routes = Arc::new(Mutex::new(Routes::default()));
        for id in 0.. {
            let Ok((reader, writer)) = listener.accept() else {
                break;
            };
            let routes = Arc::clone(&routes);
            // What ends a connection ends its thread; the driver notices what is missing.
            thread::spawn(move || serve(id, reader, writer, &routes));
        }
    });
    Ok(Hub)
}

fn serve(id: u32, mut reader: Reader, writer: Writer, routes: &Mutex<Routes>) -> io::Result<()> {
    let mut kind = [0];
    reader.read_exact(&mut kind)?;
    let output = Arc::new(Mutex::new(writer));
    {
        let mut routes = lock(routes);
        match kind[0] {
            REQUESTER => drop(routes.requesters.insert(id, Arc::clone(&output))),
            RESPONDER => routes.responder = Some(Arc::clone(&output)),
            SUBSCRIBER => routes.subscribers.push(Arc::clone(&output)),
            _ => {}
        }
    }
    // It is known now: the client may go on.
    lock(&output).write_all(&kind)?;
    let mut frames = Frames::new(reader);
    while let Some(bytes) = frames.next()? {
        match kind[0] {
            PUBLISHER => {
                let subscribers = lock(routes).subscribers.clone();
                for subscriber in subscribers {
                    lock(&subscriber).write_all(bytes)?;
                }
            }
            REQUESTER => {
                let mut at = 0;
                while at < bytes.len() {
                    bytes[at + 4..at + 8].copy_from_slice(&id.to_le_bytes());
                    at += 4 + number(&bytes[at..]) as usize;
                }
                let responder = lock(routes).responder.clone();
                if let Some(responder) = responder {
                    lock(&responder).write_all(bytes)?;
                }
            }
            RESPONDER => respond(bytes, routes)?,
            _ => {}
        }
    }
    Ok(())
}

/// Passes responses on, neighbours for the same requester in one write.
fn respond(bytes: &[u8], routes: &Mutex<Routes>) -> io::Result<()> {
    let mut run = 0;
    while run < bytes.len() {
        let requester = number(&bytes[run + 4..]);
        let mut end = run;
        while end < bytes.len() && number(&bytes[end + 4..]) == requester {
            end += 4 + number(&bytes[end..]) as usize;
        }
        let output = lock(routes).requesters.get(&requester).cloned();
        if let Some(output) = output {
            lock(&output).write_all(&bytes[run..end])?;
        }
        run = end;
    }
    Ok(())
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
