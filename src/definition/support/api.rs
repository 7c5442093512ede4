//! Settings of a whole API or version.

use super::{
    super::{ApiDefinition, VersionInfo},
    Effect,
    Effect::{Instead, Refuse},
    Lint,
};

/// A setting: its JSON path, whether it is on, what follows.
struct Setting<T>(&'static str, fn(&T) -> bool, Effect);

const SETTINGS: &[Setting<ApiDefinition>] = &[
    // Who may call.
    Setting(
        "external_oauth.enabled",
        |d| guarded(d, d.external_oauth.enabled),
        Refuse("tokens of external issuers can be checked; enable_jwt with jwt_source serves most of them"),
    ),
    Setting(
        "use_openid",
        |d| guarded(d, d.use_openid),
        Refuse("OpenID Connect is built; enable_jwt with jwt_jwks_uris serves most issuers"),
    ),
    // Whom it trusts.
    Setting(
        "pinned_public_keys",
        |d| !d.pinned_public_keys.is_empty() && !d.certificate_pinning_disabled,
        Refuse("upstream keys can be pinned"),
    ),
    Setting(
        "upstream_certificates",
        |d| !d.upstream_certificates.is_empty() && !d.upstream_certificates_disabled,
        Refuse("client certificates can be sent to the upstream"),
    ),
    Setting("upstream_auth", |d| d.upstream_auth.enabled, Refuse("credentials can be sent to the upstream")),
    Setting("request_signing", |d| d.request_signing.is_enabled, Refuse("requests can be signed")),
    Setting(
        "proxy.transport.ssl_ciphers",
        |d| !d.proxy.transport.ssl_ciphers.is_empty(),
        Refuse("upstream cipher lists are honoured"),
    ),
    Setting(
        "proxy.transport.ssl_min_version",
        |d| d.proxy.transport.ssl_min_version != 0,
        Refuse("upstream TLS versions are honoured"),
    ),
    Setting(
        "proxy.transport.ssl_max_version",
        |d| d.proxy.transport.ssl_max_version != 0,
        Refuse("upstream TLS versions are honoured"),
    ),
    Setting(
        "proxy.transport.ssl_force_common_name_check",
        |d| d.proxy.transport.ssl_force_common_name_check,
        Refuse("the common name can be checked"),
    ),
    // What it is.
    Setting("version_data.not_versioned", |d| !d.version_data.not_versioned, Refuse("versions are chosen")),
    Setting("definition.enabled", |d| d.definition.enabled, Refuse("versions are chosen")),
    Setting(
        "graphql.enabled",
        |d| d.graphql.get("enabled").and_then(serde_json::Value::as_bool).unwrap_or_default(),
        Refuse("GraphQL is served"),
    ),
    Setting(
        "proxy.target_url",
        |d| other_scheme(&d.proxy.target_url),
        Refuse("targets of this scheme are served"),
    ),
    Setting(
        "certificates",
        |d| !d.certificates.is_empty(),
        Instead("the gateway's own certificate is shown for this domain"),
    ),
    Setting("enable_proxy_protocol", |d| d.enable_proxy_protocol, Instead("the PROXY protocol is not read")),
    // Where requests go.
    Setting(
        "proxy.enable_load_balancing",
        |d| d.proxy.enable_load_balancing,
        Instead("every request goes to target_url, and target_list is not used"),
    ),
    Setting(
        "proxy.service_discovery.use_discovery_service",
        |d| d.proxy.service_discovery.use_discovery_service,
        Instead("every request goes to target_url"),
    ),
    Setting(
        "proxy.check_host_against_uptime_tests",
        |d| d.proxy.check_host_against_uptime_tests,
        Instead("no host counts as down"),
    ),
    Setting(
        "uptime_tests.check_list",
        |d| !d.uptime_tests.disabled && !d.uptime_tests.check_list.is_empty(),
        Instead("no host is checked"),
    ),
    Setting(
        "proxy.transport.proxy_url",
        |d| !d.proxy.transport.proxy_url.is_empty(),
        Refuse("requests can leave through an egress proxy"),
    ),
    // What else happens to a request.
    Setting(
        "CORS.enable",
        |d| d.cors.enable,
        Instead("no CORS header is added, and OPTIONS requests go upstream"),
    ),
    Setting(
        "CORS.options_passthrough",
        |d| d.cors.options_passthrough,
        Instead("OPTIONS requests run the whole chain"),
    ),
    Setting(
        "enable_batch_request_support",
        |d| d.enable_batch_request_support,
        Instead("requests to tyk/batch/ go upstream"),
    ),
    Setting(
        "response_processors",
        |d| !d.response_processors.is_empty(),
        Instead("responses pass without these steps"),
    ),
    Setting(
        "error_overrides",
        |d| !d.error_overrides.is_empty() && !d.error_overrides_disabled,
        Instead("errors keep their usual answers"),
    ),
    // Who is told.
    Setting("detailed_tracing", |d| d.detailed_tracing, Instead("no spans are made")),
];

const VERSION_SETTINGS: &[Setting<VersionInfo>] = &[Setting(
    "global_enforce_timeout",
    |v| v.global_enforce_timeout.duration().is_some() && !v.global_enforce_timeout_disabled,
    Instead("proxy_default_timeout of the gateway applies"),
)];

pub(super) fn check(definition: &ApiDefinition, place: &str, found: &mut Lint) {
    for Setting(path, asked, effect) in SETTINGS {
        if asked(definition) {
            effect.report(place, *path, found);
        }
    }
}

pub(super) fn check_version(version: &VersionInfo, at: &str, place: &str, found: &mut Lint) {
    for Setting(path, asked, effect) in VERSION_SETTINGS {
        if asked(version) {
            effect.report(place, format!("{at}.{path}"), found);
        }
    }
}

/// Keyless wins over every method.
fn guarded(definition: &ApiDefinition, asked: bool) -> bool {
    !definition.use_keyless && asked
}

/// A target with a scheme that requests cannot be sent to.
fn other_scheme(target: &str) -> bool {
    const SERVED: [&str; 6] = ["http", "https", "ws", "wss", "h2c", "tyk"];
    target.split_once("://").is_some_and(|(scheme, _)| !SERVED.iter().any(|s| scheme.eq_ignore_ascii_case(s)))
}
