//! The root of the gateway config. Names, units and defaults: sessions-and-control reference 9.2.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AccessLogs, AnalyticsConfig, AuthOverride, CoprocessOptions, DbAppConfOptions, DnsCache, EventHandlers,
    HealthCheck, HttpServerOptions, Jwks, Kv, LivenessCheck, LocalSessionCache, LogFormat, LogLevel, Monitor,
    NewRelic, OasConfig, OpenTelemetry, OverrideMessage, Pinhook, Policies, PortRules, ResourceSync, Secret,
    Security, ServiceDiscovery, SlaveOptions, Storage, Streaming, Tracing, UptimeTests,
};

/// The gateway config: what `--conf` and the environment say, with every default filled in once it is loaded.
///
/// A field that no comment gives a default is off, empty or 0 when its key is absent.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Config {
    /// Settings of pinhook itself; everything else keeps Tyk's names.
    pub pinhook: Pinhook,

    /// Address to listen on; empty = all.
    pub listen_address: String,
    /// Port for traffic; default 8080.
    pub listen_port: u16,
    /// When set, APIs answer only requests for this host.
    pub hostname: String,
    /// Host name the control API answers on; empty = any.
    pub control_api_hostname: String,
    /// Port of the control API; 0 = the traffic port.
    pub control_api_port: u16,
    /// Secret of the control API (`x-tyk-authorization`); empty = no call is admitted, unless
    /// `pinhook.allow_empty_secret` is set.
    pub secret: Secret,
    /// Secret shared with the Dashboard; also signs notifications.
    pub node_secret: Secret,
    /// Where to write the process id; empty = nowhere. A failure only warns.
    pub pid_file_location: String,
    /// Folder with error and webhook templates; empty = the built-in ones.
    pub template_path: String,
    /// Root of scripts and bundles; default `middleware`.
    pub middleware_path: String,
    /// Folder with API definitions (`*.json`); default `apps/`.
    pub app_path: String,
    /// Extra JavaScript that is loaded before user scripts.
    pub tyk_js_path: String,
    /// Take API definitions from a Dashboard.
    pub use_db_app_configs: bool,
    /// Dashboard connection and the tags of this node.
    pub db_app_conf_options: DbAppConfOptions,
    /// Do not look a Dashboard up by DNS.
    pub disable_dashboard_zeroconf: bool,
    /// Where policies come from.
    pub policies: Policies,
    /// Accept policy ids with any characters.
    pub allow_unsafe_policy_ids: bool,
    /// Calls of a control plane over RPC.
    pub slave_options: SlaveOptions,
    /// How often loading from a Dashboard or RPC is tried again.
    pub resource_sync: ResourceSync,

    /// Where keys, counters and analytics live; absent = in memory, this process only.
    pub storage: Storage,
    /// Use `cache_storage` for response caches.
    pub enable_separate_cache_store: bool,
    /// Redis of response caches.
    pub cache_storage: Storage,
    /// Use `analytics_storage` for analytics.
    pub enable_separate_analytics_store: bool,
    /// Redis of analytics records and uptime data.
    pub analytics_storage: Storage,

    /// Store and record hashes of keys instead of keys.
    pub hash_keys: bool,
    /// `murmur32`, `murmur64`, `murmur128`, `sha256`; empty = keys have the old form.
    pub hash_key_function: String,
    /// Functions tried for keys that the current one does not find.
    pub hash_key_function_fallback: Vec<String>,
    /// Function for basic-auth passwords; empty = bcrypt.
    pub basic_auth_hash_key_function: String,
    /// Let the control API list hashes.
    pub enable_hashed_keys_listing: bool,
    /// Refuse control calls that name a user instead of a key.
    pub disable_key_actions_by_username: bool,
    /// Shortest key that is looked up; default 3.
    pub min_token_length: i64,
    /// Keys without access rights may use every API.
    pub allow_master_keys: bool,
    /// `global_session_lifetime` beats what APIs say.
    pub force_global_session_lifetime: bool,
    /// Seconds until a stored key is removed; 0 = never.
    pub global_session_lifetime: i64,
    /// A key is never removed before it expires.
    pub session_lifetime_respects_key_expiration: bool,
    /// Cache of keys in this process.
    pub local_session_cache: LocalSessionCache,
    /// Apply limits of the organisation.
    pub enforce_org_quotas: bool,
    /// Let an organisation set how long its analytics live.
    pub enforce_org_data_age: bool,
    /// Let an organisation turn detailed recording on.
    pub enforce_org_data_detail_logging: bool,
    /// Read organisation data off the request's path.
    pub experimental_process_org_off_thread: bool,
    /// Do not keep a store of organisations.
    pub suppress_default_org_store: bool,
    /// Decrement `allowance` of old sessions.
    pub legacy_enable_allowance_countdown: bool,

    /// Count requests in fixed windows.
    pub enable_fixed_window_rate_limiter: bool,
    /// Count requests in rolling windows in Redis.
    pub enable_redis_rolling_limiter: bool,
    /// Count off the request's path: cheaper, lets some more through.
    pub enable_sentinel_rate_limiter: bool,
    /// Let limits grow and shrink with use.
    pub enable_rate_limit_smoothing: bool,
    /// Count without a Redis transaction.
    pub enable_non_transactional_rate_limiter: bool,
    /// The sentinel form for the distributed limiter.
    pub drl_enable_sentinel_rate_limiter: bool,
    /// Limits below this per gateway go to Redis; default 5.
    pub drl_threshold: f64,
    /// Seconds between messages of the distributed limiter; default 2.
    pub drl_notification_frequency: i64,
    /// Which numbers response headers show; empty = quotas.
    pub rate_limit_response_headers: String,
    /// Takes no traffic, so it joins no distributed limit.
    pub management_node: bool,

    /// Seconds an OAuth refresh token lives; default 14 days.
    pub oauth_refresh_token_expire: i64,
    /// Seconds an OAuth access token lives; default 1 hour.
    pub oauth_token_expire: i64,
    /// Seconds an expired token is kept; 0 = forever.
    pub oauth_token_expired_retain_period: i64,
    /// Separates the redirect URIs of a client.
    pub oauth_redirect_uri_separator: String,
    /// Status for a bad OAuth token; default 403.
    pub oauth_error_status_code: u16,

    /// Texts and statuses of denials by message id.
    pub override_messages: BTreeMap<String, OverrideMessage>,
    /// Answers of the gateway by status code.
    pub error_overrides: Value,

    /// The traffic listener and how paths are matched.
    pub http_server_options: HttpServerOptions,
    /// Name of the response header that carries the API version; empty = none.
    pub version_header: String,
    /// Seconds to wait for an upstream; default 30.
    pub proxy_default_timeout: f64,
    /// Do not verify upstream certificates.
    pub proxy_ssl_insecure_skip_verify: bool,
    /// Speak HTTP/2 to TLS upstreams.
    pub proxy_enable_http2: bool,
    /// Lowest TLS version for upstreams as a number (771 = 1.2).
    pub proxy_ssl_min_version: u16,
    /// Highest TLS version for upstreams.
    pub proxy_ssl_max_version: u16,
    /// Cipher suites for upstreams; empty = all good ones.
    pub proxy_ssl_ciphers: Vec<String>,
    /// Refuse TLS renegotiation by upstreams.
    pub proxy_ssl_disable_renegotiation: bool,
    /// A new upstream connection for each request.
    pub proxy_close_connections: bool,
    /// Check the common name of upstream certificates.
    pub ssl_force_common_name_check: bool,
    /// Idle upstream connections in all; 0 = no limit.
    pub max_idle_connections: i64,
    /// Idle upstream connections per host; default 2.
    pub max_idle_connections_per_host: i64,
    /// Seconds an upstream connection may live; 0 = forever.
    pub max_conn_time: i64,
    /// Close a client's connection after each answer.
    pub close_connections: bool,
    /// Close idle connections on reload.
    pub close_idle_connections: bool,
    /// Honour `domain` of API definitions.
    pub enable_custom_domains: bool,
    /// Ports that APIs may listen on, by `http`, `https`, `tcp`, `tls`; the traffic and control ports always may.
    pub ports_whitelist: BTreeMap<String, PortRules>,
    /// APIs may listen on any port.
    pub disable_ports_whitelist: bool,
    /// Defaults of service discovery.
    pub service_discovery: ServiceDiscovery,
    /// Cache of resolved names.
    pub dns_cache: DnsCache,

    /// Record requests.
    pub enable_analytics: bool,
    /// What a record holds and how it is written.
    pub analytics_config: AnalyticsConfig,

    /// Run JavaScript hooks and virtual endpoints.
    pub enable_jsvm: bool,
    /// Seconds a script may run; default 5.
    pub jsvm_timeout: i64,
    /// Refuse virtual endpoints whose code is in the definition.
    pub disable_virtual_path_blobs: bool,
    /// Rich plugins (Python, Lua, gRPC).
    pub coprocess_options: CoprocessOptions,
    /// Fetch plugin bundles.
    pub enable_bundle_downloader: bool,
    /// Where bundles are fetched from.
    pub bundle_base_url: String,
    /// Do not verify the certificate of that place.
    pub bundle_insecure_skip_verify: bool,
    /// Do not verify bundles that are on disk again.
    pub skip_verify_existing_plugin_bundle: bool,
    /// Key that verifies bundles and notifications.
    pub public_key_path: String,
    /// Accept unsigned notifications.
    pub allow_insecure_configs: bool,
    /// Let the control API write the config.
    pub allow_remote_config: bool,
    /// Let the control API show the config.
    pub enable_config_inspection: bool,
    /// Match endpoint paths whatever their case.
    pub ignore_endpoint_case: bool,
    /// Send header names as they were written.
    pub ignore_canonical_mime_header_key: bool,

    /// `debug`, `info`, `warn`, `error`; default `info`.
    pub log_level: LogLevel,
    /// `text`, `json`; default: text on a terminal, JSON otherwise.
    pub log_format: LogFormat,
    /// One log line per request.
    pub access_logs: AccessLogs,
    /// Log requests that no API takes.
    pub track_404_logs: bool,
    /// Log whole keys.
    pub enable_key_logging: bool,
    /// Copy the log to Redis.
    pub use_redis_log: bool,
    /// Send errors to Sentry.
    pub use_sentry: bool,
    /// Address of Sentry.
    pub sentry_code: String,
    /// Lowest level that is sent to Sentry.
    pub sentry_log_level: String,
    /// Send the log to syslog.
    pub use_syslog: bool,
    /// Transport of syslog.
    pub syslog_transport: String,
    /// Address of syslog.
    pub syslog_network_addr: String,
    /// Send the log to Graylog.
    pub use_graylog: bool,
    /// Address of Graylog.
    pub graylog_network_addr: String,
    /// Send the log to Logstash.
    pub use_logstash: bool,
    /// Transport of Logstash.
    pub logstash_transport: String,
    /// Address of Logstash.
    pub logstash_network_addr: String,
    /// Address of a StatsD server.
    pub statsd_connection_string: String,
    /// Prefix of its metrics.
    pub statsd_prefix: String,
    /// New Relic.
    pub newrelic: NewRelic,
    /// OpenTracing, replaced by `opentelemetry`.
    pub tracing: Tracing,
    /// OpenTelemetry.
    pub opentelemetry: OpenTelemetry,

    /// Write no `X-Generator` header.
    pub hide_generator_header: bool,
    /// Handlers of gateway-wide events.
    pub event_handlers: EventHandlers,
    /// Events when a key nears its quota.
    pub monitor: Monitor,
    /// Health numbers per API.
    pub health_check: HealthCheck,
    /// Path of the liveness answer; default `hello`.
    pub health_check_endpoint_name: String,
    /// Path of the readiness answer; default `ready`.
    pub readiness_check_endpoint_name: String,
    /// How often health is looked at.
    pub liveness_check: LivenessCheck,
    /// Seconds that requests in flight get at shutdown; default 30.
    pub graceful_shutdown_timeout_duration: i64,
    /// Seconds between "not ready" and the end of accepting.
    pub graceful_shutdown_delay_seconds: i64,
    /// Uptime tests of upstreams.
    pub uptime_tests: UptimeTests,
    /// Ignore reload notifications.
    pub suppress_redis_signal_reload: bool,
    /// Seconds between two reloads; default 1.
    pub reload_interval: i64,

    /// Certificates, pins and mutual TLS.
    pub security: Security,
    /// Do not verify the certificate of key-set servers.
    pub jwt_ssl_insecure_skip_verify: bool,
    /// Key sets of JWT.
    pub jwks: Jwks,
    /// Do not cache compiled patterns; pinhook compiles at load.
    pub disable_regexp_cache: bool,
    /// Seconds a pattern is cached; pinhook compiles at load.
    pub regexp_cache_expire: i64,
    /// Patterns that are cached; pinhook compiles at load.
    pub regexp_cache_max_entries: i64,
    /// Serve profiles of the process.
    pub enable_http_profiler: bool,
    /// Proxies and client certificates of outbound calls.
    pub external_services: Value,

    /// Values for `secrets://name`.
    pub secrets: BTreeMap<String, Secret>,
    /// Outside stores of secrets.
    pub kv: Kv,
    /// Forces where keys are kept.
    pub auth_override: AuthOverride,
    /// Streams (Kafka and others).
    pub streaming: Streaming,
    /// Experiments.
    pub labs: Value,
    /// Options of OAS definitions.
    pub oas_config: OasConfig,
    /// Runs in Tyk Cloud.
    pub cloud: bool,
    /// Not read by any gateway of today.
    pub event_triggers_defunct: Value,
    /// Not read by any gateway of today.
    pub event_trigers_defunct: Value,
    /// Not read by any gateway of today.
    pub enable_api_segregation: bool,
    /// Not read by any gateway of today.
    pub optimisations_use_async_session_write: bool,
    /// Not read by any gateway of today.
    pub session_update_pool_size: i64,
    /// Not read by any gateway of today.
    pub session_update_buffer_size: i64,
    /// Not read by any gateway of today; see `reload_interval`.
    pub reload_wait_time: i64,
}
