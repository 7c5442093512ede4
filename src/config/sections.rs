//! Sections about recording, plugins, sources of definitions and watching.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Secret;

/// `analytics_config` (analytics reference 1.2).
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct AnalyticsConfig {
    /// Empty = Tyk Pump reads the records; `rpc` = they are shipped to a control plane.
    #[serde(rename = "type")]
    pub kind: String,
    /// Client addresses that are not recorded; exact texts.
    pub ignored_ips: Vec<String>,
    /// Record whole requests and responses.
    pub enable_detailed_recording: bool,
    /// Look up where clients are.
    pub enable_geo_ip: bool,
    /// MaxMind database for that.
    pub geo_ip_db_path: String,
    /// Replace ids in recorded paths.
    pub normalise_urls: NormaliseUrls,
    /// Tasks that write records; default: number of cores.
    pub pool_size: i64,
    /// Records that wait to be written, at most; at least 1,000.
    pub records_buffer_size: u64,
    /// Seconds that written records live in Redis; default 60, -1 = forever.
    pub storage_expiration_time: i64,
    /// Seconds between two shipments over RPC; default 10.
    pub purge_interval: f64,
    /// Spread records over ten lists.
    pub enable_multiple_analytics_keys: bool,
    /// `msgpack` or `protobuf`; default `msgpack`.
    pub serializer_type: String,
}

impl AnalyticsConfig {
    pub(super) fn fill(&mut self) {
        super::fill::or(
            &mut self.pool_size,
            std::thread::available_parallelism().map_or(1, |n| n.get() as i64),
        );
        self.records_buffer_size = self.records_buffer_size.max(1000);
        super::fill::or(&mut self.storage_expiration_time, 60);
        super::fill::or(&mut self.purge_interval, 10.0);
        super::fill::or(&mut self.serializer_type, "msgpack".to_owned());
    }
}

/// `analytics_config.normalise_urls`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct NormaliseUrls {
    /// Master switch.
    pub enabled: bool,
    /// Replace UUIDs.
    pub normalise_uuids: bool,
    /// Replace ULIDs.
    pub normalise_ulids: bool,
    /// Replace numbers.
    pub normalise_numbers: bool,
    /// Replace what these patterns match.
    pub custom_patterns: Vec<String>,
}

/// `coprocess_options`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct CoprocessOptions {
    /// Master switch of rich plugins.
    pub enable_coprocess: bool,
    /// Address of the gRPC server: `tcp://host:port`, `unix:///path`, `dns:///host:port`.
    pub coprocess_grpc_server: String,
    /// Bytes of a message from the gRPC server; 0 = 4 MiB.
    pub grpc_recv_max_size: i64,
    /// Bytes of a message to the gRPC server; 0 = no limit.
    pub grpc_send_max_size: i64,
    /// `:authority` of gRPC calls.
    pub grpc_authority: String,
    /// Spread calls over all addresses of the server.
    pub grpc_round_robin_load_balancing: bool,
    /// Where Python lies.
    pub python_path_prefix: String,
    /// Version of Python.
    pub python_version: String,
}

/// `policies`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Policies {
    /// `file`, `service`, `rpc`; empty = none.
    pub policy_source: String,
    /// Folder with policy files.
    pub policy_path: String,
    /// One file with all policies.
    pub policy_record_name: String,
    /// Dashboard to fetch them from.
    pub policy_connection_string: Secret,
    /// Has no effect: explicit ids are always allowed.
    pub allow_explicit_policy_id: bool,
}

/// `db_app_conf_options`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct DbAppConfOptions {
    /// Address of the Dashboard.
    pub connection_string: Secret,
    /// Seconds to wait for it.
    pub connection_timeout: i64,
    /// Load only APIs with one of `tags`; the tags also mark analytics records.
    pub node_is_segmented: bool,
    /// Tags of this node.
    pub tags: Vec<String>,
}

/// `slave_options`: the link to a control plane.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct SlaveOptions {
    /// Master switch.
    pub use_rpc: bool,
    /// Speak TLS.
    pub use_ssl: bool,
    /// Do not verify its certificate.
    pub ssl_insecure_skip_verify: bool,
    /// Address.
    pub connection_string: String,
    /// Organisation.
    pub rpc_key: String,
    /// Key of a user.
    pub api_key: Secret,
    /// Cache keys.
    pub enable_rpc_cache: bool,
    /// Use slugs of APIs.
    pub bind_to_slugs: bool,
    /// Do not follow changes of keys.
    pub disable_keyspace_sync: bool,
    /// Gateways that share a Redis.
    pub group_id: String,
    /// Seconds per call.
    pub call_timeout: i64,
    /// Seconds per ping.
    pub ping_timeout: i64,
    /// Connections.
    pub rpc_pool_size: i64,
    /// Seconds between looks for changed keys.
    pub key_space_sync_interval: f64,
    /// Seconds certificates are cached.
    pub rpc_cert_cache_expiration: f64,
    /// Seconds everything else is cached.
    pub rpc_global_cache_expiration: f64,
    /// Follow changes of other data.
    pub synchroniser_enabled: bool,
    /// Follow changes of the control plane's address.
    pub dns_monitor: Value,
}

