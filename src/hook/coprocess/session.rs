//! `SessionState` of rich plugins: fewer fields than the gateway's (plugins reference 4.3).
//!
//! Lost on the way to the plugin, as in Tyk: limits and endpoint limits of single APIs, throttling, smoothing, GraphQL
//! rights, HTTP signature fields; `certificate` and `max_query_depth` are never filled. On the way back all that is
//! there counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::metadata;
use crate::session::{self, SessionState};

macro_rules! message {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$doc])* #[serde(skip_serializing_if = "is_zero")] pub $field: $kind,)*
        }
    };
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

message! {
    /// What a key may do.
    Session {
        /// Of no use.
        last_check: i64,
        /// Of no use.
        allowance: f64,
        /// Requests in `per` seconds.
        rate: f64,
        /// Seconds.
        per: f64,
        /// Unix seconds.
        expires: i64,
        /// Requests in a period; -1 is no quota.
        quota_max: i64,
        /// Unix seconds.
        quota_renews: i64,
        /// For information.
        quota_remaining: i64,
        /// Seconds.
        quota_renewal_rate: i64,
        /// By API id.
        access_rights: BTreeMap<String, AccessDefinition>,
        /// Organisation.
        org_id: String,
        /// OAuth client.
        oauth_client_id: String,
        /// Last token by client.
        oauth_keys: BTreeMap<String, String>,
        /// Basic auth.
        basic_auth_data: BasicAuthData,
        /// JWT.
        jwt_data: JwtData,
        /// Signed requests.
        hmac_enabled: bool,
        /// Their secret.
        hmac_secret: String,
        /// Switched off.
        is_inactive: bool,
        /// Old form of `apply_policies`.
        apply_policy_id: String,
        /// Seconds that records live.
        data_expires: i64,
        /// Quota percentages that raise an event.
        monitor: Monitor,
        /// Records are detailed.
        enable_detailed_recording: bool,
        /// Texts.
        metadata: BTreeMap<String, String>,
        /// Copied to analytics.
        tags: Vec<String>,
        /// A name for analytics.
        alias: String,
        /// Unix time as text.
        last_updated: String,
        /// Until when an extracted id counts; unix seconds.
        id_extractor_deadline: i64,
        /// Seconds that it is stored.
        session_lifetime: i64,
        /// Policy ids.
        apply_policies: Vec<String>,
        /// Never sent.
        certificate: String,
        /// Never sent.
        max_query_depth: i64,
        /// Token of who calls. To the plugin only: the id of a session that one leaves is its metadata's `token`.
        key_id: String,
        /// `delete`, `retain` or nothing.
        post_expiry_action: String,
        /// Seconds.
        post_expiry_grace_period: i64,
    }
}

message! {
    /// What a key may do on one API.
    AccessDefinition {
        /// For information.
        api_name: String,
        /// For information.
        api_id: String,
        /// Versions.
        versions: Vec<String>,
        /// Endpoints.
        allowed_urls: Vec<AccessSpec>,
    }
}

message! {
    /// Endpoints that may be called.
    AccessSpec {
        /// Pattern.
        url: String,
        /// Methods.
        methods: Vec<String>,
    }
}

message! {
    /// Basic auth.
    BasicAuthData {
        /// Password.
        password: String,
        /// How it is hashed.
        hash: String,
    }
}

message! {
    /// JWT.
    JwtData {
        /// Secret.
        secret: String,
    }
}

message! {
    /// Quota monitor.
    Monitor {
        /// Percentages.
        trigger_limits: Vec<f64>,
    }
}

