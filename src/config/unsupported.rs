//! Settings that pinhook does not honour, and what happens instead. Nothing that a user wrote is ignored unseen.
//!
//! A feature that gets built takes its lines out of the table.

use crate::error::Problem;

use super::{
    check::place,
    document::{Kind, Node},
};

/// One setting.
struct Unsupported {
    /// Keys, joined by dots.
    path: &'static str,
    /// Values that ask for nothing special.
    harmless: &'static [&'static str],
    /// What happens.
    what: &'static str,
}

const fn whenever(path: &'static str, what: &'static str) -> Unsupported {
    Unsupported { path, harmless: &[], what }
}

const fn unless(path: &'static str, harmless: &'static [&'static str], what: &'static str) -> Unsupported {
    Unsupported { path, harmless, what }
}

const DASHBOARD: &str = "not supported yet: API definitions come from app_path only";
const CONTROL_PLANE: &str = "not supported yet: this gateway talks to no control plane";
const SESSIONS: &str = "not supported: keys are in `storage` and behave as Tyk's do without this";
const LOGS: &str = "not supported yet: logs go to standard error only";
const TRACES: &str = "not supported yet: no traces or metrics are sent; see pinhook.metrics_address";
const UPSTREAM_TLS: &str = "not honoured yet: APIs with a TLS upstream answer 500";
const OUTBOUND: &str = "not supported yet: outbound calls use no proxy";
const ERRORS: &str = "not built yet: answers keep their built-in texts";

const TABLE: &[Unsupported] = &[
    whenever("use_db_app_configs", DASHBOARD),
    whenever("db_app_conf_options.connection_string", DASHBOARD),
    whenever("slave_options.use_rpc", CONTROL_PLANE),
    unless("policies.policy_source", &["", "file"], "not supported yet: policies come from files only"),
    whenever("legacy_enable_allowance_countdown", SESSIONS),
    whenever("auth_override.force_auth_provider", SESSIONS),
    whenever("auth_override.force_session_provider", SESSIONS),
    whenever("enforce_org_data_age", "not built yet: organisations do not set how long records live"),
    whenever("enforce_org_data_detail_logging", "not built yet: organisations do not turn recording on"),
    whenever("error_overrides", ERRORS),
    whenever("http_server_options.server_name", "not supported yet: the certificate alone names the server"),
    whenever("http_server_options.use_ssl_le", "not supported: bring certificates of your own"),
    whenever("http_server_options.max_response_body_size", "not built yet: there are no body transforms"),
    whenever("proxy_enable_http2", "not supported yet: upstreams are called with HTTP/1.1"),
    unless("proxy_ssl_min_version", &["768", "769", "770", "771"], UPSTREAM_TLS),
    unless("proxy_ssl_max_version", &["772"], UPSTREAM_TLS),
    whenever("proxy_ssl_ciphers", UPSTREAM_TLS),
    whenever("ssl_force_common_name_check", UPSTREAM_TLS),
    whenever("max_idle_connections_per_host", "not limited per host: see max_idle_connections"),
    whenever("max_conn_time", "not supported yet: upstream connections live until they are idle"),
    whenever("analytics_config.enable_geo_ip", "not supported yet: records have no geographic data"),
    unless("analytics_config.type", &[""], CONTROL_PLANE),
    unless("analytics_config.serializer_type", &["", "msgpack"], "not supported yet: records are msgpack"),
    whenever(
        "coprocess_options.python_path_prefix",
        "has no effect: the modules of Tyk are built in; pinhook.python.path names folders of yours",
    ),
    whenever("allow_remote_config", "not supported: the config is changed in its file"),
    whenever("use_redis_log", LOGS),
    whenever("use_sentry", LOGS),
    whenever("use_syslog", LOGS),
    whenever("use_graylog", LOGS),
    whenever("use_logstash", LOGS),
    whenever("statsd_connection_string", TRACES),
    whenever("newrelic.license_key", TRACES),
    whenever("tracing.enabled", TRACES),
    whenever("opentelemetry.enabled", TRACES),
    whenever("security.pinned_public_keys", "not built yet: APIs whose upstream is pinned answer 500"),
    whenever("security.certificates.upstream", "not built yet: upstreams get no client certificate"),
    whenever("security.certificates.dashboard_api", DASHBOARD),
    whenever("security.certificates.mdcb_api", CONTROL_PLANE),
    whenever(
        "security.certificate_expiry_monitor",
        "not built yet: nothing warns ahead of a certificate's end",
    ),
    whenever("enable_http_profiler", "not supported: use the tools of the system, such as perf"),
    whenever("external_services", OUTBOUND),
    whenever("kv.consul", "not supported yet: use env://, secrets:// or file://"),
    whenever("kv.vault", "not supported yet: use env://, secrets:// or file://"),
    whenever("streaming.enabled", "not supported: streams do not run"),
    whenever("labs", "not supported: experiments of Tyk do not run"),
    whenever("oas_config", "not built yet: examples and defaults of OAS documents are not checked"),
    whenever("cloud", "not supported: pinhook does not run in Tyk Cloud"),
];

/// A warning for each setting in `document` that is not honoured.
pub(super) fn report(document: &Node, file: &str) -> Vec<Problem> {
    let asked = TABLE.iter().filter_map(|entry| {
        let node = document.at(entry.path.split('.')).filter(|node| node.is_set())?;
        let harmless = match &node.kind {
            Kind::Text(text) => entry.harmless.contains(&text.as_str()),
            Kind::Number(number) => entry.harmless.contains(&number.to_string().as_str()),
            _ => false,
        };
        (!harmless).then(|| place(Problem::warning(file, entry.path, entry.what), &node.origin))
    });
    asked.collect()
}

#[cfg(test)]
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|entry| entry.path)
}
