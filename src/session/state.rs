//! [`SessionState`]: what one key may do, as it stands in the store (sessions reference 1.1).
//!
//! One JSON object per key, shared with Tyk: a zero field is not written, `null` is zero, and a member that has no
//! field here is kept for the way back.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::definition::member::members;

members! {
    /// What a key may do, and how much of it is left.
    pub struct SessionState {
        /// Of no use; kept.
        last_check: i64 => omit,
        /// Of no use; kept.
        allowance: f64 => omit,
        /// Requests in `per` seconds; nothing above zero is no limit.
        rate: f64 => omit,
        /// Seconds.
        per: f64 => omit,
        /// Seconds between retries of a request that is over its rate.
        throttle_interval: f64 => omit,
        /// How many retries; nothing above zero is none.
        throttle_retry_limit: i64 => omit,
        /// GraphQL: -1 is no limit.
        max_query_depth: i64 => omit,
        /// RFC 3339; survives updates.
        date_created: String => omit,
        /// Unix seconds; nothing above zero is never.
        expires: i64 => omit,
        /// Requests in a period; nothing above zero is no quota, -1 says so on purpose.
        quota_max: i64 => omit,
        /// Unix seconds at which the period ends; for information.
        quota_renews: i64 => omit,
        /// For information: the counter is a key of its own.
        quota_remaining: i64 => omit,
        /// Seconds; nothing above zero never renews.
        quota_renewal_rate: i64 => omit,
        /// By API id. None at all is every API.
        access_rights: BTreeMap<String, AccessDefinition> => omit,
        /// Organisation.
        org_id: String => omit,
        /// The client that an OAuth token was given to.
        oauth_client_id: String => omit,
        /// Password grant: the last token by client.
        oauth_keys: BTreeMap<String, String> => omit,
        /// Organisation and SHA-256 of the client certificate that is the key.
        certificate: String => omit,
        /// Ids of the certificates that may use the key.
        mtls_static_certificate_bindings: Vec<String> => omit,
        /// Basic auth.
        basic_auth_data: BasicAuthData => omit,
        /// JWT in per-key mode.
        jwt_data: JwtData => omit,
        /// Signed requests.
        hmac_enabled: bool => omit,
        /// RSA signatures; HMAC as well.
        enable_http_signature_validation: bool => omit,
        /// Secret of HMAC signatures.
        hmac_string: String => omit,
        /// Public key of RSA signatures.
        rsa_certificate_id: String => omit,
        /// Switched off.
        is_inactive: bool => omit,
        /// Old form of `apply_policies`; counts where that is empty.
        apply_policy_id: String => omit,
        /// Policy ids, in order.
        apply_policies: Vec<String> => omit,
        /// Organisations only: seconds that records live.
        data_expires: i64 => omit,
        /// Quota percentages that raise an event.
        monitor: SessionMonitor => omit,
        /// Old name of `enable_detailed_recording`.
        enable_detail_recording: bool => omit,
        /// Records of this key are detailed.
        enable_detailed_recording: bool => omit,
        /// Anything.
        meta_data: Map<String, Value> => omit,
        /// Copied to analytics.
        tags: Vec<String> => omit,
        /// A name for analytics.
        alias: String => omit,
        /// Unix time as text. A change begins new rate limit buckets.
        last_updated: String => omit,
        /// Until when the id of a rich plugin counts; unix seconds.
        id_extractor_deadline: i64 => omit,
        /// Seconds that it is stored.
        session_lifetime: i64 => omit,
        /// `delete`, `retain` or nothing.
        post_expiry_action: String => omit,
        /// Seconds; -1 is for ever.
        post_expiry_grace_period: i64 => omit,
        /// Rate that follows the traffic.
        smoothing: Option<Smoothing> => omit,
    }

    /// What a key may do on one API.
    pub struct AccessDefinition {
        /// For information.
        api_name: String => omit,
        /// For information: the map's key counts.
        api_id: String => omit,
        /// Versions that may be called.
        versions: Vec<String> => omit,
        /// Endpoints that may be called; none is all.
        allowed_urls: Vec<AccessSpec> => omit,
        /// GraphQL.
        restricted_types: Vec<GraphqlType> => omit,
        /// GraphQL.
        allowed_types: Vec<GraphqlType> => omit,
        /// GraphQL.
        disable_introspection: bool => omit,
        /// GraphQL.
        field_access_rights: Vec<Value> => omit,
        /// Instead of the limits of the session, unless all its numbers are zero.
        limit: ApiLimit => omit,
        /// Whose counters: empty shares them over APIs.
        allowance_scope: String => omit,
        /// Rates of single endpoints.
        endpoints: Vec<EndpointLimits> => omit,
    }

    /// An entry of `allowed_urls`.
    pub struct AccessSpec {
        /// Pattern.
        url: String => omit,
        /// Exact names.
        methods: Vec<String> => omit,
    }

    /// A type of a GraphQL schema.
    pub struct GraphqlType {
        /// Its name.
        name: String => omit,
        /// Its fields.
        fields: Vec<String> => omit,
    }

    /// Limits of one API.
    pub struct ApiLimit {
        /// Requests in `per` seconds.
        rate: f64 => omit,
        /// Seconds.
        per: f64 => omit,
        /// Rate that follows the traffic.
        smoothing: Option<Smoothing> => omit,
        /// Seconds.
        throttle_interval: f64 => omit,
        /// Retries.
        throttle_retry_limit: i64 => omit,
        /// GraphQL.
        max_query_depth: i64 => omit,
        /// Requests in a period.
        quota_max: i64 => omit,
        /// Unix seconds.
        quota_renews: i64 => omit,
        /// For information.
        quota_remaining: i64 => omit,
        /// Seconds.
        quota_renewal_rate: i64 => omit,
    }

    /// Rates of one endpoint.
    pub struct EndpointLimits {
        /// Path.
        path: String => omit,
        /// By method.
        methods: Vec<EndpointMethod> => omit,
    }

    /// The rate of one method of an endpoint.
    pub struct EndpointMethod {
        /// Its name.
        name: String => omit,
        /// Its rate.
        limit: RateLimit => omit,
    }

    /// A rate.
    pub struct RateLimit {
        /// Requests in `per` seconds.
        rate: f64 => omit,
        /// Seconds.
        per: f64 => omit,
        /// Rate that follows the traffic.
        smoothing: Option<Smoothing> => omit,
    }

    /// `smoothing`: the allowed rate moves between `threshold` and the rate (sessions reference 5.7).
    pub struct Smoothing {
        /// The switch.
        enabled: bool,
        /// Where it begins.
        threshold: i64,
        /// Share of a step that moves it.
        trigger: f64,
        /// How far it moves.
        step: i64,
        /// Seconds between moves.
        delay: i64,
    }

    /// `basic_auth_data`.
    pub struct BasicAuthData {
        /// Password, hashed as `hash_type` says.
        password: String => omit,
        /// Empty is plain, else `bcrypt`, `sha256`, `murmur32`, `murmur64`, `murmur128`.
        hash_type: String => omit,
    }

    /// `jwt_data`.
    pub struct JwtData {
        /// Shared secret, or public key as PEM.
        secret: String => omit,
    }

    /// `monitor`.
    pub struct SessionMonitor {
        /// Percentages of the quota.
        trigger_limits: Vec<f64> => omit,
    }
}

