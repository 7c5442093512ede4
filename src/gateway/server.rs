//! The life of the process: bind, fork, load, serve, drain, exit.

use std::{
    env, fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use async_trait::async_trait;
use pingora_core::{
    server::{
        ListenFds, RunArgs, Server, ShutdownWatch,
        configuration::{Opt, ServerConf},
    },
    services::Service,
};
use tokio::sync::watch;

use super::{
    Gateway, Sockets, access_log, cluster,
    control::{ControlApi, NoControl},
    descriptors,
    drain::Drain,
    health,
    listen::{ListenConfig, ListenerSet},
    listeners, reload, reloads,
    upgrade::{self, CommandLine, Handover, Upgrade},
};
use crate::{
    analytics::{Flusher, Worker},
    auth::oauth,
    config,
    error::{Error, Problem, Result, Severity},
    event,
};

/// How the process is started.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Go into the background.
    pub daemon: bool,
    /// Take the sockets of a running process instead of opening them.
    pub upgrade: Option<Upgrade>,
    /// What SIGUSR2 starts.
    pub successor: CommandLine,
}

/// Runs the gateway until a signal ends it.
///
/// # Errors
/// What keeps it from starting: a port in use, a certificate that cannot be read, a sink that cannot be opened, no
/// process to take over from.
pub fn run(loaded: config::Loaded, options: RunOptions, control: Arc<dyn ControlApi>) -> Result<()> {
    descriptors::raise();
    let conf = server_conf(&loaded.config, options.daemon);
    let bound = Bound::new(loaded.config, control, options.daemon, options.upgrade)?;
    let (fail, failure) = watch::channel(false);
    let fault = Arc::new(Mutex::new(None));
    let handover = Handover { path: bound.gateway.config.upgrade_socket(), command: options.successor };
    let drain = bound.drain(handover, failure);
    let opt = Opt { daemon: options.daemon, ..Opt::default() };
    let launcher_pid_file = conf.daemon.then(|| PathBuf::from(&conf.pid_file));
    let threads = conf.threads;
    let mut server = Server::new_with_opt_and_conf(opt, conf);
    server.bootstrap();
    let service =
        GatewayService { bound: Some(bound), launcher_pid_file, threads, fail, fault: fault.clone() };
    server.add_service(service);
    server.run(RunArgs { shutdown_signal: Box::new(drain) });
    let fault = fault.lock().unwrap_or_else(PoisonError::into_inner).take();
    fault.map_or(Ok(()), Err)
}

/// A gateway with its own sockets open, not yet accepting; after an upgrade began, without any.
struct Bound {
    gateway: Arc<Gateway>,
    background: Background,
    set: Arc<ListenerSet>,
    /// The sockets to take over, and from whom.
    upgrade: Option<(Upgrade, Sockets)>,
}

impl Bound {
    fn new(
        config: config::Config,
        control: Arc<dyn ControlApi>,
        daemon: bool,
        upgrade: Option<Upgrade>,
    ) -> Result<Self> {
        let conf = Arc::new(server_conf(&config, daemon));
        let mut problems = Vec::new();
        let (gateway, background) = Gateway::new(Arc::new(config), control, &mut problems)?;
        gateway.serve_hooks();
        let proxy = listeners::proxy(&gateway, &conf);
        let (own, tls) = listeners::own(&gateway, &proxy, &mut problems);
        if let Some(fatal) = problems.iter().find(|problem| problem.severity == Severity::Error) {
            return Err(Error::Input(fatal.clone()));
        }
        for problem in &problems {
            tracing::warn!("{problem}");
        }
        let set = if upgrade.is_some() { ListenerSet::default() } else { bind(&own)? };
        if let Some(address) = own.first().and_then(|own| set.address(&own.address)) {
            gateway.port.store(address.port(), Ordering::Relaxed);
        }
        let set = Arc::new(set);
        let sockets = Sockets { set: set.clone(), own, tls, proxy };
        let upgrade = match upgrade {
            Some(upgrade) => Some((upgrade, sockets)),
            None => {
                // It is empty: sockets come either from here or from `upgrade`, once per gateway.
                let _ = gateway.sockets.set(sockets);
                None
            }
        };
        Ok(Self { gateway, background, set, upgrade })
    }

    fn drain(&self, handover: Handover, failure: watch::Receiver<bool>) -> Drain {
        Drain {
            gateway: self.gateway.clone(),
            set: self.set.clone(),
            flusher: self.background.flusher.clone(),
            events: self.background.events.1.clone(),
            access_log: self.background.access_log.as_ref().map(|(_, flusher)| flusher.clone()),
            handover,
            failure,
        }
    }

