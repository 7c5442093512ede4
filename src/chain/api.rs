//! One definition, compiled.

use std::{path::PathBuf, sync::Arc};

use http::{HeaderMap, HeaderName};

use super::{Chain, HookPlan, ListenPath};
use crate::{
    analytics::RecordedApi,
    definition::{ApiDefinition, Identity, VersionInfo},
    error::Problem,
    event::Events,
    hook::Spec,
    metrics::{ApiMetrics, ApiSamples},
    upstream::{PeerSettings, Target},
};

/// One API: its chain, targets and handles. Immutable, behind an `Arc`.
pub struct Api {
    /// The definition it was compiled from.
    pub definition: Arc<ApiDefinition>,
    /// SHA-256 of the definition's text: an unchanged API keeps its instance on reload.
    pub checksum: [u8; 32],
    /// The file it came from.
    pub file: PathBuf,
    /// What its hooks read; also home of the shared `api_id`, `org_id` and `name`.
    pub spec: Arc<Spec>,
    /// Version entries in the order that `Ctx::version` counts.
    pub versions: Vec<VersionInfo>,
    /// Its steps.
    pub chain: Chain,
    /// The path it listens on, after a move for a conflict.
    pub listen_path: ListenPath,
    /// Where its requests go unless a hook or a rewrite says otherwise.
    pub base: Base,
    /// How connections to its upstreams are made.
    pub peer: PeerSettings,
    /// Who hears of what happens on it.
    pub events: Events,
    /// Its metric handles.
    pub metrics: Arc<ApiMetrics>,
    /// How its last requests went, while `health_check` is on.
    pub samples: Option<Arc<ApiSamples>>,
    /// What its analytics records have in common.
    pub recorded: Arc<RecordedApi>,
    /// Its requests leave records.
    pub is_recorded: bool,
    /// Its records hold request and answer as they were.
    pub detailed: bool,
    /// Request headers that become tags of records.
    pub tag_headers: TagHeaders,
    /// Every request is answered 500: a security setting cannot be honoured.
    pub refuses: bool,
    /// What the load had to say.
    pub problems: Vec<Problem>,
}

impl Api {
    /// What stands for it over reloads.
    pub fn identity(&self) -> Identity {
        Identity::of(&self.definition, &self.file)
    }

    /// True if code of users runs in its chain. Such an API is built anew on every reload, since the code may
    /// have changed where the definition has not.
    pub fn has_hooks(&self) -> bool {
        self.chain.has_hooks()
            || self.definition.analytics_plugin.enable
            || self.events.runs_code()
            || HookPlan::looks_around(&self.definition)
    }

    /// True if some of that code could not be loaded: requests which reach it are answered 500, records stay unedited.
    pub fn lacks_hooks(&self) -> bool {
        self.chain.lacks_code() || self.recorded.lacks_hook
    }
}

/// Where an API's requests go.
#[derive(Debug, Clone)]
pub enum Base {
    /// To this upstream.
    Upstream(Arc<Target>),
    /// To the API with this loop address (`target_url: tyk://…`).
    Api(String),
}

/// `tag_headers`: request headers whose values become tags.
#[derive(Debug, Clone, Default)]
pub struct TagHeaders(Vec<HeaderName>);

impl TagHeaders {
    /// Reads the names; one that no header can have never gives a tag.
    pub fn new(names: &[String]) -> Self {
        Self(names.iter().filter_map(|name| name.to_ascii_lowercase().parse().ok()).collect())
    }

    /// `<header>-<value>` for each of them that the request has, name in lower case.
    pub fn values(&self, headers: &HeaderMap) -> Vec<String> {
        self.0
            .iter()
            .filter_map(|name| {
                let value = headers.get(name)?;
                Some(format!("{name}-{}", String::from_utf8_lossy(value.as_bytes())))
            })
            .collect()
    }
}
