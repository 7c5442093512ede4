//! [`Policy`] as it is written in files.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    definition::member::members,
    session::{AccessDefinition, Smoothing},
};

members! {
    /// One policy.
    pub struct Policy {
        /// Database id; stands in for a missing `id`.
        db_id: Value as "_id" => omit,
        /// Id that keys name.
        id: String,
        /// For people.
        name: String,
        /// Organisation.
        org_id: String,
        /// Requests in `per` seconds.
        rate: f64,
        /// Seconds.
        per: f64,
        /// Requests in a period; -1 is no limit.
        quota_max: i64,
        /// Seconds.
        quota_renewal_rate: i64,
        /// Seconds.
        throttle_interval: f64,
        /// Retries.
        throttle_retry_limit: i64,
        /// GraphQL.
        max_query_depth: i64,
        /// By API id.
        access_rights: BTreeMap<String, AccessDefinition>,
        /// Signed requests.
        hmac_enabled: bool,
        /// RSA signatures.
        enable_http_signature_validation: bool,
        /// Of no effect, as in Tyk.
        active: bool,
        /// Switches its keys off.
        is_inactive: bool,
        /// For analytics.
        tags: Vec<String>,
        /// Seconds that new keys live.
        key_expires_in: i64,
        /// `delete`, `retain` or nothing.
        post_expiry_action: String => omit,
        /// Seconds.
        post_expiry_grace_period: i64,
        /// What of it counts.
        partitions: Partitions,
        /// Unix time as text.
        last_updated: String,
        /// Copied over that of keys.
        meta_data: Map<String, Value>,
        /// Rate that follows the traffic.
        smoothing: Option<Smoothing>,
        /// Of no effect, as in Tyk.
        graphql_access_rights: Value,
    }

    /// `partitions`: no flag at all is all of them.
    pub struct Partitions {
        /// Quota.
        quota: bool,
        /// Rate.
        rate_limit: bool,
        /// Query depth.
        complexity: bool,
        /// Access rights.
        acl: bool,
        /// Limits per API.
        per_api: bool,
    }
}
