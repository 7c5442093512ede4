//! The mapping of `info`, `server`, `upstream` and `middleware.global` where one member becomes one member
//! (api-definition reference 9.2, 9.3).

use super::lines::{Line, Take::*};

/// From the extension to the root of a definition.
pub(super) const EXTENSION: &[Line] = &[
    Line("info.id", "api_id", Text),
    Line("info.dbId", "id", Text),
    Line("info.orgId", "org_id", Text),
    Line("info.name", "name", Text),
    Line("info.expiration", "expiration", Text),
    Line("info.state.active", "active", Flag),
    Line("info.state.internal", "internal", Flag),
    Line("info.versioning.enabled", "definition.enabled", Flag),
    Line("info.versioning.name", "definition.name", Text),
    Line("info.versioning.default", "definition.default", Text),
    Line("info.versioning.location", "definition.location", Text),
    Line("info.versioning.key", "definition.key", Text),
    Line("info.versioning.stripVersioningData", "definition.strip_versioning_data", Flag),
    Line("info.versioning.urlVersioningPattern", "definition.url_versioning_pattern", Text),
    Line("info.versioning.fallbackToDefault", "definition.fallback_to_default", Flag),
    Line("errorOverrides.enabled", "error_overrides_disabled", Not),
    Line("errorOverrides.value", "error_overrides", Raw),
];

/// From `server`.
pub(super) const SERVER: &[Line] = &[
    Line("listenPath.value", "proxy.listen_path", Text),
    Line("listenPath.strip", "proxy.strip_listen_path", Flag),
    Line("protocol", "protocol", Text),
    Line("port", "listen_port", Whole),
    Line("customDomain.enabled", "domain_disabled", Not),
    Line("customDomain.name", "domain", Text),
    Line("customDomain.certificates", "certificates", Texts),
    Line("gatewayTags.enabled", "tags_disabled", Not),
    Line("gatewayTags.tags", "tags", Texts),
    Line("clientCertificates.enabled", "use_mutual_tls_auth", Flag),
    Line("clientCertificates.allowlist", "client_certificates", Texts),
    Line("detailedActivityLogs.enabled", "enable_detailed_recording", Flag),
    Line("detailedTracing.enabled", "detailed_tracing", Flag),
    Line("batchProcessing.enabled", "enable_batch_request_support", Flag),
    Line("ipAccessControl.enabled", "ip_access_control_disabled", Not),
    Line("ipAccessControl.allow", "allowed_ips", Texts),
    Line("ipAccessControl.block", "blacklisted_ips", Texts),
];

