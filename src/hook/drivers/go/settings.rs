//! What workers are told of the gateway's configuration: package `config` of the stand-ins answers from it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::config::{Config, Secret, Storage};

/// What holds for Go alone.
#[derive(Debug, Clone)]
pub struct GoSettings {
    /// `settings` of `configure`.
    pub for_workers: Value,
    /// Bytes of the bodies of a reply, at most.
    pub largest_body: usize,
}

impl GoSettings {
    /// What the configuration says, as far as the stand-in has members for it. Where Redis is belongs to it, with its
    /// password, and so does `secrets`: plugins of Tyk read them there. The gateway's own secret does not.
    pub fn new(config: &Config) -> Self {
        let known = json!({
            "listen_address": config.listen_address,
            "listen_port": config.listen_port,
            "hostname": config.hostname,
            "control_api_port": config.control_api_port,
            "app_path": config.app_path,
            "template_path": config.template_path,
            "middleware_path": config.middleware_path,
            "tyk_js_path": config.tyk_js_path,
            "log_level": config.log_level,
            "use_db_app_configs": config.use_db_app_configs,
            "hash_keys": config.hash_keys,
            "hash_key_function": config.hash_key_function,
            "enable_analytics": config.enable_analytics,
            "enable_jsvm": config.enable_jsvm,
            "enable_bundle_downloader": config.enable_bundle_downloader,
            "bundle_base_url": config.bundle_base_url,
            "enforce_org_data_age": config.enforce_org_data_age,
            "global_session_lifetime": config.global_session_lifetime,
            "force_global_session_lifetime": config.force_global_session_lifetime,
            "storage": storage_settings(&config.storage),
            "http_server_options": {
                "use_ssl": config.http_server_options.use_ssl,
                "enable_websockets": config.http_server_options.enable_websockets,
                "enable_strict_routes": config.http_server_options.enable_strict_routes,
                "read_timeout": config.http_server_options.read_timeout,
                "write_timeout": config.http_server_options.write_timeout,
            },
            "db_app_conf_options": {
                "connection_string": &*config.db_app_conf_options.connection_string,
                "node_is_segmented": config.db_app_conf_options.node_is_segmented,
                "tags": config.db_app_conf_options.tags,
            },
            "coprocess_options": {
                "enable_coprocess": config.coprocess_options.enable_coprocess,
                "coprocess_grpc_server": config.coprocess_options.coprocess_grpc_server,
            },
            "secrets": clear(&config.secrets),
        });
        Self { for_workers: json!({ "config": known }), largest_body: config.pinhook.buffered_body() }
    }
}

fn storage_settings(storage: &Storage) -> Value {
    json!({
        "type": storage.kind,
        "host": storage.host,
        "port": storage.port,
        "hosts": storage.hosts,
        "addrs": storage.addrs,
        "master_name": storage.master_name,
        "sentinel_password": &*storage.sentinel_password,
        "username": storage.username,
        "password": &*storage.password,
        "database": storage.database,
        "optimisation_max_idle": storage.optimisation_max_idle,
        "optimisation_max_active": storage.optimisation_max_active,
        "timeout": storage.timeout,
        "enable_cluster": storage.enable_cluster,
        "use_ssl": storage.use_ssl,
        "ssl_insecure_skip_verify": storage.ssl_insecure_skip_verify,
    })
}

/// Secrets as JSON would hide them.
fn clear(secrets: &BTreeMap<String, Secret>) -> BTreeMap<&str, &str> {
    secrets.iter().map(|(name, secret)| (name.as_str(), &**secret)).collect()
}
