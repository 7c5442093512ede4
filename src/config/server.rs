//! Listeners, TLS, ports and names.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::GoDuration;

/// `http_server_options`: the traffic listener and how paths are matched.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct HttpServerOptions {
    /// The traffic port speaks TLS.
    pub use_ssl: bool,
    /// Certificates by domain.
    pub certificates: Vec<CertificateFiles>,
    /// Certificates by path of a PEM file with certificate and key, or by id of the certificate store.
    pub ssl_certificates: Vec<String>,
    /// Lowest TLS version as a number: 771 = 1.2, 772 = 1.3; default 771.
    pub min_version: u16,
    /// Highest TLS version as a number; default 772.
    pub max_version: u16,
    /// Cipher suites of TLS 1.2; empty = all good ones. Unknown names are skipped.
    pub ssl_ciphers: Vec<String>,
    /// Server name of the listener.
    pub server_name: String,
    /// Do not name the accepted authorities when asking for a client certificate.
    pub skip_client_ca_announcement: bool,
    /// Offer HTTP/2 over TLS. Without TLS, HTTP/2 with prior knowledge is always understood.
    pub enable_http2: bool,
    /// Seconds to read a request; default 120.
    pub read_timeout: i64,
    /// Seconds to write an answer; default 120.
    pub write_timeout: i64,
    /// Milliseconds between flushes of a streamed answer; pinhook passes every chunk on at once.
    pub flush_interval: i64,
    /// Let clients upgrade connections.
    pub enable_websockets: bool,
    /// A listen path without a slash at its end answers only itself and what is below it.
    pub enable_strict_routes: bool,
    /// Endpoint patterns that begin with `/` match from the start of the path.
    pub enable_path_prefix_matching: bool,
    /// Endpoint patterns match to the end of the path.
    pub enable_path_suffix_matching: bool,
    /// Do not redirect requests whose path has `//`, `.` or `..`.
    pub skip_url_cleaning: bool,
    /// Send the path upstream with the client's escaping.
    pub skip_target_path_escaping: bool,
    /// Bytes of a request body; above it 413; 0 = no limit.
    pub max_request_body_size: i64,
    /// Bytes of a response body that body transforms accept; 0 = no limit.
    pub max_response_body_size: i64,
    /// Which address of `X-Forwarded-For` is the client: 0 = the first, n = the n-th from the right.
    pub xff_depth: i64,
    /// Not read by any gateway of today.
    pub override_defaults: bool,
    /// Do not verify certificates of outbound calls.
    pub ssl_insecure_skip_verify: bool,
    /// Get certificates from Let's Encrypt.
    pub use_ssl_le: bool,
}

impl HttpServerOptions {
    /// `read_timeout` as a span.
    pub fn read_timeout(&self) -> Duration {
        super::fill::seconds(self.read_timeout)
    }

    /// `write_timeout` as a span.
    pub fn write_timeout(&self) -> Duration {
        super::fill::seconds(self.write_timeout)
    }

    pub(super) fn fill(&mut self) {
        super::fill::or(&mut self.min_version, 771);
        super::fill::or(&mut self.max_version, 772);
        super::fill::or(&mut self.read_timeout, 120);
        super::fill::or(&mut self.write_timeout, 120);
    }
}

/// One of `http_server_options.certificates`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct CertificateFiles {
    /// Name the certificate is for.
    pub domain_name: String,
    /// PEM file with the certificate and its chain.
    pub cert_file: String,
    /// PEM file with the key.
    pub key_file: String,
}

/// Ports that APIs may listen on, for one protocol.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct PortRules {
    /// Ranges of ports.
    pub ranges: Vec<PortRange>,
    /// Single ports.
    pub ports: Vec<u16>,
}

impl PortRules {
    /// Whether an API may listen on `port`.
    pub fn allow(&self, port: u16) -> bool {
        self.ports.contains(&port) || self.ranges.iter().any(|range| (range.from..=range.to).contains(&port))
    }
}

/// A range of ports, both ends included.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct PortRange {
    /// First port.
    pub from: u16,
    /// Last port.
    pub to: u16,
}

/// `dns_cache`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct DnsCache {
    /// Keep resolved names.
    pub enabled: bool,
    /// Seconds a name is kept; -1 = until the next start; default 3600.
    pub ttl: i64,
    /// What to do with several addresses: `pick_first`, `random`, `no_cache`; default `no_cache`.
    pub multiple_ips_handle_strategy: IpsStrategy,
}

/// What to do with a name that has several addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IpsStrategy {
    /// Use the first.
    PickFirst,
    /// Use any.
    Random,
    /// Do not keep it.
    #[default]
    NoCache,
    /// Not given: `no_cache`.
    #[serde(rename = "")]
    Unset,
}

/// `service_discovery`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ServiceDiscovery {
    /// Seconds an answer is kept when the API does not say; default 120.
    pub default_cache_timeout: i64,
}

/// `liveness_check`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct LivenessCheck {
    /// Time between two looks; default 10 s.
    pub check_duration: GoDuration,
    /// Not read by any gateway of today.
    pub enabled: bool,
}

/// `health_check`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct HealthCheck {
    /// Keep numbers per API for `/tyk/health`.
    pub enable_health_checks: bool,
    /// Seconds that a number counts.
    pub health_check_value_timeouts: i64,
}

/// `uptime_tests`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct UptimeTests {
    /// Run none.
    pub disable: bool,
    /// Gateways with the same group share the work.
    pub poller_group: String,
    /// How they run.
    pub config: UptimeTestsConfig,
}

/// `uptime_tests.config`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct UptimeTestsConfig {
    /// Failures in a row until a host is down.
    pub failure_trigger_sample_size: i64,
    /// Seconds between two tests of a host.
    pub time_wait: i64,
    /// Tests at once.
    pub checker_pool_size: i64,
    /// Record the results.
    pub enable_uptime_analytics: bool,
}

/// `security`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Security {
    /// Encrypts stored private keys; empty = `secret`.
    pub private_certificate_encoding_secret: super::Secret,
    /// The control API asks for a client certificate.
    pub control_api_use_mutual_tls: bool,
    /// Pinned keys by domain.
    pub pinned_public_keys: std::collections::BTreeMap<String, String>,
    /// Let keys name certificates that are not stored.
    pub allow_unsafe_dynamic_mtls_token: bool,
    /// Certificates by use.
    pub certificates: SecurityCertificates,
    /// Warnings ahead of a certificate's end.
    pub certificate_expiry_monitor: Value,
}

/// `security.certificates`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct SecurityCertificates {
    /// Client certificates that APIs accept.
    pub apis: Vec<String>,
    /// Client certificates by upstream domain.
    pub upstream: std::collections::BTreeMap<String, String>,
    /// Client certificates that the control API accepts.
    pub control_api: Vec<String>,
    /// Client certificates for the Dashboard.
    pub dashboard_api: Vec<String>,
    /// Client certificates for the control plane.
    pub mdcb_api: Vec<String>,
}
