//! What workers are told of the gateway's configuration: package `config` of the stand-ins answers from it.

use serde_json::{Value, json};

use crate::config::Config;

/// What holds for Go alone.
#[derive(Debug, Clone)]
pub struct GoSettings {
    /// `settings` of `configure`.
    pub for_workers: Value,
    /// Bytes of the bodies of a reply, at most.
    pub largest_body: usize,
}

impl GoSettings {
    /// What the configuration says. Where Redis is belongs to it, as plugins of Tyk read it there; the gateway's own
    /// secret does not.
    pub fn new(config: &Config) -> Self {
        let storage = &config.storage;
        let known = json!({
            "listen_address": config.listen_address,
            "listen_port": config.listen_port,
            "app_path": config.app_path,
            "middleware_path": config.middleware_path,
            "hash_keys": config.hash_keys,
            "enable_analytics": config.enable_analytics,
            "enable_jsvm": config.enable_jsvm,
            "storage": {
                "type": storage.kind,
                "host": storage.host,
                "port": storage.port,
                "addrs": storage.addrs,
                "username": storage.username,
                "password": storage.password,
                "database": storage.database,
                "enable_cluster": storage.enable_cluster,
                "use_ssl": storage.use_ssl,
            },
        });
        Self { for_workers: json!({ "config": known }), largest_body: config.pinhook.buffered_body() }
    }
}
