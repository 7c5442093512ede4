//! Every data and control socket: opened before the process forks, accepted from here, handed to a successor.
//!
//! pingora's own listeners are fixed before `run`, retry a taken port for 30 s and then panic, so one service of ours
//! owns the sockets ([`ListenerSet`]), calls pingora's `process_new` with streams of ours (`stream`), and gives the
//! sockets to a successor process ([`handover`]). What is served, routed or refused is the app's matter; signals and the wait for open connections are
//! those of who runs the server.
//!
//! Decided by trying it out (2026-11-22, pingora 0.9.1):
//! - **Works over our stream**, each with a test: kept HTTP/1.1 connections, pipelining (if the app enables it per
//!   session), bodies streamed chunk by chunk, 100-continue (pingora hands it on to the upstream, so an upstream that
//!   never answers 100 leaves a strict client waiting), upgrades, HTTP/2 over TLS and by prior knowledge, shutdown with
//!   requests running. A taken port ended the process in 40 ms with status 1; `h2load` clean on both.
//! - **Cost against pingora's listener**, same debug binary, 3 interleaved rounds of `wrk -c8`, kept connections:
//!   2 receives and 2 sends per proxied request in both, with and without TLS; CPU 182, 202, 190 against 182, 229,
//!   207 µs plain, 274, 306, 278 against 260, 270, 265 µs with TLS. Optimised builds are measured by the load bench.
//!   The buffers exist only while bytes wait in them, pingora's 64 KiB for reading always.
//! - **pingora's look for the HTTP/2 preface** waits for 24 bytes, longer than `GET / HTTP/1.0` is, without a limit in
//!   time and deaf to a shutdown. Ours stops at the first byte that differs, and the accept side waits for it.
//! - **TLS** runs in pingora's acceptor (it makes the digests and knows the ALPN choice), between two of our
//!   streams: reading ahead below it, gathering writes above it, so that head and body share a record. Turned down:
//!   `tokio-rustls` without it, which would need a second `IO` type for the same result.

mod accept;
pub mod handover;
mod sockets;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use pingora_core::{apps::ServerApp, listeners::tls::Acceptor, protocols::Stream, server::ShutdownWatch};
use rustls::ServerConfig;
use tokio::{
    runtime::Handle,
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

pub(super) use accept::plain;
pub use accept::serve;
use handover::Named;

use super::{stream::PATIENCE, tls::Asking};
use crate::error::{Error, Result};

/// Pause between two looks at the count of open connections.
const LOOK: Duration = Duration::from_millis(5);

/// A boxed future that may move between threads.
pub type Work<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What answers connections: any pingora `ServerApp`, above all `HttpProxy`. The app decides with its
/// `HttpServerOptions::h2c` whether plain connections may begin with HTTP/2.
pub trait App: Send + Sync {
    /// Serves one connection to its end. Once `shutdown` turns true the connection ends after its current request.
    fn serve(self: Arc<Self>, stream: Stream, shutdown: ShutdownWatch) -> Work<'static>;

    /// Runs once when the process stops accepting; ends idle connections.
    fn cleanup(&self) -> Work<'_>;

    /// How long the head of a request may take from its first byte to its last, and the first byte of a connection.
    fn head_timeout(&self) -> Duration {
        PATIENCE
    }
}

impl<A: ServerApp + Send + Sync + 'static> App for A {
    fn serve(self: Arc<Self>, stream: Stream, shutdown: ShutdownWatch) -> Work<'static> {
        Box::pin(async move {
            let mut next = Some(stream);
            while let Some(stream) = next {
                next = self.process_new(stream, &shutdown).await;
            }
        })
    }

    fn cleanup(&self) -> Work<'_> {
        Box::pin(ServerApp::cleanup(self))
    }
}

/// One address to listen on.
#[derive(Clone)]
pub struct ListenConfig {
    /// `host:port`; an empty or unspecified host means all addresses of both families.
    pub address: String,
    /// Certificates and versions; `None` listens without TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who is asked for a certificate, over TLS.
    pub asking: Option<Arc<Asking>>,
    /// What answers.
    pub app: Arc<dyn App>,
}

