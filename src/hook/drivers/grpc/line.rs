//! One connection to one address of a plugin server.

use std::{
    error::Error as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Instant,
};

use arc_swap::ArcSwap;
use prost::Message;
use tonic::{
    Request, Status,
    client::Grpc,
    transport::{Channel, Endpoint},
};

use super::{codec::Wire, server::Rpc};

/// Calls in a row that may time out before a connection counts as dead.
const MISSES: u32 = 3;

/// Why a call gave no answer.
#[derive(Debug)]
pub(super) enum Ended {
    /// There was no connection: the server has not heard of it.
    Unreached(Status),
    /// The server, or the way to it, failed.
    Failed(Status),
    /// Its time was up.
    OutOfTime,
}

/// Bytes that messages may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// To the server.
    pub(super) sent: usize,
    /// From the server.
    pub(super) received: usize,
}

pub(super) struct Line {
    /// The address, where names were looked up.
    pub(super) address: Option<SocketAddr>,
    /// Which of the connections to it this is.
    pub(super) turn: usize,
    endpoint: Endpoint,
    channel: ArcSwap<Channel>,
    /// Calls that timed out since the last one that did not.
    misses: AtomicU32,
}

impl Line {
    /// Connects when it is first used. Made inside the runtime that is to carry it.
    pub(super) fn new(endpoint: Endpoint, address: Option<SocketAddr>, turn: usize) -> Self {
        let channel = ArcSwap::from_pointee(endpoint.connect_lazy());
        Self { address, turn, endpoint, channel, misses: AtomicU32::new(0) }
    }

    pub(super) async fn call<Q, A>(&self, rpc: &Rpc<'_, Q>, deadline: Instant) -> Result<A, Ended>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let channel = Channel::clone(&self.channel.load());
        let Ok(outcome) = tokio::time::timeout_at(deadline.into(), send(channel, rpc)).await else {
            self.miss();
            return Err(Ended::OutOfTime);
        };
        if self.misses.load(Relaxed) > 0 {
            self.misses.store(0, Relaxed);
        }
        outcome.map_err(|status| match was_reached(&status) {
            true => Ended::Failed(status),
            false => Ended::Unreached(status),
        })
    }

    fn miss(&self) {
        if self.misses.fetch_add(1, Relaxed) + 1 >= MISSES {
            self.misses.store(0, Relaxed);
            self.channel.store(Arc::new(self.endpoint.connect_lazy()));
        }
    }
}

async fn send<Q, A>(channel: Channel, rpc: &Rpc<'_, Q>) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut client = Grpc::new(channel)
        .max_encoding_message_size(rpc.sizes.sent)
        .max_decoding_message_size(rpc.sizes.received);
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let answer = client.unary(Request::new(rpc.message.clone()), rpc.path.clone(), Wire::new()).await?;
    Ok(answer.into_inner())
}

/// False if there was no connection to send the call on.
fn was_reached(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return false;
        }
        cause = error.source();
    }
    true
}