impl Session {
    /// A state as a plugin sees it, and the token that it belongs to.
    pub fn of(state: &SessionState, token: Option<&str>) -> Self {
        Self {
            last_check: state.last_check,
            allowance: state.allowance,
            rate: state.rate,
            per: state.per,
            expires: state.expires,
            quota_max: state.quota_max,
            quota_renews: state.quota_renews,
            quota_remaining: state.quota_remaining,
            quota_renewal_rate: state.quota_renewal_rate,
            access_rights: state
                .access_rights
                .iter()
                .map(|(id, rights)| (id.clone(), rights.into()))
                .collect(),
            org_id: state.org_id.clone(),
            oauth_client_id: state.oauth_client_id.clone(),
            oauth_keys: state.oauth_keys.clone(),
            basic_auth_data: BasicAuthData {
                password: state.basic_auth_data.password.clone(),
                hash: state.basic_auth_data.hash_type.clone(),
            },
            jwt_data: JwtData { secret: state.jwt_data.secret.clone() },
            hmac_enabled: state.hmac_enabled,
            hmac_secret: state.hmac_string.clone(),
            is_inactive: state.is_inactive,
            apply_policy_id: state.apply_policy_id.clone(),
            data_expires: state.data_expires,
            monitor: Monitor { trigger_limits: state.monitor.trigger_limits.clone() },
            enable_detailed_recording: state.is_detailed(),
            metadata: metadata(state),
            tags: state.tags.clone(),
            alias: state.alias.clone(),
            last_updated: state.last_updated.clone(),
            id_extractor_deadline: state.id_extractor_deadline,
            session_lifetime: state.session_lifetime,
            apply_policies: state.apply_policies.clone(),
            certificate: String::new(),
            max_query_depth: 0,
            key_id: token.unwrap_or_default().to_owned(),
            post_expiry_action: state.post_expiry_action.clone(),
            post_expiry_grace_period: state.post_expiry_grace_period,
        }
    }
}

impl From<&session::AccessDefinition> for AccessDefinition {
    fn from(rights: &session::AccessDefinition) -> Self {
        let spec =
            |spec: &session::AccessSpec| AccessSpec { url: spec.url.clone(), methods: spec.methods.clone() };
        Self {
            api_name: rights.api_name.clone(),
            api_id: rights.api_id.clone(),
            versions: rights.versions.clone(),
            allowed_urls: rights.allowed_urls.iter().map(spec).collect(),
        }
    }
}

impl From<AccessDefinition> for session::AccessDefinition {
    fn from(rights: AccessDefinition) -> Self {
        let spec = |spec: AccessSpec| session::AccessSpec {
            url: spec.url,
            methods: spec.methods,
            ..session::AccessSpec::default()
        };
        Self {
            api_name: rights.api_name,
            api_id: rights.api_id,
            versions: rights.versions,
            allowed_urls: rights.allowed_urls.into_iter().map(spec).collect(),
            ..Self::default()
        }
    }
}

impl From<Session> for SessionState {
    fn from(from: Session) -> Self {
        Self {
            last_check: from.last_check,
            allowance: from.allowance,
            rate: from.rate,
            per: from.per,
            expires: from.expires,
            quota_max: from.quota_max,
            quota_renews: from.quota_renews,
            quota_remaining: from.quota_remaining,
            quota_renewal_rate: from.quota_renewal_rate,
            access_rights: from.access_rights.into_iter().map(|(id, rights)| (id, rights.into())).collect(),
            org_id: from.org_id,
            oauth_client_id: from.oauth_client_id,
            oauth_keys: from.oauth_keys,
            basic_auth_data: session::BasicAuthData {
                password: from.basic_auth_data.password,
                hash_type: from.basic_auth_data.hash,
                ..session::BasicAuthData::default()
            },
            jwt_data: session::JwtData { secret: from.jwt_data.secret, ..session::JwtData::default() },
            hmac_enabled: from.hmac_enabled,
            hmac_string: from.hmac_secret,
            is_inactive: from.is_inactive,
            apply_policy_id: from.apply_policy_id,
            data_expires: from.data_expires,
            monitor: session::SessionMonitor {
                trigger_limits: from.monitor.trigger_limits,
                ..session::SessionMonitor::default()
            },
            enable_detailed_recording: from.enable_detailed_recording,
            meta_data: from.metadata.into_iter().map(|(name, text)| (name, Value::String(text))).collect(),
            tags: from.tags,
            alias: from.alias,
            last_updated: from.last_updated,
            id_extractor_deadline: from.id_extractor_deadline,
            session_lifetime: from.session_lifetime,
            apply_policies: from.apply_policies,
            certificate: from.certificate,
            max_query_depth: from.max_query_depth,
            post_expiry_action: from.post_expiry_action,
            post_expiry_grace_period: from.post_expiry_grace_period,
            ..Self::default()
        }
    }
}
