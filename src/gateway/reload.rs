//! Loading all definitions and swapping them in: everything is compiled aside, then one pointer is stored.
//!
//! Requests for a reload that come while one runs share the next one, so no caller waits for a load that began
//! before its own change was on disk.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use tokio::sync::{mpsc, oneshot};

use super::{Gateway, listeners, loader};
use crate::{
    chain::{Api, Route, Router, RouterOptions, Snapshot},
    config,
    definition::{self, Broken, Identity, LoadOptions, Loaded, Secrets},
    error::{Problem, Severity},
};

/// Most callers that wait for a reload; beyond it a request for one is already covered by those queued.
const MOST_WAITING: usize = 1024;

/// The front of the reload queue.
#[derive(Clone)]
pub struct Reloads(mpsc::Sender<oneshot::Sender<Report>>);

/// The other end, run by the server.
pub(super) type Queue = mpsc::Receiver<oneshot::Sender<Report>>;

/// What a reload did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// APIs that are live now.
    pub live: usize,
    /// All that was found wrong.
    pub problems: Vec<Problem>,
}

impl Reloads {
    pub(super) fn new() -> (Self, Queue) {
        let (sender, queue) = mpsc::channel(MOST_WAITING);
        (Self(sender), queue)
    }

    /// Queues a reload and returns at once.
    pub fn request(&self) {
        let (done, _) = oneshot::channel();
        // Full means that many are queued already, and the next reload serves them all.
        let _ = self.0.try_send(done);
    }

    /// Queues a reload and waits for its end. `None` when the gateway is stopping.
    pub async fn wait(&self) -> Option<Report> {
        let (done, report) = oneshot::channel();
        self.0.send(done).await.ok()?;
        report.await.ok()
    }
}

/// Serves the queue until the gateway ends.
pub(super) async fn serve(gateway: Arc<Gateway>, mut queue: Queue) {
    while let Some(first) = queue.recv().await {
        let mut callers = vec![first];
        while let Ok(caller) = queue.try_recv() {
            callers.push(caller);
        }
        let report = run(&gateway).await;
        for caller in callers {
            // A caller that went away does not care.
            let _ = caller.send(report.clone());
        }
    }
}

/// Loads everything and swaps it in.
pub(super) async fn run(gateway: &Arc<Gateway>) -> Report {
    let started = Instant::now();
    let aside = gateway.clone();
    // Reading files, compiling and opening libraries block: not on a thread that serves requests.
    let loaded = tokio::task::spawn_blocking(move || load(&aside)).await;
    let report = match loaded {
        Ok((snapshot, mut report)) => {
            let snapshot = Arc::new(snapshot);
            listeners::apply(gateway, &snapshot, &mut report.problems).await;
            gateway.publish(snapshot);
            report
        }
        Err(error) => {
            let problem = Problem::error("reload", "", format!("broke: {error}; everything stays as it was"));
            Report { live: gateway.snapshot().apis.len(), problems: vec![problem] }
        }
    };
    finish(gateway, &report, started);
    report
}

fn finish(gateway: &Gateway, report: &Report, started: Instant) {
    for problem in &report.problems {
        match problem.severity {
            Severity::Warning => tracing::warn!("{problem}"),
            Severity::Error => tracing::error!("{problem}"),
        }
    }
    let errors = report.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let took = started.elapsed();
    gateway.metrics.config().reloaded(errors == 0, took);
    gateway.metrics.config().problems(&report.problems);
    tracing::info!(apis = report.live, errors, took_ms = took.as_millis() as u64, "definitions loaded");
}

/// Reads and compiles everything aside.
pub(super) fn load(gateway: &Gateway) -> (Snapshot, Report) {
    let config = &gateway.config;
    let values = config.secrets.iter().map(|(name, secret)| (name.clone(), String::from(&**secret))).collect();
    let file_base = Some(&config.kv.file.base_path).filter(|path| !path.is_empty()).map(PathBuf::from);
    let secrets = Secrets { env: &config::variable, values: &values, file_base };
    let options = LoadOptions { secrets, gateway_port: config.listen_port };
    let loaded = definition::load_dir(Path::new(&config.app_path), &options);
    let running = gateway.snapshot();
    let mut problems: Vec<Problem> = loaded.all_problems().cloned().collect();
    let apis = live_apis(gateway, &running, &loaded, &mut problems);
    let routes: Vec<Route<Arc<Api>>> =
        apis.iter().filter(|api| !api.definition.internal).map(|api| route(api)).collect();
    let incumbents = running.router.listen_paths();
    let (router, conflicts) = Router::build(routes, incumbents, &RouterOptions::from(&**config));
    problems.extend(conflicts);
    let report = Report { live: apis.len(), problems };
    (Snapshot::new(gateway.services.clone(), router, apis), report)
}

fn route(api: &Arc<Api>) -> Route<Arc<Api>> {
    let definition = &api.definition;
    Route {
        api_id: definition.api_id.clone(),
        listen_path: definition.proxy.listen_path.clone(),
        domain: definition.domain.clone(),
        domain_disabled: definition.domain_disabled,
        port: u16::try_from(definition.listen_port).unwrap_or_default(),
        value: api.clone(),
    }
}

/// The APIs to serve: new ones compiled, unchanged ones kept, broken ones as they last were.
fn live_apis(
    gateway: &Gateway,
    running: &Snapshot,
    loaded: &Loaded,
    problems: &mut Vec<Problem>,
) -> Vec<Arc<Api>> {
    let old: HashMap<Identity, &Arc<Api>> = running.apis.iter().map(|api| (api.identity(), api)).collect();
    let mut apis = Vec::with_capacity(loaded.definitions.len());
    for source in &loaded.definitions {
        let last = old.get(&source.identity()).copied();
        if let Some(api) = last.filter(|api| api.checksum == source.checksum && !api.has_hooks()) {
            apis.push(api.clone());
            continue;
        }
        match loader::compile(source, &gateway.services) {
            Ok(api) => {
                problems.extend(api.problems.iter().skip(source.problems.len()).cloned());
                apis.push(api);
            }
            Err(problem) => {
                problems.push(keep(problem, last));
                apis.extend(last.cloned());
            }
        }
    }
    let taken: HashSet<Identity> = apis.iter().map(|api| api.identity()).collect();
    for broken in &loaded.broken {
        if let Some(api) = last_good(running, broken).filter(|api| !taken.contains(&api.identity())) {
            tracing::warn!(api_id = &*api.spec.api_id, "its last good version keeps running");
            apis.push(api.clone());
        }
    }
    apis
}

fn keep(problem: Problem, last: Option<&Arc<Api>>) -> Problem {
    match last {
        Some(_) => Problem { message: format!("{}; its last good version keeps running", problem.message), ..problem },
        None => problem,
    }
}

/// What a file that is now broken gave last.
fn last_good<'a>(running: &'a Snapshot, broken: &Broken) -> Option<&'a Arc<Api>> {
    let identity = broken.identity();
    running.apis.iter().find(|api| api.identity() == identity || api.file == broken.path)
}