/// How connections of one socket are served; swapped for later connections on a reload.
pub struct Endpoint {
    app: Arc<dyn App>,
    tls: Option<Acceptor>,
    asking: Option<Arc<Asking>>,
    connections: Arc<AtomicI64>,
}

impl Endpoint {
    /// Serves with `app`, over TLS if there is a configuration for it. `connections` counts the open ones.
    pub fn new(app: Arc<dyn App>, tls: Option<Arc<ServerConfig>>, connections: Arc<AtomicI64>) -> Self {
        Self { app, tls: tls.map(Acceptor::from_server_config), asking: None, connections }
    }

    /// Asks clients for certificates.
    pub fn asking(mut self, asking: Option<Arc<Asking>>) -> Self {
        self.asking = asking;
        self
    }
}

/// All listening sockets of the process.
///
/// Between [`bind`](Self::bind) and [`start`](Self::start) the kernel queues connections. Calls of `inherit`, `start`,
/// `apply` and `stop` are made one after the other (by the service and the reload), never at the same time.
#[derive(Default)]
pub struct ListenerSet {
    state: Mutex<State>,
    connections: Arc<AtomicI64>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<String, Open>,
    inherited: BTreeMap<String, TcpListener>,
    runtime: Option<Handle>,
}

struct Open {
    address: SocketAddr,
    endpoint: Arc<ArcSwap<Endpoint>>,
    /// A duplicate for a successor process, never the one that is accepted from.
    copy: TcpListener,
    socket: Socket,
}

enum Socket {
    Waiting(TcpListener),
    Accepting { stop: Arc<watch::Sender<bool>>, task: JoinHandle<()> },
}

impl ListenerSet {
    /// Opens the sockets of `wanted`, before the process forks and without a runtime. What cannot be opened is
    /// returned. Of an address given twice the last counts.
    pub fn bind(wanted: &[ListenConfig]) -> (Self, Vec<Error>) {
        let set = Self::default();
        let faults = set.open(&named(wanted));
        (set, faults)
    }

    /// Connections open now, those of closed sockets and those still in their TLS handshake included.
    pub fn connections(&self) -> &Arc<AtomicI64> {
        &self.connections
    }

