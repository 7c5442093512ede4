//! JSON Web Tokens (sessions reference 3.5).
//!
//! The signature is checked by [`signature`], the claims by [`claims`], always by us: times on every request, the
//! signature of a token once ([`verified`]). The key behind a token is [`subject`]'s business; without any source of
//! keys the token names a key of the gateway, which holds the secret.

mod claims;
mod key_set;
mod remote;
mod signature;
mod source;
mod subject;
mod token;
mod verified;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use md5::{Digest, Md5};
use pingora_proxy::Session;

use self::{
    claims::{Claims, Nobody, Skews},
    signature::{Family, Key},
    source::Source,
    subject::{Refused, Subjects},
    token::{Refusal, Token},
    verified::{Identity, Verified, VerifiedTokens},
};
use super::{AUTH_FAILURE, AuthMethod, Credential, Verdict, without_bearer};
use crate::{
    chain::{Blueprint, Ctx, Denial, key_failure, used_names},
    error::Result,
    event::EventKind,
    hex::hex,
    session::KeyState,
};

/// What `base_identity_provided_by` calls it.
pub(super) const IDENTITY: &str = "jwt_claim";

const MISSING: Denial = Denial::new(400, "Authorization field missing");
const INVALID: Denial = Denial::new(403, "Key not authorized");
const WRONG_METHOD: Denial = Denial::new(403, "Key not authorized: Unexpected signing method");
/// The key of events about tokens that name nobody.
const NOT_FOUND: &str = "[NOT FOUND]";
/// How context variables of claims begin.
const CLAIM: &str = "jwt_claims_";

/// The method, where a definition switches it on.
pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn AuthMethod>> {
    let definition = blueprint.definition;
    if !definition.enable_jwt {
        return None;
    }
    let family = Family::of_method(&definition.jwt_signing_method);
    if !["hmac", "rsa", "ecdsa"].contains(&definition.jwt_signing_method.as_str()) {
        let message = format!("{:?} is not hmac, rsa or ecdsa: hmac is used", definition.jwt_signing_method);
        blueprint.warn("jwt_signing_method", message);
    }
    Some(Box::new(Jwt {
        credential: Credential::of(blueprint, "jwt"),
        family,
        source: Source::build(blueprint, family),
        tokens: VerifiedTokens::default(),
        subjects: Subjects::build(blueprint),
        org_id: definition.org_id.clone(),
        base_claim: definition.jwt_identity_base_field.clone(),
        skip_kid: definition.jwt_skip_kid,
        skews: Skews {
            expires: definition.jwt_expires_at_validation_skew,
            issued: definition.jwt_issued_at_validation_skew,
            not_before: definition.jwt_not_before_validation_skew,
        },
        variables: variables(blueprint),
    }))
}

/// Names of the context variables of claims that something reads.
fn variables(blueprint: &Blueprint<'_>) -> Vec<Arc<str>> {
    if !blueprint.definition.enable_context_vars {
        return Vec::new();
    }
    let names = used_names(blueprint.versions, &blueprint.secrets());
    names.into_iter().filter(|name| name.starts_with(CLAIM)).collect()
}

struct Jwt {
    credential: Credential,
    family: Family,
    source: Source,
    tokens: VerifiedTokens,
    subjects: Subjects,
    org_id: String,
    base_claim: String,
    skip_kid: bool,
    skews: Skews,
    variables: Vec<Arc<str>>,
}

/// A refusal, and the key of its event if it is one.
struct Failure {
    denial: Denial,
    event: Option<String>,
}

impl Failure {
    fn told(denial: Denial, key: impl Into<String>) -> Self {
        Self { denial, event: Some(key.into()) }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let denial = match refusal {
            Refusal::Method => WRONG_METHOD,
            Refusal::Invalid => INVALID,
        };
        Self::told(denial, "")
    }
}

#[async_trait]
impl AuthMethod for Jwt {
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict> {
        let presented = self.credential.read(&session.req_header().headers, &ctx.url);
        let outcome = match &presented {
            Some(text) => self.check(ctx, without_bearer(text)).await,
            None => Err(Failure::told(MISSING, "")),
        };
        match outcome {
            Ok(key) => Ok(Verdict::Granted(key)),
            Err(Failure { denial, event }) => {
                if let Some(key) = event {
                    key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, &key);
                }
                Ok(Verdict::Denied(denial))
            }
        }
    }
}

