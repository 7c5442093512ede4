//! The life of the process: bind, fork, load, serve, drain, exit.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use pingora_core::{
    server::{
        ListenFds, RunArgs, Server, ShutdownSignal, ShutdownSignalWatch, ShutdownWatch,
        configuration::{Opt, ServerConf},
    },
    services::Service,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};

use super::{
    Gateway, Sockets,
    control::{ControlApi, NoControl},
    health,
    listen::{ListenConfig, ListenService, ListenerSet},
    listeners, reload,
};
use crate::{
    analytics::{Flusher, Worker},
    config,
    error::{Error, Problem, Result, Severity},
};

/// How long the flush of analytics may hold up the exit.
const FLUSH: Duration = Duration::from_secs(5);

/// How the process is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions {
    /// Go into the background.
    pub daemon: bool,
}

/// Runs the gateway until a signal ends it.
///
/// # Errors
/// What keeps it from starting: a port in use, a certificate that cannot be read, a sink that cannot be opened.
pub fn run(loaded: config::Loaded, options: RunOptions, control: Arc<dyn ControlApi>) -> Result<()> {
    let conf = server_conf(&loaded.config, options);
    let threads = conf.threads;
    let bound = Bound::new(loaded.config, conf, control)?;
    let drain = bound.drain();
    let opt = Opt { daemon: options.daemon, ..Opt::default() };
    let mut server = Server::new_with_opt_and_conf(opt, server_conf(&bound.gateway.config, options));
    server.bootstrap();
    server.add_service(GatewayService {
        gateway: bound.gateway,
        background: Some(bound.background),
        listen: ListenService::new(bound.set, bound.own),
        threads,
    });
    server.run(RunArgs { shutdown_signal: Box::new(drain) });
    Ok(())
}

/// A gateway with its own sockets open, not yet accepting.
struct Bound {
    gateway: Arc<Gateway>,
    background: Background,
    set: Arc<ListenerSet>,
    own: Vec<ListenConfig>,
}

impl Bound {
    fn new(config: config::Config, conf: ServerConf, control: Arc<dyn ControlApi>) -> Result<Self> {
        let conf = Arc::new(conf);
        let mut problems = Vec::new();
        let (gateway, background) = Gateway::new(Arc::new(config), control, &mut problems)?;
        let own = listeners::own(&gateway, &conf, &mut problems);
        if let Some(fatal) = problems.iter().find(|problem| problem.severity == Severity::Error) {
            return Err(Error::Input(fatal.clone()));
        }
        for problem in &problems {
            tracing::warn!("{problem}");
        }
        let (set, mut faults) = ListenerSet::bind(&own);
        if !faults.is_empty() {
            return Err(faults.swap_remove(0));
        }
        let set = Arc::new(set);
        let tls = own.first().and_then(|first| first.tls.clone());
        // It is empty: this is the only place that fills it, once per gateway.
        let _ = gateway.sockets.set(Sockets { set: set.clone(), own: own.clone(), tls, conf });
        Ok(Self { gateway, background, set, own })
    }

    fn drain(&self) -> Drain {
        Drain {
            gateway: self.gateway.clone(),
            set: self.set.clone(),
            flusher: self.background.flusher.clone(),
        }
    }
}

/// A gateway on the current runtime, without signals and without a fork: for tests, and for programs that hold one.
pub struct Running {
    gateway: Arc<Gateway>,
    drain: Drain,
}

/// Starts a gateway on the current runtime. Port 0 listens on any free port.
///
/// # Errors
/// As [`run`].
pub async fn start(config: config::Config, control: Arc<dyn ControlApi>) -> Result<Running> {
    let conf = server_conf(&config, RunOptions::default());
    let bound = Bound::new(config, conf, control)?;
    let drain = bound.drain();
    begin(&bound.gateway, bound.background).await;
    for fault in bound.set.start(None) {
        tracing::error!(error = fault.chain(), "no listener");
    }
    Ok(Running { gateway: bound.gateway, drain })
}

impl Running {
    /// The gateway.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The addresses that are listened on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.drain.set.addresses()
    }

    /// Ends it in order, as SIGTERM ends a process.
    pub async fn stop(&self) {
        self.drain.run().await;
    }
}

/// Starts what runs beside the requests, and loads the definitions.
async fn begin(gateway: &Arc<Gateway>, background: Background) {
    let Background { worker, reloads, .. } = background;
    if let Some(worker) = worker {
        tokio::spawn(worker.run());
    }
    reload::run(gateway).await;
    tokio::spawn(reload::serve(gateway.clone(), reloads));
    let watched = gateway.clone();
    tokio::spawn(async move { health::watch(&watched).await });
}