    /// The addresses that are listened on, with the port that the kernel chose for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.state().open.values().map(|open| open.address).collect()
    }

    /// The address that a configured one became, with the port that the kernel chose for port 0.
    pub fn address(&self, configured: &str) -> Option<SocketAddr> {
        self.state().open.get(&sockets::name(configured)).map(|open| open.address)
    }

    /// Takes the sockets of the process before this one: whatever is opened later is taken from there if it is
    /// among them.
    pub fn inherit(&self, sockets: Vec<Named>) {
        self.state().inherited.extend(sockets);
    }

    /// Closes what was inherited and nobody wanted; returns the names.
    pub fn disinherit(&self) -> Vec<String> {
        std::mem::take(&mut self.state().inherited).into_keys().collect()
    }

    /// Duplicates of every open socket, for a successor.
    pub fn copies(&self) -> Result<Vec<Named>> {
        let state = self.state();
        let copies = state.open.iter().map(|(name, open)| {
            let copy = open.copy.try_clone().map_err(fault_of(name))?;
            Ok((name.clone(), copy))
        });
        copies.collect()
    }

    /// Begins to accept, on the current tokio runtime.
    pub fn start(&self) -> Vec<Error> {
        let runtime = Handle::current();
        let mut state = self.state();
        let waiting = std::mem::take(&mut state.open);
        let mut faults = Vec::new();
        for (name, open) in waiting {
            match open.accept(&name, &runtime) {
                Ok(open) => drop(state.open.insert(name, open)),
                Err(fault) => faults.push(fault),
            }
        }
        state.runtime = Some(runtime);
        faults
    }

    /// Makes the open sockets those of `wanted`: closes the ones that are gone, opens new ones, serves later
    /// connections of the others as `wanted` says. Connections of a closed socket end after their current request.
    /// What cannot be opened is returned and does not stop the others.
    pub async fn apply(&self, wanted: &[ListenConfig]) -> Vec<Error> {
        let wanted = named(wanted);
        let gone = self.close(|name| !wanted.contains_key(name));
        finished(gone).await;
        self.open(&wanted)
    }

    /// Closes every socket and lets connections end: after their next request at the latest, idle ones once
    /// `patience` is over. Until then the request that such a client may just be sending is served.
    /// [`connections`](Self::connections) tells when the others have ended.
    pub async fn stop(&self, patience: Duration) {
        let closed = self.close(|_| true);
        let mut apps: Vec<Arc<dyn App>> =
            closed.iter().map(|open| open.endpoint.load().app.clone()).collect();
        finished(closed).await;
        let deadline = Instant::now() + patience;
        while self.connections.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        apps.sort_by_key(|app| Arc::as_ptr(app).addr());
        apps.dedup_by(|one, other| Arc::ptr_eq(one, other));
        for app in apps {
            app.cleanup().await;
        }
    }

    fn close(&self, gone: impl Fn(&str) -> bool) -> Vec<Open> {
        let mut state = self.state();
        let (closed, open) = std::mem::take(&mut state.open).into_iter().partition(|(name, _)| gone(name));
        state.open = open;
        let closed: BTreeMap<String, Open> = closed;
        closed.into_values().collect()
    }

    fn open(&self, wanted: &BTreeMap<String, ListenConfig>) -> Vec<Error> {
        let mut state = self.state();
        let mut faults = Vec::new();
        for (name, config) in wanted {
            let endpoint = Endpoint::new(config.app.clone(), config.tls.clone(), self.connections.clone())
                .asking(config.asking.clone());
            if let Some(open) = state.open.get(name) {
                open.endpoint.store(Arc::new(endpoint));
                continue;
            }
            let inherited = state.inherited.remove(name);
            match Open::new(name, config, endpoint, inherited, state.runtime.as_ref()) {
                Ok(open) => drop(state.open.insert(name.clone(), open)),
                Err(fault) => faults.push(fault),
            }
        }
        faults
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn new(
        name: &str,
        config: &ListenConfig,
        endpoint: Endpoint,
        inherited: Option<TcpListener>,
        runtime: Option<&Handle>,
    ) -> Result<Self> {
        let socket = inherited.map_or_else(|| sockets::open(&config.address), Ok)?;
        let address = socket.local_addr().map_err(fault_of(name))?;
        let copy = socket.try_clone().map_err(fault_of(name))?;
        let endpoint = Arc::new(ArcSwap::from_pointee(endpoint));
        let open = Self { address, endpoint, copy, socket: Socket::Waiting(socket) };
        match runtime {
            Some(runtime) => open.accept(name, runtime),
            None => Ok(open),
        }
    }

    fn accept(self, name: &str, runtime: &Handle) -> Result<Self> {
        let Socket::Waiting(socket) = self.socket else { return Ok(self) };
        let _inside = runtime.enter();
        let socket = tokio::net::TcpListener::from_std(socket).map_err(fault_of(name))?;
        let stop = Arc::new(watch::Sender::new(false));
        let task = runtime.spawn(accept::accept(socket, self.endpoint.clone(), stop.clone()));
        tracing::info!(address = %self.address, "listening");
        Ok(Self { socket: Socket::Accepting { stop, task }, ..self })
    }
}

fn fault_of(name: &str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { what: format!("cannot accept on {name}"), source }
}

fn named(wanted: &[ListenConfig]) -> BTreeMap<String, ListenConfig> {
    wanted.iter().map(|config| (sockets::name(&config.address), config.clone())).collect()
}

/// Waits until the sockets are closed, so that their addresses can be bound again.
async fn finished(closed: Vec<Open>) {
    for Open { address, copy, socket, .. } in closed {
        // First, so that what the kernel has queued is served when the accept loop closes the last one.
        drop(copy);
        if let Socket::Accepting { stop, task } = socket {
            stop.send_replace(true);
            if let Err(error) = task.await {
                tracing::error!(%address, %error, "accept loop broke");
            }
        }
    }
}