impl Jwt {
    async fn check(&self, ctx: &mut Ctx, text: &str) -> Result<KeyState, Failure> {
        if matches!(self.source, Source::PerKey) {
            return self.check_by_key(ctx, text).await;
        }
        let token = self.verify(ctx, text).await?;
        self.check_time(&token.claims)?;
        let identity = token.identity.as_ref().map_err(|nobody| nobody_found(403, nobody))?;
        let key = self.subjects.key(ctx, &token, identity).await;
        let key = key.map_err(|Refused { denial, is_event }| Failure {
            denial,
            event: is_event.then(|| identity.name.clone()),
        })?;
        self.set_variables(ctx, &token.header, &token.claims);
        Ok(key)
    }

    fn check_time(&self, claims: &Claims) -> Result<(), Failure> {
        match claims::out_of_time(claims, &self.skews, SystemTime::now()) {
            None => Ok(()),
            Some(why) => Err(Failure { denial: Denial::new(401, why), event: None }),
        }
    }

    /// The token, if a key of the source signed it.
    async fn verify(&self, ctx: &Ctx, text: &str) -> Result<Arc<Verified>, Failure> {
        if let Some(known) = self.tokens.get(text) {
            return Ok(known);
        }
        let token = Token::parse(text, self.family)?;
        let set = match &self.source {
            Source::Key(Some(key)) if token.is_signed_with(key) => None,
            Source::Sets(sets) => {
                let kid = token.kid().ok_or(Refusal::Invalid)?;
                let mut found = None;
                for remote in sets {
                    let Some(held) = remote.get().await else { continue };
                    if held.keys.named(kid).any(|key| token.is_signed_with(key)) {
                        found = Some((remote.clone(), held));
                        break;
                    }
                }
                Some(found.ok_or(Refusal::Invalid)?)
            }
            Source::Key(_) | Source::PerKey => return Err(Refusal::Invalid.into()),
        };
        let identity = claims::identity(&token.claims, &self.base_claim).map(|name| {
            let id = hex(Md5::digest(name.as_bytes()));
            Identity { key_id: ctx.snapshot.services.sessions.token(&self.org_id, &id), name }
        });
        let verified = Arc::new(Verified::new(token.header, token.claims, identity, set));
        self.tokens.put(text, &verified);
        Ok(verified)
    }

    /// The token names the key that holds its secret.
    async fn check_by_key(&self, ctx: &mut Ctx, text: &str) -> Result<KeyState, Failure> {
        let token = Token::parse(text, self.family)?;
        let id = match token.kid() {
            Some(kid) if !self.skip_kid => kid.to_owned(),
            _ => claims::identity(&token.claims, &self.base_claim)
                .map_err(|nobody| Failure { event: Some(String::new()), ..nobody_found(404, &nobody) })?,
        };
        let key = super::find(ctx, &id).await.ok_or(Refusal::Invalid)?;
        let secret = Key::read(self.family, key.state.jwt_data.secret.as_bytes());
        if !secret.is_some_and(|secret| token.is_signed_with(&secret)) {
            return Err(Refusal::Invalid.into());
        }
        self.check_time(&token.claims)?;
        self.set_variables(ctx, &token.header, &token.claims);
        Ok(key)
    }

    /// Sets the context variables that something reads; a claim beats a field of the header.
    fn set_variables(&self, ctx: &mut Ctx, header: &Claims, claims: &Claims) {
        for name in &self.variables {
            let Some(field) = name.strip_prefix(CLAIM) else { continue };
            let Some(value) = claims.get(field).or_else(|| header.get(field)) else { continue };
            let variables = ctx.variables.get_or_insert_default();
            match claims::print(value) {
                (text, true) => variables.set(name, text),
                (text, false) => variables.set_printed(name, text),
            }
        }
    }
}

fn nobody_found(status: u16, nobody: &Nobody) -> Failure {
    Failure::told(Denial::with(status, nobody.to_string()), NOT_FOUND)
}
