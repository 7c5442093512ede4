//! What happens on a gateway that somebody may want to hear of (sessions reference 3.10, plugins reference 9).

use serde_json::{Map, Value};

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A credential was refused.
    AuthFailure,
    /// A key is expired or switched off.
    KeyExpired,
    /// A key's quota is used up.
    QuotaExceeded,
    /// A key, or all callers of an API, are over their rate.
    RateLimitExceeded,
    /// An organisation's quota is used up.
    OrgQuotaExceeded,
    /// An organisation is over its rate.
    OrgRateLimitExceeded,
    /// A version that does not exist, is over, or forbids the endpoint.
    VersionFailure,
    /// A quota has reached a percentage.
    TriggerExceeded,
    /// A key was made.
    TokenCreated,
    /// A key was changed.
    TokenUpdated,
    /// A key was removed.
    TokenDeleted,
    /// Smoothing raised the allowed rate.
    RateLimitSmoothingUp,
    /// Smoothing lowered the allowed rate.
    RateLimitSmoothingDown,
    /// A certificate will expire soon.
    CertificateExpiringSoon,
    /// A certificate has expired.
    CertificateExpired,
}

impl EventKind {
    /// Tyk's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthFailure => "AuthFailure",
            Self::KeyExpired => "KeyExpired",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::RateLimitExceeded => "RatelimitExceeded",
            Self::OrgQuotaExceeded => "OrgQuotaExceeded",
            Self::OrgRateLimitExceeded => "OrgRateLimitExceeded",
            Self::VersionFailure => "VersionFailure",
            Self::TriggerExceeded => "TriggerExceeded",
            Self::TokenCreated => "TokenCreated",
            Self::TokenUpdated => "TokenUpdated",
            Self::TokenDeleted => "TokenDeleted",
            Self::RateLimitSmoothingUp => "RateLimitSmoothingUp",
            Self::RateLimitSmoothingDown => "RateLimitSmoothingDown",
            Self::CertificateExpiringSoon => "CertificateExpiringSoon",
            Self::CertificateExpired => "CertificateExpired",
        }
    }
}

/// Who hears of what happens on one API, or on the gateway. Nobody, unless handlers are configured.
#[derive(Debug, Default)]
pub struct Events {}

impl Events {
    /// True if anybody wants to hear of this kind: what an event says is only put together then.
    pub fn wants(&self, _kind: EventKind) -> bool {
        false
    }

    /// Tells the handlers, in the background. Never waits.
    pub fn fire(&self, _kind: EventKind, _meta: Map<String, Value>) {}
}
