//! Where shared state lives.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::Secret;

/// `storage`, `cache_storage`, `analytics_storage`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Storage {
    /// `redis` or `memory`; `memory` when the whole object is absent.
    #[serde(rename = "type")]
    pub kind: StorageKind,
    /// Host of a single Redis; default 127.0.0.1.
    pub host: String,
    /// Port of a single Redis; default 6379.
    pub port: u16,
    /// Nodes of a cluster or sentinels, `host:port`; beats `hosts` and `host`.
    pub addrs: Vec<String>,
    /// Older form of `addrs`: host to port.
    pub hosts: BTreeMap<String, String>,
    /// Name of the set that the sentinels watch; turns Sentinel on.
    pub master_name: String,
    /// Password of the sentinels.
    pub sentinel_password: Secret,
    /// ACL user.
    pub username: String,
    /// Password.
    pub password: Secret,
    /// Number of the database; a Cluster has only one.
    pub database: i64,
    /// Has no effect: one connection per node carries all calls.
    pub optimisation_max_active: i64,
    /// Has no effect.
    pub optimisation_max_idle: i64,
    /// Seconds to wait for Redis; default 5.
    pub timeout: i64,
    /// `addrs` are nodes of a Redis Cluster; the others are found.
    pub enable_cluster: bool,
    /// Speak TLS, to sentinels too.
    pub use_ssl: bool,
    /// Do not verify the certificate of Redis.
    pub ssl_insecure_skip_verify: bool,
    /// Certificate authority of Redis, PEM; else those of the system.
    pub ca_file: String,
    /// Client certificate.
    pub cert_file: String,
    /// Key of the client certificate.
    pub key_file: String,
    /// Lowest TLS version, such as `1.2`.
    pub tls_min_version: String,
    /// Highest TLS version.
    pub tls_max_version: String,
}

/// Kind of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// In this process; nothing is shared.
    Memory,
    /// Redis.
    Redis,
    /// Not given; never after loading.
    #[default]
    #[serde(rename = "")]
    Unset,
}

impl Storage {
    /// `timeout` as a span.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.timeout).unwrap_or(0))
    }

    /// Whether it names a Redis, whatever `type` says.
    pub(super) fn names_redis(&self) -> bool {
        !self.host.is_empty() || !self.addrs.is_empty() || !self.hosts.is_empty() || self.port != 0
    }

    pub(super) fn fill(&mut self) {
        match self.kind {
            StorageKind::Unset => self.kind = StorageKind::Memory,
            StorageKind::Memory => {}
            StorageKind::Redis => {
                if self.addrs.is_empty() {
                    self.addrs = self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
                }
                if self.host.is_empty() {
                    self.host = "127.0.0.1".to_owned();
                }
                super::fill::or(&mut self.port, 6379);
                super::fill::or(&mut self.optimisation_max_active, 500);
                super::fill::or(&mut self.timeout, 5);
            }
        }
    }
}
