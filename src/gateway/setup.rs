//! From the configuration to the parts of a gateway: drivers, resolver, store, analytics.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwap;

use super::{
    Gateway, Health, control::ControlApi,
    reload::Reloads,
    server::Background,
    templates::Templates,
};
use crate::{
    analytics::{self, Analytics, NormaliseConfig},
    chain::{Router, Services, Snapshot},
    config::{self, Config, SinkKind, Storage, StorageKind},
    error::{Problem, Result},
    hook::{Hooks, drivers::DriverSettings},
    metrics::Metrics,
    store::{RedisConfig, RedisStore, Store},
    upstream::Resolver,
};

/// How long a resolved name counts unless `dns_cache` says otherwise.
const NAME_TTL: Duration = Duration::from_secs(10);

impl Gateway {
    /// A gateway without APIs: they come with the first load. Nothing is started and no thread is made, so the
    /// process may still fork.
    ///
    /// # Errors
    /// A store or a sink that cannot work as configured.
    pub(super) fn new(config: Arc<Config>, control: Arc<dyn ControlApi>) -> Result<(Arc<Self>, Background)> {
        let metrics = Metrics::new(true)?;
        let mut problems = Vec::new();
        let store = store(&config.storage)?;
        let analytics = analytics(&config, store.clone(), &metrics, &mut problems)?;
        let templates = Templates::load(&config.template_path, &mut problems);
        for problem in &problems {
            tracing::warn!("{problem}");
        }
        let services = Services {
            hooks: Arc::new(Hooks::start(&DriverSettings {
                hook_threads: config.pinhook.hook_threads,
                timeout: config.pinhook.plugin_timeout(),
                metrics: metrics.clone(),
            })),
            resolver: Arc::new(Resolver::new(name_ttl(&config))),
            metrics: metrics.clone(),
            config: config.clone(),
            environment: config::variable,
        };
        let empty = Snapshot::new(services.clone(), Router::empty(), Vec::new());
        let (reloads, queue) = Reloads::new();
        let (records, worker, flusher) = match analytics {
            Some(Analytics { records, worker, flusher }) => (Some(records), Some(worker), Some(flusher)),
            None => (None, None, None),
        };
        let gateway = Arc::new(Self {
            unmatched: metrics.api(""),
            config,
            metrics,
            health: Health::default(),
            reloads,
            services,
            live: ArcSwap::from_pointee(empty),
            templates,
            records,
            store,
            control,
            sockets: OnceLock::new(),
        });
        Ok((gateway, Background { worker, flusher, reloads: queue }))
    }
}

fn name_ttl(config: &Config) -> Duration {
    let cache = &config.dns_cache;
    if !cache.enabled {
        return NAME_TTL;
    }
    // Below zero means for ever.
    u64::try_from(cache.ttl).map_or(Duration::MAX, Duration::from_secs)
}

fn store(storage: &Storage) -> Result<Option<Arc<dyn Store>>> {
    if storage.kind != StorageKind::Redis {
        return Ok(None);
    }
    Ok(Some(Arc::new(RedisStore::new(&redis_config(storage))?)))
}

fn redis_config(storage: &Storage) -> RedisConfig {
    let addresses = if storage.addrs.is_empty() {
        vec![format!("{}:{}", storage.host, storage.port)]
    } else {
        storage.addrs.clone()
    };
    RedisConfig {
        addresses,
        username: storage.username.clone(),
        password: String::from(&*storage.password),
        database: storage.database,
        timeout: storage.timeout(),
        cluster: storage.enable_cluster,
        sentinel_master: storage.master_name.clone(),
        tls: storage.use_ssl,
    }
}

fn analytics(
    config: &Config,
    store: Option<Arc<dyn Store>>,
    metrics: &Arc<Metrics>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Analytics>> {
    if !config.enable_analytics {
        return Ok(None);
    }
    let store = if config.enable_separate_analytics_store {
        self::store(&config.analytics_storage)?
    } else {
        store
    };
    let settings = analytics_settings(config);
    problems.extend(settings.problems("gateway config"));
    analytics::open(&settings, store, metrics)
}

fn analytics_settings(config: &Config) -> analytics::Settings {
    let own = &config.pinhook.analytics;
    let peer = &config.analytics_config;
    let sink = match own.sink {
        SinkKind::Redis => "redis",
        SinkKind::File => "file",
        SinkKind::Stdout | SinkKind::Unset => "stdout",
        SinkKind::None => "none",
    };
    let urls = &peer.normalise_urls;
    let node = &config.db_app_conf_options;
    analytics::Settings {
        sink: sink.to_owned(),
        file: own.path.clone().into(),
        queue_size: usize::try_from(peer.records_buffer_size).unwrap_or(usize::MAX),
        list_expiry: u64::try_from(peer.storage_expiration_time).ok().map(Duration::from_secs),
        multiple_lists: peer.enable_multiple_analytics_keys,
        serializer: peer.serializer_type.clone(),
        hash_keys: config.hash_keys,
        ignored_ips: peer.ignored_ips.clone(),
        normalise: urls.enabled.then(|| NormaliseConfig {
            uuids: urls.normalise_uuids,
            ulids: urls.normalise_ulids,
            numbers: urls.normalise_numbers,
            custom_patterns: urls.custom_patterns.clone(),
        }),
        node_tags: if node.node_is_segmented { node.tags.clone() } else { Vec::new() },
        ..analytics::Settings::default()
    }
}