/// `resource_sync`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ResourceSync {
    /// Tries after a failed load.
    pub retry_attempts: i64,
    /// Seconds between them.
    pub interval: i64,
}

/// `local_session_cache`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct LocalSessionCache {
    /// Read every key from the store.
    pub disable_cached_session_state: bool,
    /// Has no effect.
    pub cached_session_timeout: i64,
    /// Has no effect.
    pub cached_session_eviction: i64,
}

/// One of `override_messages`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct OverrideMessage {
    /// Text for the client.
    pub message: String,
    /// Status for the client.
    pub code: u16,
}

/// `event_handlers`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct EventHandlers {
    /// Handlers by event.
    pub events: BTreeMap<String, Value>,
}

/// `access_logs`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct AccessLogs {
    /// Master switch.
    pub enabled: bool,
    /// Fields of a line; empty = all.
    pub template: Vec<String>,
}

/// `newrelic`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct NewRelic {
    /// Name of the application.
    pub app_name: String,
    /// Licence key; turns it on.
    pub license_key: Secret,
    /// Trace across services.
    pub enable_distributed_tracing: bool,
}

/// `tracing`: OpenTracing.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Tracing {
    /// Name of the tracer.
    pub name: String,
    /// Master switch.
    pub enabled: bool,
    /// Options of the tracer.
    pub options: Value,
}

/// `opentelemetry`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct OpenTelemetry {
    /// Master switch.
    pub enabled: bool,
    /// `grpc` or `http`.
    pub exporter: String,
    /// Address of the collector.
    pub endpoint: String,
    /// Headers for the collector.
    pub headers: BTreeMap<String, Secret>,
    /// Seconds to connect.
    pub connection_timeout: i64,
    /// Name of this service; default `tyk-gateway`.
    pub resource_name: String,
    /// TLS to the collector.
    pub tls: Value,
    /// `simple` or `batch`.
    pub span_processor_type: String,
    /// How spans are batched.
    pub span_batch_config: Value,
    /// Form of trace headers.
    pub context_propagation: String,
    /// A trace header of one's own.
    pub custom_trace_header: String,
    /// Which traces are kept.
    pub sampling: Value,
    /// Beats the root fields for traces.
    pub traces: Value,
    /// Metrics.
    pub metrics: Value,
}

/// `monitor`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Monitor {
    /// Master switch.
    pub enable_trigger_monitors: bool,
    /// The web hook.
    pub configuration: MonitorHook,
    /// Percent of a quota.
    pub global_trigger_limit: f64,
    /// Watch keys.
    pub monitor_user_keys: bool,
    /// Watch organisations.
    pub monitor_org_keys: bool,
}

/// `monitor.configuration`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct MonitorHook {
    /// Method of the call.
    pub method: String,
    /// Address.
    pub target_path: String,
    /// Template of the body.
    pub template_path: String,
    /// Headers of the call.
    pub header_map: BTreeMap<String, String>,
    /// Seconds between two equal calls.
    pub event_timeout: i64,
}

/// `jwks`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Jwks {
    /// Cache of key sets.
    pub cache: JwksCache,
}

/// `jwks.cache`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct JwksCache {
    /// Seconds a key set is kept; default 240.
    pub timeout: i64,
}

/// `kv`: outside stores of secrets.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Kv {
    /// Consul.
    pub consul: Value,
    /// Vault.
    pub vault: Value,
    /// Files.
    pub file: KvFile,
}

/// `kv.file`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct KvFile {
    /// Folder that `file://` references start in; empty = they give whole paths.
    pub base_path: String,
}

/// `auth_override`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct AuthOverride {
    /// Use `auth_provider` for every API.
    pub force_auth_provider: bool,
    /// Where keys are looked up.
    pub auth_provider: Value,
    /// Use `session_provider` for every API.
    pub force_session_provider: bool,
    /// Where sessions are kept.
    pub session_provider: Value,
}

/// `streaming`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Streaming {
    /// Master switch.
    pub enabled: bool,
    /// Components that are off by default.
    pub allow_unsafe: Vec<String>,
}

/// `oas_config`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct OasConfig {
    /// Check examples against their schemas.
    pub validate_examples: bool,
    /// Check defaults against their schemas.
    pub validate_schema_defaults: bool,
}
