//! Loading all definitions and swapping them in: everything is compiled aside, then one pointer is stored.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use super::{Gateway, health, listeners, loader};
use crate::{
    chain::{Api, Claim, Route, Router, RouterOptions, Services, Snapshot, resolve_conflicts},
    config::{self, Config},
    definition::{self, ApiDefinition, Broken, Identity, LoadOptions, Loaded, Secrets, Source},
    error::{Problem, Severity},
    session::Policies,
};

/// What a reload did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// APIs that are live now.
    pub live: usize,
    /// All that was found wrong.
    pub problems: Vec<Problem>,
}

/// Loads everything and swaps it in.
pub(super) async fn run(gateway: &Arc<Gateway>) -> Report {
    let started = Instant::now();
    let aside = gateway.clone();
    let first = !gateway.health.loaded();
    // Reading files, compiling and opening libraries block: not on a thread that serves requests.
    let loaded = tokio::task::spawn_blocking(move || load(&aside)).await;
    let report = match loaded {
        Ok((None, report)) => report,
        Ok((Some(snapshot), mut report)) => {
            let snapshot = Arc::new(snapshot);
            listeners::apply(gateway, &snapshot, &mut report.problems).await;
            gateway.publish(snapshot);
            gateway.services.hooks.reloaded();
            report
        }
        Err(error) => {
            let problem = Problem::error("reload", "", format!("broke: {error}; everything stays as it was"));
            Report { live: gateway.snapshot().apis.len(), problems: vec![problem] }
        }
    };
    finish(gateway, &report, started);
    if !first {
        health::look_again(gateway).await;
    }
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
    gateway.found.store(Arc::new(report.problems.clone()));
    tracing::info!(apis = report.live, errors, took_ms = took.as_millis() as u64, "definitions loaded");
}

/// Reads and compiles everything aside. Nothing is to be swapped in where the policies cannot be had: without them
/// keys would mean something else (sessions reference 10.3).
pub(super) fn load(gateway: &Gateway) -> (Option<Snapshot>, Report) {
    let config = &gateway.config;
    let policies = match Policies::load(config) {
        Ok(loaded) => loaded,
        Err(mut problem) => {
            problem.message.push_str("; policies and APIs stay as they are");
            return (None, Report { live: gateway.snapshot().apis.len(), problems: vec![problem] });
        }
    };
    let values =
        config.secrets.iter().map(|(name, secret)| (name.clone(), String::from(&**secret))).collect();
    let file_base = Some(&config.kv.file.base_path).filter(|path| !path.is_empty()).map(PathBuf::from);
    let secrets = Secrets { env: &config::variable, values: &values, file_base };
    let known = gateway.sources.load();
    let options = LoadOptions { secrets, gateway_port: config.listen_port, known: &known };
    let loaded = definition::load_dir(Path::new(&config.app_path), &options);
    let sources = loaded.definitions.iter().map(|source| (source.path.clone(), source.clone()));
    gateway.sources.store(Arc::new(sources.collect()));
    let running = gateway.snapshot();
    let mut problems = policies.problems;
    problems.extend(loaded.all_problems().cloned());
    let candidates = candidates(&running, &loaded, config.pinhook.respect_active);
    let claims = claims(&running, &candidates, &mut problems);
    let apis: Vec<Arc<Api>> = candidates
        .into_iter()
        .zip(claims)
        .enumerate()
        .filter_map(|(number, (candidate, claim))| {
            definition::give_way(number);
            candidate.api(&claim.listen_path, &gateway.services, &mut problems)
        })
        .collect();
    let (router, rejected) = Router::new(apis.iter().map(route).collect(), &router_options(config));
    problems.extend(rejected);
    let report = Report { live: apis.len(), problems };
    let policies = Arc::new(policies.policies);
    (Some(Snapshot::new(gateway.services.clone(), policies, router, apis)), report)
}

/// Something that asks to be served after this load.
enum Candidate<'a> {
    /// A definition that could be read, and its API as it runs now.
    Read(&'a Source, Option<&'a Arc<Api>>),
    /// The last good version of one that could not.
    LastGood(&'a Arc<Api>),
}

