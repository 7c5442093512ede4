//! [`ApiDefinition`]: the root object of a Classic definition (api-definition reference 2.1).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{auth::*, events::EventHandlers, member::members, options::*, plugins::*, proxy::*, version::*};

members! {
    /// One API as its author wrote it. Field names are JSON names; what a flag means in the end is for the
    /// middleware that reads it.
    pub struct ApiDefinition {
        /// Database id: empty or 24 hex digits.
        id: String => omit,
        /// Name, also a loop address.
        name: String,
        /// Slug.
        slug: String,
        /// Port of its own; 0 is the gateway's.
        listen_port: i64,
        /// `""`, `http`, `https`, `h2c`, `tcp`, `tls`.
        protocol: String,
        /// PROXY protocol on `tcp` and `tls` listeners.
        enable_proxy_protocol: bool,
        /// Id; the API also answers below `/<api_id>/`.
        api_id: String,
        /// Organisation.
        org_id: String,
        /// No auth at all.
        use_keyless: bool,
        /// OAuth 2 server of the gateway.
        use_oauth2: bool,
        /// Tokens of other issuers.
        external_oauth: ExternalOauth,
        /// OpenID Connect.
        use_openid: bool,
        /// Its issuers.
        openid_options: OpenIdOptions,
        /// Grants of the OAuth 2 server.
        oauth_meta: OauthMeta,
        /// Old form of `auth_configs`.
        auth: AuthConfig,
        /// By method: `authToken`, `jwt`, `hmac`, `basic`, `coprocess`, `oauth`, `oidc`, `externalOAuth`.
        auth_configs: BTreeMap<String, AuthConfig>,
        /// Basic auth.
        use_basic_auth: bool,
        /// Its settings.
        basic_auth: BasicAuth,
        /// Client certificates.
        use_mutual_tls_auth: bool,
        /// Ids of those that may call.
        client_certificates: Vec<String>,
        /// Host pattern to certificate id, for the upstream.
        upstream_certificates: BTreeMap<String, String>,
        /// Switches them off.
        upstream_certificates_disabled: bool => omit,
        /// Host to fingerprints, comma between.
        pinned_public_keys: BTreeMap<String, String>,
        /// Switches them off.
        certificate_pinning_disabled: bool => omit,
        /// JSON Web Tokens.
        enable_jwt: bool,
        /// Auth tokens.
        use_standard_auth: bool,
        /// Old switch of the auth hook.
        use_go_plugin_auth: bool,
        /// Old switch of the auth hook.
        enable_coprocess_auth: bool,
        /// The auth hook.
        custom_plugin_auth_enabled: bool,
        /// `rsa`, `hmac`, `ecdsa`.
        jwt_signing_method: String,
        /// URL of a key set, or a key in base64.
        jwt_source: String,
        /// Key sets.
        jwt_jwks_uris: Vec<JwksUri>,
        /// Claim that is the identity.
        jwt_identity_base_field: String,
        /// Claim that is the client.
        jwt_client_base_field: String,
        /// Claim that is the policy.
        jwt_policy_field_name: String,
        /// Policies of tokens that name none.
        jwt_default_policies: Vec<String>,
        /// Seconds.
        jwt_issued_at_validation_skew: u64,
        /// Seconds.
        jwt_expires_at_validation_skew: u64,
        /// Seconds.
        jwt_not_before_validation_skew: u64,
        /// The key id does not count as identity.
        jwt_skip_kid: bool,
        /// Scopes and their policies.
        scopes: Scopes,
        /// Switches the mapping of client ids off.
        idp_client_id_mapping_disabled: bool,
        /// Old form of `scopes`.
        jwt_scope_to_policy_mapping: BTreeMap<String, String>,
        /// Old form of `scopes`.
        jwt_scope_claim_name: String,
        /// OAuth notifications.
        notifications: Notifications,
        /// Signed requests.
        enable_signature_checking: bool,
        /// Milliseconds; 0 does not check.
        hmac_allowed_clock_skew: f64,
        /// Algorithms of signed requests.
        hmac_allowed_algorithms: Vec<String>,
        /// Signs requests to the upstream.
        request_signing: RequestSigning,
        /// Whose session counts when several auth methods are on.
        base_identity_provided_by: String,
        /// How a request names its version.
        definition: Versioning,
        /// The versions.
        version_data: VersionData,
        /// Checks of hosts.
        uptime_tests: Box<UptimeTests>,
        /// Listen path and upstream.
        proxy: Proxy,
        /// No rate limits.
        disable_rate_limit: bool,
        /// No quotas.
        disable_quota: bool,
        /// Hooks.
        custom_middleware: CustomMiddleware,
        /// Bundle file, or several with commas between.
        custom_middleware_bundle: String,
        /// Ignores it.
        custom_middleware_bundle_disabled: bool,
        /// Cache.
        cache_options: CacheOptions,
        /// Seconds that a session is stored.
        session_lifetime: i64,
        /// It never ends before the key.
        session_lifetime_respects_key_expiration: bool => omit,
        /// Not looked at when files are loaded, as in Tyk.
        active: bool,
        /// Only reachable by looping.
        internal: bool,
        /// Storage of keys.
        auth_provider: Provider,
        /// Storage of sessions.
        session_provider: Provider,
        /// Who is told what happens.
        event_handlers: EventHandlers,
        /// Several requests in one, at `tyk/batch/`.
        enable_batch_request_support: bool,
        /// Old switch of `allowed_ips`.
        enable_ip_whitelisting: bool,
        /// Addresses that may call.
        allowed_ips: Vec<String>,
        /// Old switch of `blacklisted_ips`.
        enable_ip_blacklisting: bool,
        /// Addresses that may not.
        blacklisted_ips: Vec<String>,
        /// Leaves both lists to their old switches.
        ip_access_control_disabled: bool,
        /// New keys have no quota.
        dont_set_quota_on_create: bool,
        /// Seconds that analytics records live.
        expire_analytics_after: i64,
        /// Steps on the response.
        response_processors: Vec<ResponseProcessor>,
        /// Cross-origin requests.
        cors: CorsOptions as "CORS",
        /// Host; counts with `enable_custom_domains`.
        domain: String,
        /// Ignores it.
        domain_disabled: bool => omit,
        /// Server certificates of the domain.
        certificates: Vec<String>,
        /// No analytics.
        do_not_track: bool,
        /// Context variables.
        enable_context_vars: bool,
        /// Handed to hooks.
        config_data: Map<String, Value>,
        /// Not handed over.
        config_data_disabled: bool,
        /// Headers that become analytics tags.
        tag_headers: Vec<String>,
        /// One limit for all clients.
        global_rate_limit: GlobalRateLimit,
        /// Credentials do not reach the upstream.
        strip_auth_data: bool,
        /// Records whole requests and responses.
        enable_detailed_recording: bool,
        /// GraphQL; out of scope, kept as written.
        graphql: Map<String, Value>,
        /// Edits analytics records.
        analytics_plugin: AnalyticsPlugin,
        /// Segment tags, also analytics tags.
        tags: Vec<String>,
        /// No segment tags.
        tags_disabled: bool => omit,
        /// A span for each middleware.
        detailed_tracing: bool,
        /// Credentials for the upstream.
        upstream_auth: UpstreamAuth,
        /// Other answers to errors, by status or class.
        error_overrides: BTreeMap<String, Vec<ErrorOverride>>,
        /// Switches them off.
        error_overrides_disabled: bool,
        /// `2006-01-02 15:04`, UTC; counts when not versioned.
        expiration: String => omit,
        /// The OAS document is in the companion file.
        is_oas: bool => omit,
        /// Security requirements of the OAS document.
        security_requirements: Vec<Vec<String>> => omit,
        /// What pinhook adds.
        pinhook: ApiPinhook => omit,
    }
}
