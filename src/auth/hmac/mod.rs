//! Signed requests, HMAC and RSA (sessions reference 3.6).

mod date;
mod header;
mod message;
#[cfg(test)]
mod tests;
mod verify;

use async_trait::async_trait;
use chrono::Utc;
use pingora_proxy::Session;

use self::header::Signature;
use super::{AuthMethod, Credential, Verdict};
use crate::{
    chain::{AUTH_FAILURE, Blueprint, Ctx, Denial, key_failure},
    error::Result,
    event::EventKind,
    session::KeyState,
};

/// What `base_identity_provided_by` calls it.
pub(super) const IDENTITY: &str = "hmac_key";

/// The one answer to everything that is wrong with a signature.
const INVALID: Denial = Denial::new(400, "Authorization field missing, malformed or invalid");
const NO_CERTIFICATE: Denial = Denial::new(500, "Certificate not found");
const NO_RSA_KEY: Denial = Denial::new(500, "Certificate doesn't contain RSA Public key");

/// The method, where a definition switches it on.
pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn AuthMethod>> {
    let definition = blueprint.definition;
    definition.enable_signature_checking.then(|| {
        Box::new(Signed {
            credential: Credential::of(blueprint, "hmac"),
            algorithms: definition.hmac_allowed_algorithms.clone(),
            allowed_skew: (definition.hmac_allowed_clock_skew > 0.0)
                .then_some(definition.hmac_allowed_clock_skew),
        }) as _
    })
}

struct Signed {
    credential: Credential,
    /// Names that are allowed; none is all.
    algorithms: Vec<String>,
    /// Milliseconds, either way; nothing where clocks are not compared.
    allowed_skew: Option<f64>,
}

#[async_trait]
impl AuthMethod for Signed {
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict> {
        let credential =
            self.credential.read(&session.req_header().headers, &ctx.url).map(|text| text.into_owned());
        let credential = credential.unwrap_or_default();
        Ok(match self.check(&credential, session, ctx).await {
            Ok(key) => Verdict::Granted(key),
            Err(denial) => {
                if denial == INVALID {
                    key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, &credential);
                }
                Verdict::Denied(denial)
            }
        })
    }
}

impl Signed {
    async fn check(&self, credential: &str, session: &mut Session, ctx: &Ctx) -> Result<KeyState, Denial> {
        let signature = Signature::parse(credential).ok_or(INVALID)?;
        if !self.algorithms.is_empty() && !self.algorithms.iter().any(|name| *name == signature.algorithm) {
            return Err(INVALID);
        }
        let head = session.req_header();
        let path = ctx.url.path();
        let message = message::of(&signature.headers, head.method.as_str(), path, &head.headers);
        let date = message::date(&head.headers).1.to_owned();
        let key = super::find(ctx, signature.key_id).await.ok_or(INVALID)?;
        let state = &key.state;
        let genuine = if signature.algorithm.starts_with("rsa") {
            if !state.enable_http_signature_validation || state.rsa_certificate_id.is_empty() {
                return Err(INVALID);
            }
            let public = public_key(ctx, &state.rsa_certificate_id).await?;
            verify::rsa(&public, &message, signature.value)
        } else {
            let enabled = state.hmac_enabled || state.enable_http_signature_validation;
            if !enabled || state.hmac_string.is_empty() {
                return Err(INVALID);
            }
            verify::hmac(signature.algorithm, &state.hmac_string, &message, signature.value)
        };
        // A date has to be there even where clocks are not compared.
        let time = date::parse(&date).ok_or(INVALID)?;
        let skew = (Utc::now() - time).num_milliseconds().unsigned_abs();
        if !genuine || self.allowed_skew.is_some_and(|allowed| skew as f64 > allowed) {
            return Err(INVALID);
        }
        Ok(key)
    }
}

/// The RSA public key of a certificate, as PKCS#1.
async fn public_key(ctx: &Ctx, certificate_id: &str) -> Result<Vec<u8>, Denial> {
    let entry = ctx.snapshot.services.certificates.get(certificate_id).await.ok_or(NO_CERTIFICATE)?;
    entry.rsa_key().map(<[u8]>::to_vec).ok_or(NO_RSA_KEY)
}
