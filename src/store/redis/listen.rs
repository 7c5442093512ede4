//! Listening to a channel, over a connection of its own.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::{
    sync::{mpsc, watch},
    time::{interval, timeout},
};

use super::{
    fault,
    link::{Link, State},
};
use crate::error::{Error, Result};

/// Messages that a slow listener may leave waiting before the connection is left unread.
const BACKLOG: usize = 1024;
/// Between two looks at whether the other end is still there: nothing else tells silence from a dead network.
const LOOK: Duration = Duration::from_secs(1);

pub(super) async fn subscribe(link: &Link, channel: &str) -> Result<mpsc::Receiver<Bytes>> {
    let limit = link.timeout();
    // Waits for Redis as any call does, and fails at once where it is known to be away.
    link.over(async |_| Ok(())).await?;
    let opening = async {
        let mut listener = link.dialer().listener().await?;
        listener.subscribe(channel).await?;
        Ok(listener.split())
    };
    let (sink, stream) = match timeout(limit, opening).await {
        Ok(opened) => opened.map_err(fault)?,
        Err(_) => return Err(Error::Store(format!("no answer within {limit:?}").into())),
    };
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let mut state = link.state();
    // What it is now is known; a change is what ends the subscription.
    state.mark_unchanged();
    tokio::spawn(forward(sink, stream, state, limit, sender));
    Ok(receiver)
}

/// Hands messages on until the connection breaks, the other end falls silent, the store loses Redis, or nobody listens.
async fn forward(
    mut sink: PubSubSink,
    mut stream: PubSubStream,
    mut state: watch::Receiver<State>,
    limit: Duration,
    sender: mpsc::Sender<Bytes>,
) {
    let mut look = interval(LOOK);
    loop {
        tokio::select! {
            message = stream.next() => {
                let Some(message) = message else { return };
                if sender.send(Bytes::copy_from_slice(message.get_payload_bytes())).await.is_err() {
                    return;
                }
            }
            changed = state.changed() => {
                if changed.is_err() || *state.borrow() != State::Up {
                    return;
                }
            }
            () = sender.closed() => return,
            _ = look.tick() => {
                if !matches!(timeout(limit, sink.ping::<redis::Value>()).await, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}
