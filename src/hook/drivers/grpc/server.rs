//! A plugin server and the connections to it, which all hooks that name it share and which survive reloads.
//!
//! A connection is made by the first call that needs it and again after it broke. One whose calls time out again and
//! again is given up for a new one: the machine behind it may be gone without a word. Calls of requests and those that
//! nobody waits for have connections of their own, since connections live on the runtime that first used them.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use http::uri::PathAndQuery;
use prost::Message;
use tokio::{net::lookup_host, sync::OnceCell};
use tonic::Status;

use super::{
    dial::Dial,
    line::{Ended, Line, Sizes},
    target::Target,
};

/// How long the addresses of a name count, in milliseconds.
const NAMES_MS: u64 = 30_000;

/// Every server in use.
#[derive(Default)]
pub(super) struct Servers(Mutex<HashMap<Dial, Weak<Server>>>);

impl Servers {
    /// The server that is called so; the same as long as somebody holds it.
    pub(super) fn get(&self, dial: Dial) -> Arc<Server> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = known.get(&dial).and_then(Weak::upgrade) {
            return server;
        }
        known.retain(|_, server| server.strong_count() > 0);
        let server =
            Arc::new(Server { dial: dial.clone(), front: Lines::default(), aside: Lines::default() });
        known.insert(dial, Arc::downgrade(&server));
        server
    }
}

/// Who waits for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A request.
    Front,
    /// Nobody.
    Aside,
}

/// One server, which may have several addresses.
pub(super) struct Server {
    dial: Dial,
    front: Lines,
    aside: Lines,
}

#[derive(Default)]
struct Lines {
    ready: OnceCell<Arc<Ready>>,
}

/// Connections that can be used.
struct Ready {
    lines: ArcSwap<Vec<Arc<Line>>>,
    next: AtomicUsize,
    made: Instant,
    /// Milliseconds from `made` to the last look-up.
    looked_up: AtomicU64,
}

/// One call, whatever it carries.
pub(super) struct Rpc<'a, Q> {
    pub(super) path: &'a PathAndQuery,
    pub(super) message: Arc<Q>,
    pub(super) sizes: Sizes,
    pub(super) limit: Duration,
}

impl Server {
    /// Its address, for messages.
    pub(super) fn target(&self) -> &Target {
        &self.dial.target
    }

    /// Makes a call. One that found no connection goes on to the next address, if there is another.
    pub(super) async fn call<Q, A>(&self, side: Side, rpc: &Rpc<'_, Q>) -> Result<A, Ended>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let deadline = Instant::now() + rpc.limit;
        let lines = match side {
            Side::Front => &self.front,
            Side::Aside => &self.aside,
        };
        let ready = match lines.ready.get() {
            Some(ready) => ready,
            None => {
                let made =
                    tokio::time::timeout_at(deadline.into(), lines.ready.get_or_try_init(|| self.ready()));
                made.await.map_err(|_| Ended::OutOfTime)??
            }
        };
        if self.dial.round_robin {
            self.refresh(ready);
        }
        let addresses = ready.lines.load().len() / self.dial.connections;
        let mut ended = Ended::Failed(Status::unavailable("the server has no address"));
        for _ in 0..addresses.max(1) {
            let Some(line) = ready.pick() else { break };
            match line.call(rpc, deadline).await {
                Err(Ended::Unreached(status)) => ended = Ended::Unreached(status),
                done => return done,
            }
        }
        Err(ended)
    }

    async fn ready(&self) -> Result<Arc<Ready>, Ended> {
        let lines = self.dial.lines(&[]).await;
        let lines = lines.map_err(|reason| Ended::Unreached(Status::unavailable(reason)))?;
        Ok(Arc::new(Ready {
            lines: ArcSwap::from_pointee(lines),
            next: AtomicUsize::new(0),
            made: Instant::now(),
            looked_up: AtomicU64::new(0),
        }))
    }

    /// Looks names up again once in a while, beside the calls. The first to notice does it.
    fn refresh(&self, ready: &Arc<Ready>) {
        let now = u64::try_from(ready.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = ready.looked_up.load(Relaxed);
        let due = now.saturating_sub(last) > NAMES_MS;
        if !due || ready.looked_up.compare_exchange(last, now, Relaxed, Relaxed).is_err() {
            return;
        }
        let (dial, ready) = (self.dial.clone(), ready.clone());
        tokio::spawn(async move {
            let known = ready.lines.load_full();
            match dial.lines(&known).await {
                Ok(lines) if !lines.is_empty() => ready.lines.store(Arc::new(lines)),
                Ok(_) => {}
                Err(reason) => {
                    tracing::warn!(server = %dial.target, reason, "the addresses of a gRPC plugin server stay as they were");
                }
            }
        });
    }
}

impl Dial {
    /// Connections to every address, next to one another those to different ones. What is known is kept.
    async fn lines(&self, known: &[Arc<Line>]) -> Result<Vec<Arc<Line>>, String> {
        let addresses = self.addresses().await?;
        let mut lines = Vec::new();
        for turn in 0..self.connections {
            for (host, address) in &addresses {
                let kept = known.iter().find(|line| line.address == Some(*address) && line.turn == turn);
                lines.push(match kept {
                    Some(line) => line.clone(),
                    None => Arc::new(Line::new(self.at(host, *address)?, Some(*address), turn)),
                });
            }
            if addresses.is_empty() {
                let endpoints = self.endpoints()?.into_iter();
                lines.extend(endpoints.map(|endpoint| Arc::new(Line::new(endpoint, None, turn))));
            }
        }
        Ok(lines)
    }

    /// The addresses that calls go round; none where the name itself is good enough.
    async fn addresses(&self) -> Result<Vec<(&str, SocketAddr)>, String> {
        let mut addresses = Vec::new();
        if let (true, Target::Tcp { places, .. }) = (self.round_robin, &self.target) {
            for (host, port) in places {
                let found = lookup_host((host.as_str(), *port)).await;
                let found = found.map_err(|error| format!("no address for {host}: {error}"))?;
                addresses.extend(found.map(|address| (host.as_str(), address)));
            }
            addresses.sort_by_key(|(_, address)| *address);
            addresses.dedup_by_key(|(_, address)| *address);
        }
        Ok(addresses)
    }
}

impl Ready {
    fn pick(&self) -> Option<Arc<Line>> {
        let lines = self.lines.load();
        let turn = self.next.fetch_add(1, Relaxed).checked_rem(lines.len())?;
        lines.get(turn).cloned()
    }
}
