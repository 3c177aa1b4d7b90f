//! A client over a slow line, and with a service: it reads 1 MB/s, which is fast enough for what it
//! is to hear.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netsvc_core::wire::Message;

use super::end::End;
use crate::greeting::Identity;
use crate::journal::Journal;
use crate::messages;
use crate::names::SLOW;
use crate::raw_peer::RawPeer;
use crate::scene::{Budget, Stop};

const TURN: Duration = Duration::from_millis(10);
const BYTES_PER_TURN: usize = 10_000;
/// Well within what it says to be its longest silence.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// It outlasts every attack.
const LIFE: Duration = Duration::from_secs(600);

/// Returns when it is linked.
pub(super) fn start(hub: SocketAddr, journal: Journal, end: End) -> io::Result<JoinHandle<()>> {
    let (sender, linked) = mpsc::channel();
    let thread = thread::spawn(move || {
        let budget = Rc::new(Budget::new(LIFE, u64::MAX));
        let mut peer = match link(hub, &budget) {
            Ok(peer) => peer,
            // Nobody hears it who does not wait any more.
            Err(stop) => return drop(sender.send(Err(stop.to_string()))),
        };
        drop(sender.send(Ok(())));
        if let Err(stop) = read(&mut peer, &end) {
            journal.lost("slow reader", &stop.to_string());
        }
    });
    linked.recv().map_err(io::Error::other)?.map_err(io::Error::other)?;
    Ok(thread)
}

fn link(hub: SocketAddr, budget: &Rc<Budget>) -> Result<RawPeer, Stop> {
    let mut peer = RawPeer::linked(hub, "", &Identity::own(), budget)?.blind();
    peer.say(&messages::service_with(1, SLOW, vec!["hold".into(), "stream".into()]))?;
    peer.flush()?;
    Ok(peer)
}

fn read(peer: &mut RawPeer, end: &End) -> Result<(), Stop> {
    let mut spoken = Instant::now();
    while !end.has_come() {
        peer.discard(BYTES_PER_TURN)?;
        if spoken.elapsed() > HEARTBEAT {
            peer.say(&Message::Heartbeat)?;
            peer.flush()?;
            spoken = Instant::now();
        }
        thread::sleep(TURN);
    }
    Ok(())
}
