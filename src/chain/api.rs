//! One definition, compiled.

use std::sync::Arc;

use super::{Chain, ListenPath};
use crate::{
    definition::{ApiDefinition, VersionInfo},
    error::Problem,
    hook::Spec,
    metrics::ApiMetrics,
    upstream::{Base, PeerSettings},
};

/// One API: its chain, targets and handles. Immutable, behind an `Arc`.
pub struct Api {
    /// The definition it was compiled from.
    pub definition: Arc<ApiDefinition>,
    /// SHA-256 of the definition's text: an unchanged API keeps its instance on reload.
    pub checksum: [u8; 32],
    /// What its hooks read; also home of the shared `api_id`, `org_id` and `name`.
    pub spec: Arc<Spec>,
    /// Version entries in the order that `Ctx::version` counts.
    pub versions: Box<[VersionInfo]>,
    /// Its steps.
    pub chain: Chain,
    /// The path it listens on, after a rename for a conflict.
    pub listen_path: ListenPath,
    /// Where its requests go unless a hook or a rewrite says otherwise.
    pub base: Base,
    /// How connections to its upstreams are made.
    pub peer: PeerSettings,
    /// Its metric handles.
    pub metrics: ApiMetrics,
    /// Every request is answered 500: a security setting cannot be honoured.
    pub refuses: bool,
    /// What the load had to say.
    pub problems: Vec<Problem>,
}