/// From `upstream`.
pub(super) const UPSTREAM: &[Line] = &[
    Line("url", "proxy.target_url", Text),
    Line("preserveHostHeader.enabled", "proxy.preserve_host_header", Flag),
    Line("preserveTrailingSlash.enabled", "proxy.disable_strip_slash", Flag),
    Line("uptimeTests.enabled", "uptime_tests.disabled", Not),
    Line("uptimeTests.hostDownRetestPeriod", "uptime_tests.config.recheck_wait", Seconds),
    Line("uptimeTests.logRetentionPeriod", "uptime_tests.config.expire_utime_after", Seconds),
    Line("mutualTLS.enabled", "upstream_certificates_disabled", Not),
    Line("certificatePinning.enabled", "certificate_pinning_disabled", Not),
    Line("rateLimit.enabled", "global_rate_limit.disabled", Not),
    Line("rateLimit.rate", "global_rate_limit.rate", Number),
    Line("rateLimit.per", "global_rate_limit.per", Seconds),
    Line("authentication.enabled", "upstream_auth.enabled", Flag),
    Line("authentication.basicAuth.enabled", "upstream_auth.basic_auth.enabled", Flag),
    Line("authentication.basicAuth.username", "upstream_auth.basic_auth.username", Text),
    Line("authentication.basicAuth.password", "upstream_auth.basic_auth.password", Text),
    Line("authentication.basicAuth.header.enabled", "upstream_auth.basic_auth.header.enabled", Flag),
    Line("authentication.basicAuth.header.name", "upstream_auth.basic_auth.header.name", Text),
    Line("authentication.oauth.enabled", "upstream_auth.oauth.enabled", Flag),
    Line("authentication.oauth.allowedAuthorizeTypes", "upstream_auth.oauth.allowed_authorize_types", Texts),
    Line("authentication.oauth.clientCredentials", "upstream_auth.oauth.client_credentials", Raw),
    Line("authentication.oauth.password", "upstream_auth.oauth.password", Raw),
    Line("authentication.requestSigning.enabled", "request_signing.is_enabled", Flag),
    Line("authentication.requestSigning.signatureHeader", "request_signing.signature_header", Text),
    Line("authentication.requestSigning.algorithm", "request_signing.algorithm", Text),
    Line("authentication.requestSigning.keyId", "request_signing.key_id", Text),
    Line("authentication.requestSigning.headers", "request_signing.header_list", Texts),
    Line("authentication.requestSigning.secret", "request_signing.secret", Text),
    Line("authentication.requestSigning.certificateId", "request_signing.certificate_id", Text),
    Line("tlsTransport.insecureSkipVerify", "proxy.transport.ssl_insecure_skip_verify", Flag),
    Line("tlsTransport.ciphers", "proxy.transport.ssl_ciphers", Texts),
    Line("tlsTransport.forceCommonNameCheck", "proxy.transport.ssl_force_common_name_check", Flag),
    Line("enforceTimeout.enabled", "version_data.versions..global_enforce_timeout_disabled", Not),
    Line("enforceTimeout.duration", "version_data.versions..global_enforce_timeout", Text),
];

/// From `upstream.serviceDiscovery` and that of uptime tests.
pub(super) const DISCOVERY: &[Line] = &[
    Line("enabled", "use_discovery_service", Flag),
    Line("queryEndpoint", "query_endpoint", Text),
    Line("dataPath", "data_path", Text),
    Line("useNestedQuery", "use_nested_query", Flag),
    Line("parentDataPath", "parent_data_path", Text),
    Line("portDataPath", "port_data_path", Text),
    Line("useTargetList", "use_target_list", Flag),
    Line("targetPath", "target_path", Text),
    Line("endpointReturnsList", "endpoint_returns_list", Flag),
    Line("cache.enabled", "cache_disabled", Not),
    Line("cacheTimeout", "cache_timeout", Whole),
    Line("cache.timeout", "cache_timeout", Whole),
];

/// From an entry of `upstream.uptimeTests.tests`.
pub(super) const UPTIME_TEST: &[Line] = &[
    Line("url", "url", Text),
    Line("method", "method", Text),
    Line("headers", "headers", Raw),
    Line("body", "body", Text),
    Line("commands", "commands", Raw),
    Line("enableProxyProtocol", "enable_proxy_protocol", Flag),
];

