//! Attempts to connect: begins those that the core wants, and hands over what comes of them.

use std::pin::pin;
use std::sync::Arc;

use netsvc_core::{ConnId, Reason};

use super::connection;
use crate::delegations::Delegations;
use crate::pump;
use crate::read_delegate::{DelegatedReads, ReadDelegate};
use crate::shared::Shared;
use crate::state::Opening;
use crate::sync::caught;
use crate::transport::connect::{connect, failed};
use crate::transport::resolver::Resolver;
use crate::transport::{Connected, OpenOptions};

/// What attempts need besides the registry.
pub(crate) struct Means {
    pub(crate) resolver: Arc<dyn Resolver>,
    /// `None`: reads are delegated to nobody, or to whoever drains.
    pub(crate) delegate: Option<Arc<dyn ReadDelegate>>,
}

/// The task that begins attempts, each a task of its own; ends when the engine was shut down.
pub(crate) async fn run(shared: Arc<Shared>, means: Arc<Means>) {
    loop {
        {
            let mut state = shared.lock();
            if state.shut {
                return;
            }
            for opening in std::mem::take(&mut state.opening) {
                let conn = opening.conn;
                // It cannot end before the mutex is released, thus not before it is noted.
                let task = tokio::spawn(attempt(Arc::clone(&shared), Arc::clone(&means), opening));
                state.attempts.insert(conn, task.abort_handle());
            }
        }
        shared.open.notified().await;
    }
}

/// It has no deadline of its own: the core's ends it.
async fn attempt(shared: Arc<Shared>, means: Arc<Means>, opening: Opening) {
    let Opening { conn, target, dead } = opening;
    let options = OpenOptions { dead, delegated_reads: shared.delegations.is_some() };
    let outcome = caught(pin!(connect(&target, &*means.resolver, options))).await;
    let fault = || Err(failed(&target, "a fault in netsvc or in the resolver"));
    ended(&shared, &means, conn, outcome.unwrap_or_else(fault));
}

/// If the core closed it meanwhile, the connection is dropped.
fn ended(shared: &Arc<Shared>, means: &Means, conn: ConnId, outcome: Result<Connected, Reason>) {
    let adopted = pump::perform_with(shared, |effects| {
        shared.apply_state(effects, |state, now| {
            state.attempts.remove(&conn)?;
            match outcome {
                Ok(Connected { stream, peer }) => {
                    let delegations = shared.delegations.as_ref();
                    let delegations = delegations.filter(|_| stream.delegated_reads().is_some());
                    let owner = delegations.map(Delegations::owner);
                    let adopted = connection::adopt(shared, state, conn, stream, owner);
                    state.process.handle_opened(now, conn, peer.address);
                    delegations.zip(adopted)
                }
                Err(reason) => {
                    state.process.handle_open_failed(now, conn, reason);
                    None
                }
            }
        })
    });
    let Some((delegations, connection)) = adopted else { return };
    delegations.add(&connection);
    if let (Some(delegate), Some(reads)) = (&means.delegate, DelegatedReads::of(connection, shared))
    {
        delegate.delegate(reads);
    }
}
