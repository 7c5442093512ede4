//! Settings of an API that are objects of their own and belong to no other file here: CORS, cache, limits, error
//! overrides, response processors (api-definition reference 2.5, 3.14, 3.15, 7.4).

use std::collections::BTreeMap;

use serde_json::Value;

use super::member::members;

members! {
    /// `CORS`.
    pub struct CorsOptions {
        /// The switch.
        enable: bool,
        /// Empty is all.
        allowed_origins: Vec<String>,
        /// Empty is GET, POST, HEAD.
        allowed_methods: Vec<String>,
        /// Empty is accept, content-type, x-requested-with.
        allowed_headers: Vec<String>,
        /// Headers that scripts may read.
        exposed_headers: Vec<String>,
        /// Cookies may be sent.
        allow_credentials: bool,
        /// Seconds that a preflight answer is kept.
        max_age: i64,
        /// OPTIONS goes upstream and skips every middleware, even while `enable` is off.
        options_passthrough: bool,
        /// Logs decisions.
        debug: bool,
    }

    /// `cache_options`.
    pub struct CacheOptions {
        /// Seconds.
        cache_timeout: i64,
        /// The switch; nothing is cached without it.
        enable_cache: bool,
        /// Caches GET, HEAD, OPTIONS everywhere.
        cache_all_safe_requests: bool,
        /// Statuses that are cached; empty is all.
        cache_response_codes: Vec<i64>,
        /// The upstream decides by header.
        enable_upstream_cache_control: bool,
        /// Header with the seconds.
        cache_control_ttl_header: String,
        /// Request headers that belong to the key.
        cache_by_headers: Vec<String>,
    }

    /// `global_rate_limit`: one limit for all clients of the API.
    pub struct GlobalRateLimit {
        /// Switches it off.
        disabled: bool,
        /// Requests per `per`; 0 is no limit.
        rate: f64,
        /// Seconds.
        per: f64,
    }

    /// Entry of `response_processors`.
    pub struct ResponseProcessor {
        /// `header_injector`, `header_transform`, `response_body_transform_jq`, …
        name: String,
        /// Its settings.
        options: Value,
    }

    /// Rule of `error_overrides`.
    pub struct ErrorOverride {
        /// When it applies; absent is always.
        matches: Option<ErrorMatch> as "match" => omit,
        /// The answer.
        response: ErrorResponse,
    }

    /// When an error override applies.
    pub struct ErrorMatch {
        /// Error flag such as `URS`.
        flag: String => omit,
        /// Regex over the message.
        message_pattern: String => omit,
        /// Path into a JSON body.
        body_field: String => omit,
        /// What is there.
        body_value: String => omit,
    }

    /// The answer of an error override.
    pub struct ErrorResponse {
        /// 0 keeps the status.
        status_code: i64 => omit,
        /// Body, or a template of it.
        body: String => omit,
        /// Message for the usual template.
        message: String => omit,
        /// Name of a template file.
        template: String => omit,
        /// Set on the answer.
        headers: BTreeMap<String, String> => omit,
    }
}
