//! What the gateway's config says about analytics (analytics reference 1.2).

use std::{path::PathBuf, time::Duration};

use super::normalise::Normalise;
use crate::{
    config::{Config, NormaliseUrls, SinkKind, Storage},
    error::Problem,
};

/// Least room of the queue. Tyk's least is 1,000, but its gateway blocks where ours drops.
const LEAST_ROOM: usize = 10_000;

/// The settings of analytics; fixed at start, as Tyk's are. The master switch `enable_analytics` is the caller's.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where records go.
    pub sink: SinkKind,
    /// Where the sink `file` appends.
    pub file: PathBuf,
    /// Room of the queue, in records.
    pub room: usize,
    /// Life of a list in Redis from its first record on; `None` for ever.
    pub list_expiry: Option<Duration>,
    /// Spread records over ten lists.
    pub multiple_lists: bool,
    /// Protobuf instead of msgpack.
    pub protobuf: bool,
    /// Replace keys by their hash.
    pub hash_keys: bool,
    /// Clients that are not recorded, compared as text.
    pub ignored_ips: Vec<String>,
    /// Which ids in paths become placeholders; `None` unless enabled.
    pub normalise: Option<NormaliseUrls>,
    /// Tags of a segmented node; else empty.
    pub node_tags: Vec<String>,
    /// How long a batch waits for its sink before it is dropped: the timeout of the store.
    pub patience: Duration,
}

impl Settings {
    /// From a loaded config.
    pub fn new(config: &Config) -> Self {
        let analytics = &config.analytics_config;
        let node = &config.db_app_conf_options;
        let timeout = storage(config).timeout();
        Self {
            sink: config.pinhook.analytics.sink,
            file: config.pinhook.analytics.path.clone().into(),
            room: usize::try_from(analytics.records_buffer_size).unwrap_or(usize::MAX).max(LEAST_ROOM),
            list_expiry: u64::try_from(analytics.storage_expiration_time).ok().map(Duration::from_secs),
            multiple_lists: analytics.enable_multiple_analytics_keys,
            protobuf: analytics.serializer_type == "protobuf",
            hash_keys: config.hash_keys,
            ignored_ips: analytics.ignored_ips.clone(),
            normalise: analytics.normalise_urls.enabled.then(|| analytics.normalise_urls.clone()),
            node_tags: if node.node_is_segmented { node.tags.clone() } else { Vec::new() },
            patience: if timeout.is_zero() { Duration::from_secs(5) } else { timeout },
        }
    }
}

/// The storage that takes analytics.
pub fn storage(config: &Config) -> &Storage {
    if config.enable_separate_analytics_store { &config.analytics_storage } else { &config.storage }
}

/// What the config asks of analytics and does not get, or not as its author may think. `place` is its file.
pub fn problems(config: &Config, place: &str) -> Vec<Problem> {
    if !config.enable_analytics {
        return Vec::new();
    }
    let analytics = &config.analytics_config;
    let warn = |path: &str, message: &str| Problem::warning(place, path, message);
    let mut problems = Vec::new();
    if analytics.kind == "rpc" {
        let message = "records are not shipped over RPC: they stay in Redis for Tyk Pump";
        problems.push(warn("analytics_config.type", message).hint("leave it empty and run Tyk Pump"));
    }
    if analytics.enable_geo_ip {
        let message = "not supported yet: the geo part of records stays empty";
        problems.push(warn("analytics_config.enable_geo_ip", message));
    }
    if config.enforce_org_data_age {
        let message = "not supported yet: records live as long as their API says";
        problems.push(warn("enforce_org_data_age", message));
    }
    if !["", "msgpack", "protobuf"].contains(&analytics.serializer_type.as_str()) {
        let message = format!("unknown serializer {:?}: msgpack is used", analytics.serializer_type);
        let problem = warn("analytics_config.serializer_type", &message);
        problems.push(problem.hint("use msgpack or protobuf"));
    }
    if analytics.normalise_urls.enabled {
        for (index, error) in Normalise::compile(&analytics.normalise_urls).1 {
            let path = format!("analytics_config.normalise_urls.custom_patterns[{index}]");
            problems.push(warn(&path, &format!("this pattern is skipped: {error}")));
        }
    }
    problems
}