fn candidates<'a>(running: &'a Snapshot, loaded: &'a Loaded, respect_active: bool) -> Vec<Candidate<'a>> {
    if loaded.unreadable() {
        return running.apis.iter().map(Candidate::LastGood).collect();
    }
    let old: HashMap<Identity, &Arc<Api>> = running.apis.iter().map(|api| (api.identity(), api)).collect();
    let mut all: Vec<Candidate<'a>> = loaded
        .definitions
        .iter()
        .filter(|source| !respect_active || source.definition.active)
        .map(|source| Candidate::Read(source, old.get(&source.identity()).copied()))
        .collect();
    let read: HashSet<Identity> = loaded.definitions.iter().map(|source| source.identity()).collect();
    let kept = loaded.broken.iter().filter_map(|broken| last_good(running, broken));
    all.extend(kept.filter(|api| !read.contains(&api.identity())).map(Candidate::LastGood));
    all
}

/// What a file that is now broken gave last.
fn last_good<'a>(running: &'a Snapshot, broken: &Broken) -> Option<&'a Arc<Api>> {
    let identity = broken.identity();
    running.apis.iter().find(|api| api.identity() == identity || api.file == broken.path)
}

/// The listen path of each candidate, moved where two ask for the same.
fn claims(running: &Snapshot, candidates: &[Candidate<'_>], problems: &mut Vec<Problem>) -> Vec<Claim> {
    let mut claims: Vec<Claim> = candidates
        .iter()
        .map(|candidate| {
            let definition = candidate.definition();
            Claim {
                api_id: definition.api_id.clone(),
                domain: if definition.domain_disabled { String::new() } else { definition.domain.clone() },
                listen_path: definition.proxy.listen_path.clone(),
            }
        })
        .collect();
    let owned = running
        .apis
        .iter()
        .map(|api| (api.definition.api_id.clone(), api.listen_path.as_str().to_owned()))
        .collect();
    problems.extend(resolve_conflicts(&mut claims, &owned));
    claims
}

impl Candidate<'_> {
    fn definition(&self) -> &ApiDefinition {
        match self {
            Self::Read(source, _) => &source.definition,
            Self::LastGood(api) => &api.definition,
        }
    }

    /// The API to serve: kept where nothing changed, else compiled; where that fails the last good version.
    fn api(self, listen_path: &str, services: &Services, problems: &mut Vec<Problem>) -> Option<Arc<Api>> {
        let (source, last) = match self {
            Self::Read(source, last) => (source, last),
            Self::LastGood(api) => {
                tracing::warn!(api_id = &*api.spec.api_id, "its last good version keeps running");
                return Some(api.clone());
            }
        };
        let same = |api: &&Arc<Api>| {
            api.checksum == source.checksum
                && api.file == source.path
                && api.listen_path.as_str() == listen_path
                && !api.has_hooks()
        };
        if let Some(api) = last.filter(same) {
            problems.extend(api.problems.iter().skip(source.problems.len()).cloned());
            return Some(api.clone());
        }
        match loader::compile(source, listen_path, services) {
            Ok(api) => {
                problems.extend(api.problems.iter().skip(source.problems.len()).cloned());
                // The last good code keeps running. What never was good answers 500.
                match last.filter(|last| api.lacks_hooks() && !last.lacks_hooks()) {
                    Some(last) => {
                        tracing::warn!(api_id = &*last.spec.api_id, "its last good version keeps running");
                        Some(last.clone())
                    }
                    None => Some(api),
                }
            }
            Err(mut problem) => {
                if last.is_some() {
                    problem.message.push_str("; its last good version keeps running");
                }
                problems.push(problem);
                last.cloned()
            }
        }
    }
}

fn route(api: &Arc<Api>) -> Route<Arc<Api>> {
    let definition = &api.definition;
    Route {
        api_id: definition.api_id.clone(),
        listen_path: api.listen_path.clone(),
        domain: if definition.domain_disabled { String::new() } else { definition.domain.clone() },
        port: u16::try_from(definition.listen_port).unwrap_or_default(),
        internal: definition.internal,
        value: api.clone(),
    }
}

fn router_options(config: &Config) -> RouterOptions {
    RouterOptions {
        custom_domains: config.enable_custom_domains,
        strict_routes: config.http_server_options.enable_strict_routes,
        hostname: config.hostname.clone(),
        gateway_port: config.listen_port,
    }
}
