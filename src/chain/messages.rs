//! `override_messages`: the texts and statuses of refusals that a site may change (sessions reference 3.3,
//! api-definition reference 7.3). Tyk loses them while it starts (sessions reference, trap 30, and recorded); here they hold
//! where `pinhook.override_messages` says so.

use std::collections::BTreeMap;

use http::StatusCode;

use super::Denial;
use crate::{config::OverrideMessage, error::Problem};

/// A refusal that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No auth token.
    KeyMissing,
    /// An auth token that is no key.
    KeyNotFound,
    /// A client certificate that is not in the certificate store.
    CertificateNotFound,
    /// A key that may not be used as it was presented.
    KeyInvalid,
    /// A client certificate that is over.
    CertificateExpired,
    /// No client certificate where one is needed.
    CertificateRequired,
    /// A key that is bound to another client certificate.
    CertificateMismatch,
    /// No OAuth token.
    OauthMissing,
    /// No `Bearer` in front of an OAuth token.
    OauthMalformed,
    /// An OAuth token that is no key.
    OauthNotFound,
    /// An OAuth token whose client has been deleted.
    OauthClientDeleted,
}

use Refusal::*;

const DISALLOWED: &str = "Access to this API has been disallowed";

/// Every refusal with its id and what it says unless it is changed, in the order of the enum.
static TABLE: [(Refusal, &str, Denial); 11] = [
    (KeyMissing, "auth.auth_field_missing", Denial::new(401, "Authorization field missing")),
    (KeyNotFound, "auth.key_not_found", Denial::new(403, DISALLOWED)),
    (CertificateNotFound, "auth.cert_not_found", Denial::new(403, DISALLOWED)),
    (KeyInvalid, "auth.key_is_invalid", Denial::new(403, DISALLOWED)),
    (CertificateExpired, "auth.cert_expired", Denial::new(403, "Certificate has expired")),
    (CertificateRequired, "auth.cert_required", Denial::new(401, "Client certificate required")),
    (CertificateMismatch, "auth.cert_mismatch", Denial::new(401, DISALLOWED)),
    (OauthMissing, "oauth.auth_field_missing", Denial::new(400, "Authorization field missing")),
    (OauthMalformed, "oauth.auth_field_malformed", Denial::new(400, "Bearer token malformed")),
    (OauthNotFound, "oauth.key_not_found", Denial::new(403, "Key not authorised")),
    (
        OauthClientDeleted,
        "oauth.client_deleted",
        Denial::new(403, "Key not authorised. OAuth client access was revoked"),
    ),
];

/// What refusals say in this gateway.
#[derive(Debug)]
pub struct Messages(Vec<(Refusal, Denial)>);

impl Messages {
    /// The built-in ones with a site's changes. What cannot be used is noted, with `place` as its file.
    pub fn new(
        overrides: &BTreeMap<String, OverrideMessage>,
        place: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        for id in overrides.keys().filter(|id| !TABLE.iter().any(|(_, known, _)| known == id)) {
            let known: Vec<&str> = TABLE.iter().map(|(_, id, _)| *id).collect();
            problems.push(
                Problem::warning(place, format!("override_messages.{id}"), "unknown id, it has no effect")
                    .hint(format!("known are {}", known.join(", "))),
            );
        }
        let changed = TABLE.iter().map(|(refusal, id, usual)| {
            let mut denial = usual.clone();
            if let Some(change) = overrides.get(*id) {
                if change.code >= 200 && StatusCode::from_u16(change.code).is_ok() {
                    denial.status = change.code;
                } else if change.code != 0 {
                    let message =
                        format!("{} is no status for an answer, {} stays", change.code, usual.status);
                    problems.push(Problem::warning(place, format!("override_messages.{id}.code"), message));
                }
                if !change.message.is_empty() {
                    denial.message = change.message.clone().into();
                }
            }
            (*refusal, denial)
        });
        Self(changed.collect())
    }

    /// What a refusal says.
    pub fn denial(&self, refusal: Refusal) -> Denial {
        let found = self.0.iter().find(|(other, _)| *other == refusal);
        found.map_or(Denial::new(403, DISALLOWED), |(_, denial)| denial.clone())
    }
}

impl Default for Messages {
    fn default() -> Self {
        Self::new(&BTreeMap::new(), "", &mut Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(code: u16, message: &str) -> OverrideMessage {
        OverrideMessage { code, message: message.to_owned() }
    }

    #[test]
    fn a_site_changes_text_or_status_or_both() {
        let overrides = BTreeMap::from([
            ("auth.auth_field_missing".to_owned(), change(407, "Where is your key?")),
            ("auth.key_not_found".to_owned(), change(0, "Unknown key")),
            ("oauth.key_not_found".to_owned(), change(401, "")),
        ]);
        let mut problems = Vec::new();
        let messages = Messages::new(&overrides, "c", &mut problems);
        let said = |refusal| {
            let denial = messages.denial(refusal);
            (denial.status, denial.message.into_owned())
        };
        assert_eq!(said(KeyMissing), (407, "Where is your key?".to_owned()));
        assert_eq!(said(KeyNotFound), (403, "Unknown key".to_owned()));
        assert_eq!(said(OauthNotFound), (401, "Key not authorised".to_owned()));
        assert_eq!(said(CertificateRequired), (401, "Client certificate required".to_owned()));
        assert_eq!(problems, []);
    }

    #[test]
    fn what_has_no_effect_is_named() {
        let overrides = BTreeMap::from([
            ("auth.key_unknown".to_owned(), change(401, "x")),
            ("auth.cert_expired".to_owned(), change(99, "")),
        ]);
        let mut problems = Vec::new();
        let messages = Messages::new(&overrides, "c", &mut problems);
        assert_eq!(messages.denial(CertificateExpired).status, 403);
        let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["override_messages.auth.key_unknown", "override_messages.auth.cert_expired.code"]);
    }
}
