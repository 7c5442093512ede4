//! One request through an API that is not live: `POST /tyk/debug`.
//!
//! The API gets a gateway of its own, with the store, the policies and the hooks of this one, and one connection to
//! it inside the process. So what answers is what would answer, auth and limits included. Its requests are counted and
//! recorded nowhere.

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use pingora_core::server::configuration::ServerConf;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{
    Gateway, Health, Reloads,
    control::NoControl,
    listen::{self, App},
    listeners, loader,
    templates::Templates,
};
use crate::{
    chain::{ListenPath, Route, Router, RouterOptions, Services, Snapshot},
    definition::{ApiDefinition, Source},
    error::{Error, Problem, Result},
    metrics::Metrics,
};

/// Upstream connections that a trial keeps: it has use for one.
const POOL: usize = 1;
/// What a trial may take beyond the time that its upstream has.
const SLACK: Duration = Duration::from_secs(30);

/// Why a trial gave no answer.
#[derive(Debug)]
pub enum TrialFault {
    /// The API cannot be served.
    Definition(Vec<Problem>),
    /// It can, and something broke.
    Run(Error),
}

impl Gateway {
    /// The answer of an API to a request in wire form, which has to ask for the connection's end. The request need
    /// not be for the API's listen path: the API is asked whatever it is.
    ///
    /// # Errors
    /// The definition cannot be served, or there was no answer in time.
    pub async fn try_api(
        self: &Arc<Self>,
        definition: ApiDefinition,
        oas: Option<Arc<str>>,
        request: &[u8],
    ) -> Result<Vec<u8>, TrialFault> {
        let gateway = self.clone();
        // Compiling may read files and open libraries: not on a thread that serves requests.
        let aside = tokio::task::spawn_blocking(move || gateway.aside(definition, oas)).await;
        let aside = aside.map_err(|error| TrialFault::Run(Error::Internal(error.into())))??;
        let limit = self.config.proxy_timeout() + SLACK;
        let failed = |source| TrialFault::Run(Error::Io { what: "trying an API".to_owned(), source });
        match tokio::time::timeout(limit, exchange(aside, request)).await {
            Ok(answer) => answer.map_err(failed),
            Err(_) => Err(failed(io::ErrorKind::TimedOut.into())),
        }
    }

    /// A gateway with this API alone.
    fn aside(&self, definition: ApiDefinition, oas: Option<Arc<str>>) -> Result<Arc<Self>, TrialFault> {
        let source = Source::unfiled(definition, oas, "the request").map_err(TrialFault::Definition)?;
        let metrics = Metrics::new(true).map_err(TrialFault::Run)?;
        let services = Services { metrics: metrics.clone(), ..self.services.clone() };
        let broken = |problem| TrialFault::Definition(vec![problem]);
        let api =
            loader::compile(&source, &source.definition.proxy.listen_path, &services).map_err(broken)?;
        let everything =
            ListenPath::compile("/").map_err(|error| TrialFault::Run(Error::Internal(error.into())))?;
        let route = Route {
            api_id: source.definition.api_id.clone(),
            listen_path: everything,
            domain: String::new(),
            port: 0,
            internal: false,
            value: api.clone(),
        };
        let (router, problems) = Router::new(vec![route], &RouterOptions::default());
        if !problems.is_empty() {
            return Err(TrialFault::Definition(problems));
        }
        let policies = self.snapshot().policies.clone();
        let snapshot = Snapshot::new(services.clone(), policies, router, vec![api]);
        Ok(Arc::new(Self {
            config: self.config.clone(),
            unmatched: metrics.api(""),
            metrics,
            health: Health::default(),
            reloads: Reloads::new().0,
            services,
            live: ArcSwap::from_pointee(snapshot),
            sources: ArcSwap::default(),
            templates: Templates::load(&self.config.template_path, &mut Vec::new()),
            records: None,
            access_log: None,
            stores: Vec::new(),
            control: Arc::new(NoControl),
            control_clients: None,
            sockets: OnceLock::new(),
            port: AtomicU16::new(0),
            found: ArcSwap::default(),
        }))
    }
}

/// Sends the request over a connection that nobody else can have, and takes what comes until its end.
async fn exchange(gateway: Arc<Gateway>, request: &[u8]) -> io::Result<Vec<u8>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    gateway.port.store(listener.local_addr()?.port(), Ordering::Relaxed);
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let (socket, peer) = loop {
        let (socket, peer) = listener.accept().await?;
        if peer == client.local_addr()? {
            break (socket, peer);
        }
    };
    drop(listener);
    client.write_all(request).await?;
    let conf = Arc::new(ServerConf { upstream_keepalive_pool_size: POOL, ..ServerConf::default() });
    let app = listeners::proxy(&gateway, &conf);
    let stream = listen::plain(socket, peer, app.head_timeout()).await?;
    let most = gateway.config.pinhook.max_buffered_body;
    let (_running, shutdown) = watch::channel(false);
    let mut answer = Vec::new();
    let mut from = client.take(most);
    let (read, ()) = tokio::join!(from.read_to_end(&mut answer), app.serve(stream, shutdown));
    read.map(|_| answer)
}