/// From `middleware.global`.
pub(super) const GLOBAL: &[Line] = &[
    Line("pluginConfig.driver", "custom_middleware.driver", Text),
    Line("pluginConfig.bundle.enabled", "custom_middleware_bundle_disabled", Not),
    Line("pluginConfig.bundle.path", "custom_middleware_bundle", Text),
    Line("pluginConfig.data.enabled", "config_data_disabled", Not),
    Line("pluginConfig.data.value", "config_data", Raw),
    Line("cors.enabled", "CORS.enable", Flag),
    Line("cors.maxAge", "CORS.max_age", Whole),
    Line("cors.allowCredentials", "CORS.allow_credentials", Flag),
    Line("cors.exposedHeaders", "CORS.exposed_headers", Texts),
    Line("cors.allowedHeaders", "CORS.allowed_headers", Texts),
    Line("cors.optionsPassthrough", "CORS.options_passthrough", Flag),
    Line("cors.debug", "CORS.debug", Flag),
    Line("cors.allowedOrigins", "CORS.allowed_origins", Texts),
    Line("cors.allowedMethods", "CORS.allowed_methods", Texts),
    Line("cache.enabled", "cache_options.enable_cache", Flag),
    Line("cache.timeout", "cache_options.cache_timeout", Whole),
    Line("cache.cacheAllSafeRequests", "cache_options.cache_all_safe_requests", Flag),
    Line("cache.cacheResponseCodes", "cache_options.cache_response_codes", Wholes),
    Line("cache.cacheByHeaders", "cache_options.cache_by_headers", Texts),
    Line("cache.enableUpstreamCacheControl", "cache_options.enable_upstream_cache_control", Flag),
    Line("cache.controlTTLHeaderName", "cache_options.cache_control_ttl_header", Text),
    Line("transformRequestHeaders.enabled", "version_data.versions..global_headers_disabled", Not),
    Line("transformRequestHeaders.remove", "version_data.versions..global_headers_remove", Texts),
    Line("transformRequestHeaders.add", "version_data.versions..global_headers", Pairs),
    Line("transformResponseHeaders.enabled", "version_data.versions..global_response_headers_disabled", Not),
    Line("transformResponseHeaders.remove", "version_data.versions..global_response_headers_remove", Texts),
    Line("transformResponseHeaders.add", "version_data.versions..global_response_headers", Pairs),
    Line("contextVariables.enabled", "enable_context_vars", Flag),
    Line("trafficLogs.enabled", "do_not_track", Not),
    Line("trafficLogs.tagHeaders", "tag_headers", Texts),
    Line("trafficLogs.customRetentionPeriod", "expire_analytics_after", Seconds),
    Line("requestSizeLimit.enabled", "version_data.versions..global_size_limit_disabled", Not),
    Line("requestSizeLimit.value", "version_data.versions..global_size_limit", Whole),
    Line("ignoreCase.enabled", "version_data.versions..ignore_endpoint_case", Flag),
    Line("skipRateLimit", "disable_rate_limit", Flag),
    Line("skipQuota", "disable_quota", Flag),
    Line("skipQuotaReset", "dont_set_quota_on_create", Flag),
];

/// An entry of a list of hooks.
pub(super) const HOOK: &[Line] = &[
    Line("enabled", "disabled", Not),
    Line("functionName", "name", Text),
    Line("path", "path", Text),
    Line("code", "code", Text),
    Line("rawBodyOnly", "raw_body_only", Flag),
    Line("requireSession", "require_session", Flag),
    Line("pinhook", "pinhook", Raw),
];

/// `trafficLogs.plugins[0]`.
pub(super) const RECORD_HOOK: &[Line] = &[
    Line("enabled", "enable", Flag),
    Line("functionName", "func_name", Text),
    Line("path", "plugin_path", Text),
    Line("pinhook", "pinhook", Raw),
];

/// A webhook's settings.
pub(super) const WEBHOOK: &[Line] = &[
    Line("enabled", "disabled", Not),
    Line("id", "id", Text),
    Line("name", "name", Text),
    Line("method", "method", Text),
    Line("url", "target_path", Text),
    Line("bodyTemplate", "template_path", Text),
    Line("headers", "header_map", Pairs),
    Line("cooldownPeriod", "event_timeout", Seconds),
];

/// Settings of an event handler in code.
pub(super) const EVENT_CODE: &[Line] = &[
    Line("enabled", "disabled", Not),
    Line("id", "id", Text),
    Line("functionName", "name", Text),
    Line("path", "path", Text),
];

/// Settings of an event handler that logs.
pub(super) const EVENT_LOG: &[Line] =
    &[Line("enabled", "disabled", Not), Line("id", "id", Text), Line("logPrefix", "prefix", Text)];