/// Every problem that a start would find, without serving: sockets are not opened, Redis is not called.
///
/// # Errors
/// A store or a sink that cannot work as configured.
pub fn check(config: config::Config) -> Result<Vec<Problem>> {
    let conf = Arc::new(server_conf(&config, RunOptions::default()));
    let mut problems = Vec::new();
    let (gateway, _) = Gateway::new(Arc::new(config), Arc::new(NoControl), &mut problems)?;
    listeners::own(&gateway, &conf, &mut problems);
    problems.extend(reload::load(&gateway).1.problems);
    Ok(problems)
}

fn server_conf(config: &config::Config, options: RunOptions) -> ServerConf {
    ServerConf {
        daemon: options.daemon,
        threads: config.pinhook.threads,
        pid_file: config.pid_file_location.clone(),
        // Per thread, of a pool that all threads share.
        upstream_keepalive_pool_size: config.upstream_pool().div_ceil(config.pinhook.threads.max(1)),
        // Draining is ours, see `Drain`: pingora would sleep through its own grace period, busy or idle.
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    }
}

/// What runs beside the requests, on the runtime of the service.
pub(super) struct Background {
    pub(super) worker: Option<Worker>,
    pub(super) flusher: Option<Flusher>,
    pub(super) reloads: reload::Queue,
}

/// The one service of the process: loads, then listens.
struct GatewayService {
    gateway: Arc<Gateway>,
    background: Option<Background>,
    listen: ListenService,
    threads: usize,
}

#[async_trait]
impl Service for GatewayService {
    async fn start_service(&mut self, fds: Option<ListenFds>, shutdown: ShutdownWatch, per_fd: usize) {
        write_pid(&self.gateway.config.pid_file_location);
        if let Some(background) = self.background.take() {
            begin(&self.gateway, background).await;
        }
        tokio::spawn(reload_on_hangup(self.gateway.clone()));
        self.listen.start_service(fds, shutdown, per_fd).await;
    }

    fn name(&self) -> &str {
        "gateway"
    }

    fn threads(&self) -> Option<usize> {
        Some(self.threads)
    }
}

/// Monitoring wants the file; a gateway without it still works, as Tyk's does.
fn write_pid(path: &str) {
    if path.is_empty() {
        return;
    }
    if let Err(error) = fs::write(path, std::process::id().to_string()) {
        let problem = Problem::warning(path, "pid_file_location", format!("cannot be written: {error}"));
        tracing::warn!("{problem}");
    }
}

async fn reload_on_hangup(gateway: Arc<Gateway>) {
    match signal(SignalKind::hangup()) {
        Ok(mut hangups) => {
            while hangups.recv().await.is_some() {
                tracing::info!("SIGHUP: reloading");
                gateway.reloads.request();
            }
        }
        Err(error) => tracing::error!(%error, "SIGHUP cannot be received"),
    }
}

/// Waits for SIGTERM or SIGINT, then ends in order: not ready, optional delay, no new connections, the requests
/// in flight to their end or the timeout, records flushed.
struct Drain {
    gateway: Arc<Gateway>,
    set: Arc<ListenerSet>,
    flusher: Option<Flusher>,
}

#[async_trait]
impl ShutdownSignalWatch for Drain {
    async fn recv(&self) -> ShutdownSignal {
        stop_signal().await;
        self.run().await;
        ShutdownSignal::GracefulTerminate
    }
}

impl Drain {
    async fn run(&self) {
        let config = &self.gateway.config;
        tracing::info!(connections = self.open(), "stopping");
        self.gateway.health.set_stopping();
        sleep(config.shutdown_delay()).await;
        self.set.stop().await;
        let deadline = Instant::now() + config.shutdown_timeout();
        while self.open() > 0 && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
        if let Some(flusher) = &self.flusher {
            flusher.flush(FLUSH).await;
        }
        tracing::info!(cut = self.open(), "stopped");
    }

    fn open(&self) -> i64 {
        self.set.connections().load(std::sync::atomic::Ordering::Relaxed)
    }
}

async fn stop_signal() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (terminate, interrupt) => {
            tracing::error!(
                ?terminate,
                ?interrupt,
                "signals cannot be received; only SIGKILL ends the process"
            );
            std::future::pending::<()>().await;
        }
    }
}