impl ApiLimit {
    /// True if all its numbers are zero: the limits of the session apply.
    pub fn is_empty(&self) -> bool {
        let Self { rate, per, throttle_interval, .. } = self;
        [*rate, *per, *throttle_interval].iter().all(|number| *number == 0.0)
            && self.throttle_retry_limit == 0
            && self.max_query_depth == 0
            && self.quota_max == 0
            && self.quota_renews == 0
            && self.quota_remaining == 0
            && self.quota_renewal_rate == 0
    }
}

impl SessionState {
    /// Reads a state. `null`, which would be a state without any limit, is none.
    ///
    /// # Errors
    /// It is no object, or a member has the wrong type.
    pub fn parse(json: &[u8]) -> serde_json::Result<Self> {
        match serde_json::from_slice::<Option<Self>>(json)? {
            Some(state) => Ok(state),
            None => Err(serde::de::Error::custom("expected an object, got null")),
        }
    }

    /// Its policies: `apply_policies`, or where that is empty the older single one.
    pub fn policies(&self) -> &[String] {
        if self.apply_policies.is_empty() && !self.apply_policy_id.is_empty() {
            std::slice::from_ref(&self.apply_policy_id)
        } else {
            &self.apply_policies
        }
    }

    /// The rights on an API. `None` if it may not be called; without any rights every API may.
    pub fn rights(&self, api_id: &str) -> Option<&AccessDefinition> {
        self.access_rights.get(api_id)
    }

    /// True if its requests are recorded in detail.
    pub fn is_detailed(&self) -> bool {
        self.enable_detailed_recording || self.enable_detail_recording
    }
}
