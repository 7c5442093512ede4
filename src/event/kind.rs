//! The kinds of events: their names, who hears of them, and what they say.

use super::Scope;

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
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::AuthFailure,
        Self::KeyExpired,
        Self::QuotaExceeded,
        Self::RateLimitExceeded,
        Self::OrgQuotaExceeded,
        Self::OrgRateLimitExceeded,
        Self::VersionFailure,
        Self::TriggerExceeded,
        Self::TokenCreated,
        Self::TokenUpdated,
        Self::TokenDeleted,
        Self::RateLimitSmoothingUp,
        Self::RateLimitSmoothingDown,
        Self::CertificateExpiringSoon,
        Self::CertificateExpired,
    ];

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

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whose handlers hear of it; `None` for what only the monitor tells.
    pub(super) const fn scope(self) -> Option<Scope> {
        match self {
            Self::TokenCreated | Self::TokenUpdated | Self::TokenDeleted => Some(Scope::Gateway),
            Self::TriggerExceeded => None,
            _ => Some(Scope::Api),
        }
    }
}