    /// Loads the definitions, begins to accept, and starts what runs beside the requests.
    async fn begin(self) -> Result<()> {
        let Self { gateway, background, set, upgrade } = self;
        let Background { worker, access_log, reloads, events, .. } = background;
        tokio::spawn(events.0.run());
        if let Some(worker) = worker {
            tokio::spawn(worker.run());
        }
        if let Some((writer, _)) = access_log {
            tokio::spawn(writer.run(tokio::io::stderr()));
        }
        tokio::spawn(gateway.services.sessions.clone().tend());
        tokio::spawn(oauth::tend(gateway.services.clone()));
        health::await_store(&gateway).await;
        cluster::start(&gateway);
        reload::run(&gateway).await;
        match upgrade {
            Some((upgrade, sockets)) => {
                for problem in upgrade::take_over(&gateway, &upgrade, sockets).await? {
                    tracing::error!("{problem}");
                }
            }
            None => {
                for fault in set.start() {
                    tracing::error!(error = fault.chain(), "no listener");
                }
            }
        }
        tokio::spawn(reloads::serve(gateway.clone(), reloads));
        tokio::spawn(async move { health::watch(&gateway).await });
        Ok(())
    }
}

fn bind(own: &[ListenConfig]) -> Result<ListenerSet> {
    let (set, mut faults) = ListenerSet::bind(own);
    if faults.is_empty() { Ok(set) } else { Err(faults.swap_remove(0)) }
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
    let bound = Bound::new(config, control, false, None)?;
    let drain = bound.drain(Handover::default(), watch::channel(false).1);
    let gateway = bound.gateway.clone();
    bound.begin().await?;
    Ok(Running { gateway, drain })
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

/// Every problem that a start would find, without serving: sockets are not opened, Redis is not called.
///
/// # Errors
/// A store or a sink that cannot work as configured.
pub fn check(config: config::Config) -> Result<Vec<Problem>> {
    let conf = Arc::new(server_conf(&config, false));
    let mut problems = Vec::new();
    let (gateway, _) = Gateway::new(Arc::new(config), Arc::new(NoControl), &mut problems)?;
    listeners::own(&gateway, &listeners::proxy(&gateway, &conf), &mut problems);
    problems.extend(reload::load(&gateway).1.problems);
    Ok(problems)
}

fn server_conf(config: &config::Config, daemon: bool) -> ServerConf {
    ServerConf {
        daemon,
        threads: config.pinhook.threads,
        pid_file: launcher_pid_file(&config.pid_file_location),
        // Paths of the configuration stay relative to where the process was started.
        working_directory: env::current_dir().ok(),
        // Per thread, of a pool that all threads share.
        upstream_keepalive_pool_size: config.upstream_pool().div_ceil(config.pinhook.threads.max(1)),
        // Draining is ours, see `Drain`: pingora would sleep through its own grace period, busy or idle.
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    }
}

/// pingora's daemon writes its pid when it forks and cannot be told not to. During an upgrade the real file has to
/// name the process that serves, so this one is only in passing, see `GatewayService`.
fn launcher_pid_file(real: &str) -> String {
    let real = if real.is_empty() { env::temp_dir().join("pinhook") } else { PathBuf::from(real) };
    format!("{}.{}.launching", real.display(), std::process::id())
}

/// What runs beside the requests, on the runtime of the service.
pub(super) struct Background {
    pub(super) worker: Option<Worker>,
    pub(super) flusher: Option<Flusher>,
    pub(super) access_log: Option<(access_log::Writer, access_log::Flusher)>,
    pub(super) reloads: reloads::Queue,
    pub(super) events: (event::Worker, event::Flusher),
}

/// The one service of the process: loads, then listens.
struct GatewayService {
    bound: Option<Bound>,
    launcher_pid_file: Option<PathBuf>,
    threads: usize,
    fail: watch::Sender<bool>,
    fault: Arc<Mutex<Option<Error>>>,
}

#[async_trait]
impl Service for GatewayService {
    async fn start_service(&mut self, _fds: Option<ListenFds>, mut shutdown: ShutdownWatch, _per_fd: usize) {
        if let Some(file) = self.launcher_pid_file.take() {
            // Nobody reads it.
            let _ = fs::remove_file(file);
        }
        if let Some(bound) = self.bound.take() {
            let gateway = bound.gateway.clone();
            match bound.begin().await {
                Ok(()) => write_pid(&gateway.config.pid_file_location),
                Err(error) => {
                    *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    self.fail.send_replace(true);
                }
            }
        }
        // Fails only when the server is gone.
        let _ = shutdown.wait_for(|now| *now).await;
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
