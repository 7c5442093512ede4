//! States made from a policy alone: what a token of an issuer or a client begins with.

use super::{super::SessionState, Policy};
use crate::session::unix_now;

impl Policy {
    /// A state that has this policy and its numbers. The policy has still to be applied.
    pub fn new_state(&self) -> SessionState {
        SessionState {
            apply_policies: vec![self.id.clone()],
            org_id: self.org_id.clone(),
            allowance: self.rate,
            rate: self.rate,
            per: self.per,
            throttle_interval: self.throttle_interval,
            throttle_retry_limit: self.throttle_retry_limit,
            max_query_depth: self.max_query_depth,
            quota_max: self.quota_max,
            quota_renewal_rate: self.quota_renewal_rate,
            access_rights: self.access_rights.clone(),
            hmac_enabled: self.hmac_enabled,
            enable_http_signature_validation: self.enable_http_signature_validation,
            is_inactive: self.is_inactive,
            tags: self.tags.clone(),
            expires: if self.key_expires_in > 0 { unix_now().saturating_add(self.key_expires_in) } else { 0 },
            post_expiry_action: self.post_expiry_action.clone(),
            post_expiry_grace_period: self.post_expiry_grace_period,
            ..SessionState::default()
        }
    }
}
