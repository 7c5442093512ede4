//! `extended_paths`: what happens on single endpoints (api-definition reference 3.5).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    member::members,
    plugins::{GoPlugin, Virtual},
    rewrite::UrlRewrite,
    value::ReadableDuration,
};

members! {
    /// Endpoint rules by kind; within a kind the first match wins.
    pub struct ExtendedPaths {
        /// No auth on these.
        ignored: Vec<ListEntry> => omit,
        /// Only these are served.
        white_list: Vec<ListEntry> => omit,
        /// These are not served.
        black_list: Vec<ListEntry> => omit,
        /// Answered without an upstream.
        mock_response: Vec<MockResponse> => omit,
        /// Cached, safe methods only.
        cache: Vec<String> => omit,
        /// Cached, with settings.
        advance_cache_config: Vec<CacheEntry> => omit,
        /// Request body templates.
        transform: Vec<BodyTransform> => omit,
        /// Response body templates.
        transform_response: Vec<BodyTransform> => omit,
        /// Request body filters.
        transform_jq: Vec<JqTransform> => omit,
        /// Response body filters.
        transform_jq_response: Vec<JqTransform> => omit,
        /// Request headers.
        transform_headers: Vec<HeaderTransform> => omit,
        /// Response headers.
        transform_response_headers: Vec<HeaderTransform> => omit,
        /// Upstream time limits.
        hard_timeouts: Vec<HardTimeout> => omit,
        /// Circuit breakers.
        circuit_breakers: Vec<CircuitBreaker> => omit,
        /// URL rewrites.
        url_rewrites: Vec<UrlRewrite> => omit,
        /// Script endpoints.
        virtual_endpoints: Vec<Virtual> as "virtual" => omit,
        /// Request body limits.
        size_limits: Vec<SizeLimit> => omit,
        /// Changes of the method.
        method_transforms: Vec<MethodTransform> => omit,
        /// Analytics names the endpoint.
        track_endpoints: Vec<TrackEndpoint> => omit,
        /// No analytics.
        do_not_track_endpoints: Vec<TrackEndpoint> => omit,
        /// JSON Schema of request bodies.
        validate_json: Vec<ValidateJson> => omit,
        /// Carrier of the OAS request validation.
        validate_request: Vec<ValidateRequest> => omit,
        /// Only reachable by looping.
        internal: Vec<TrackEndpoint> => omit,
        /// Native hooks.
        go_plugin: Vec<GoPlugin> => omit,
        /// REST requests that become GraphQL ones.
        persist_graphql: Vec<PersistGraphql>,
        /// Limits per endpoint.
        rate_limit: Vec<EndpointRateLimit>,
    }

    /// Entry of `white_list`, `black_list`, `ignored`.
    pub struct ListEntry {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method; empty is all.
        method: String,
        /// The path's case does not matter.
        ignore_case: bool,
        /// What happens by method.
        method_actions: BTreeMap<String, MethodAction>,
    }

    /// What a list entry does for one method.
    pub struct MethodAction {
        /// `no_action` (the list's verdict) or `reply`.
        action: String,
        /// Status of a reply.
        code: i64,
        /// Body of a reply.
        data: String,
        /// Headers of a reply.
        headers: BTreeMap<String, String>,
    }

    /// Entry of `mock_response`.
    pub struct MockResponse {
        /// Takes the entry out.
        disabled: bool,
        /// The path's case does not matter.
        ignore_case: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// Status.
        code: i64,
        /// Body.
        body: String,
        /// Headers.
        headers: BTreeMap<String, String>,
    }

    /// Entry of `advance_cache_config`.
    pub struct CacheEntry {
        /// Takes the entry out.
        disabled: bool,
        /// Method.
        method: String,
        /// Endpoint path.
        path: String,
        /// The part of the body that belongs to the key.
        cache_key_regex: String,
        /// Statuses that are cached; empty is all.
        cache_response_codes: Vec<i64>,
        /// Seconds.
        timeout: i64,
    }

    /// Entry of `transform` and `transform_response`.
    pub struct BodyTransform {
        /// Takes the entry out.
        disabled: bool,
        /// The template.
        template_data: TemplateData,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
    }

    /// The template of a body transform.
    pub struct TemplateData {
        /// `json` or `xml`.
        input_type: String,
        /// `file` or `blob`.
        template_mode: String,
        /// The template sees session metadata.
        enable_session: bool,
        /// File path, or base64 of the template.
        template_source: String,
    }

    /// Entry of `transform_jq` and `transform_jq_response`.
    pub struct JqTransform {
        /// The jq program.
        filter: String,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
    }

    /// Entry of `transform_headers` and `transform_response_headers`.
    pub struct HeaderTransform {
        /// Takes the entry out.
        disabled: bool,
        /// Removed first.
        delete_headers: Vec<String>,
        /// Set, replacing what is there.
        add_headers: BTreeMap<String, String>,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// Without effect.
        act_on: bool,
    }

    /// Entry of `hard_timeouts`.
    pub struct HardTimeout {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// Seconds.
        timeout: i64,
        /// Wins over `timeout` when above zero.
        duration: ReadableDuration => omit,
    }

    /// Entry of `circuit_breakers`.
    pub struct CircuitBreaker {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// Share of failures that trips it, 0 to 1.
        threshold_percent: f64,
        /// Fewest requests in the window.
        samples: i64,
        /// Seconds until it closes.
        return_to_service_after: i64,
        /// No trial requests while open.
        disable_half_open_state: bool,
    }

    /// Entry of `size_limits`.
    pub struct SizeLimit {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// Bytes.
        size_limit: i64,
    }

    /// Entry of `method_transforms`.
    pub struct MethodTransform {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method of the request.
        method: String,
        /// Method for the upstream.
        to_method: String,
    }

    /// Entry of `track_endpoints`, `do_not_track_endpoints`, `internal`.
    pub struct TrackEndpoint {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
    }

    /// Entry of `validate_json`.
    pub struct ValidateJson {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// JSON Schema.
        schema: Map<String, Value>,
        /// The same in base64.
        schema_b64: String => omit,
        /// Status of a refusal; 422 when 0.
        error_response_code: i64,
    }

    /// Entry of `validate_request`.
    pub struct ValidateRequest {
        /// The switch.
        enabled: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// Status of a refusal.
        error_response_code: i64,
    }

    /// Entry of `persist_graphql`.
    pub struct PersistGraphql {
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// The GraphQL operation.
        operation: String,
        /// Its variables.
        variables: Map<String, Value>,
    }

    /// Entry of `rate_limit`.
    pub struct EndpointRateLimit {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// Requests per `per`.
        rate: f64,
        /// Seconds.
        per: f64,
    }
}
