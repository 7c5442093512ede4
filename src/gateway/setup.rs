//! From the configuration to the parts of a gateway: drivers, resolver, store, analytics.

use std::{
    io::{self, IsTerminal},
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwap;

use super::{
    Gateway, Health, access_log, client_certificates, control::ControlApi, health, reloads::Reloads,
    server::Background, templates::Templates,
};
use crate::{
    analytics::{self, Analytics},
    certificate::Vault,
    chain::{Messages, Router, Services, Snapshot},
    cluster::{Members, Notices},
    config::{self, Config, Storage, StorageKind},
    error::{Problem, Result},
    event::{self, Monitor},
    hook::{Hooks, Host, bundle::Bundles, drivers::DriverSettings},
    limit::Limiter,
    metrics::Metrics,
    session::Sessions,
    store::{MemoryStore, RedisStore, Responses, Store, redis_problems},
    upstream::{Client, Resolver},
};

/// Whose problems these are.
const PLACE: &str = "gateway config";
/// How long a resolved name counts unless `dns_cache` says otherwise.
const NAME_TTL: Duration = Duration::from_secs(10);

impl Gateway {
    /// A gateway without APIs: they come with the first load. Nothing is started and no thread is made, so the
    /// process may still fork.
    ///
    /// `problems` takes what works, but not as the configuration's author may think.
    ///
    /// # Errors
    /// A store or a sink that cannot work as configured.
    pub(super) fn new(
        config: Arc<Config>,
        control: Arc<dyn ControlApi>,
        problems: &mut Vec<Problem>,
    ) -> Result<(Arc<Self>, Background)> {
        let metrics = Metrics::new(true)?;
        let store = open(&config.storage, "storage", problems)?;
        let cached =
            open_apart(config.enable_separate_cache_store, &config.cache_storage, "cache_storage", problems)?;
        let records = config.enable_analytics && config.enable_separate_analytics_store;
        let records = open_apart(records, &config.analytics_storage, "analytics_storage", problems)?;
        let analytics = analytics(&config, records.as_ref().or(store.as_ref()), &metrics, problems)?;
        let stores = [(health::MAIN, &store), ("cache_storage", &cached), ("analytics_storage", &records)];
        let stores = stores.into_iter().filter_map(|(name, store)| Some((name, store.clone()?))).collect();
        let cache = cached.or_else(|| store.clone()).map_or_else(Responses::own, Responses::shared);
        let shared = store.unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let templates = Templates::load(&config.template_path, problems);
        let (services, events) = services(&config, shared, cache, &metrics, problems);
        let empty = Snapshot::new(services.clone(), Arc::default(), Router::empty(), Vec::new());
        let (reloads, queue) = Reloads::new();
        let (records, worker, flusher) = match analytics {
            Some(Analytics { records, worker, flusher }) => (Some(records), Some(worker), Some(flusher)),
            None => (None, None, None),
        };
        let json = config.log_format.is_json(io::stderr().is_terminal());
        let (access_log, writer) = match access_log::open(&config, json, &metrics, problems) {
            Some((log, writer, flusher)) => (Some(log), Some((writer, flusher))),
            None => (None, None),
        };
        let control_clients = client_certificates::control_clients(&config, problems);
        let port = config.listen_port.into();
        let gateway = Arc::new(Self {
            unmatched: metrics.api(""),
            config,
            metrics,
            health: Health::default(),
            reloads,
            services,
            live: ArcSwap::from_pointee(empty),
            sources: ArcSwap::default(),
            templates,
            records,
            access_log,
            stores,
            control,
            control_clients,
            sockets: OnceLock::new(),
            port,
            found: ArcSwap::default(),
        });
        let background = Background { worker, flusher, access_log: writer, reloads: queue, events };
        Ok((gateway, background))
    }
}

/// The handles that every API shares, and the other end of the queue of events.
fn services(
    config: &Arc<Config>,
    shared: Arc<dyn Store>,
    cache: Responses,
    metrics: &Arc<Metrics>,
    problems: &mut Vec<Problem>,
) -> (Services, (event::Worker, event::Flusher)) {
    let client: Arc<Client> = Arc::default();
    let members = Arc::new(Members::new(config));
    let host = Arc::new(Host::new(client.clone(), shared.clone(), config.pinhook.buffered_body()));
    let hooks = Arc::new(Hooks::start(&DriverSettings::new(config, host.clone()).counted_by(metrics)));
    let (maker, worker, flusher) =
        event::open(client.clone(), shared.clone(), metrics.clone(), hooks.clone(), &config.template_path);
    let services = Services {
        hooks,
        host,
        bundles: Arc::new(Bundles::new(config, client.clone())),
        resolver: Arc::new(Resolver::new(name_ttl(config))),
        client,
        notices: Arc::new(Notices::new(config, shared.clone(), problems)),
        limiter: Arc::new(Limiter::new(config, shared.clone(), members.clone())),
        members,
        certificates: Arc::new(Vault::new(config, shared.clone())),
        key_sets: Arc::default(),
        events: Arc::new(event::compile_gateway(&config.event_handlers.events, &maker, PLACE, problems)),
        monitor: Arc::new(Monitor::new(&config.monitor, &maker, PLACE, problems)),
        event_maker: Arc::new(maker),
        sessions: Arc::new(Sessions::new(config, shared.clone())),
        cache: Arc::new(cache),
        store: shared,
        messages: Arc::new(messages(config, problems)),
        metrics: metrics.clone(),
        config: config.clone(),
        environment: config::variable,
    };
    (services, (worker, flusher))
}

/// Tyk 5.14 has `override_messages` without effect (recorded), so they need a switch of ours.
fn messages(config: &Config, problems: &mut Vec<Problem>) -> Messages {
    if config.pinhook.override_messages || config.override_messages.is_empty() {
        return Messages::new(&config.override_messages, PLACE, problems);
    }
    let message = "without effect, as in Tyk 5.14, which loses them while it starts";
    let problem = Problem::warning(PLACE, "override_messages", message);
    problems.push(problem.hint("set pinhook.override_messages to true"));
    Messages::default()
}

fn name_ttl(config: &Config) -> Duration {
    let cache = &config.dns_cache;
    if !cache.enabled {
        return NAME_TTL;
    }
    // Below zero means for ever.
    u64::try_from(cache.ttl).map_or(Duration::MAX, Duration::from_secs)
}

fn open(storage: &Storage, path: &str, problems: &mut Vec<Problem>) -> Result<Option<Arc<dyn Store>>> {
    if storage.kind != StorageKind::Redis {
        return Ok(None);
    }
    problems.extend(redis_problems(storage, "gateway config", path));
    Ok(Some(Arc::new(RedisStore::new(storage)?)))
}

/// A store that may be told apart from the main one.
fn open_apart(
    apart: bool,
    storage: &Storage,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Result<Option<Arc<dyn Store>>> {
    if apart && storage.kind != StorageKind::Redis {
        let message = "is not of type redis: `storage` is used in its place";
        problems.push(Problem::warning("gateway config", path, message));
    }
    if apart { open(storage, path, problems) } else { Ok(None) }
}

fn analytics(
    config: &Config,
    store: Option<&Arc<dyn Store>>,
    metrics: &Arc<Metrics>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Analytics>> {
    if !config.enable_analytics {
        return Ok(None);
    }
    problems.extend(analytics::problems(config, "gateway config"));
    analytics::open(&analytics::Settings::new(config), store.cloned(), metrics)
}
