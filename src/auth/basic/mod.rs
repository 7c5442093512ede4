//! User and password (sessions reference 3.4): from the header's basic form, or from the body.

mod credentials;
mod password;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, header};
use pingora_proxy::Session;

use self::credentials::{BodyPatterns, User};
pub(in crate::auth) use self::password::Passwords;
use super::{AuthMethod, Credential, Verdict};
use crate::{
    chain::{AUTH_FAILURE, Blueprint, Ctx, Denial, key_failure},
    error::Result,
    event::EventKind,
    session::{KeyState, token},
};

/// What `base_identity_provided_by` calls it.
pub(super) const IDENTITY: &str = "basic_auth_user";

/// How long a password that was right stays known, unless `basic_auth.cache_ttl` says otherwise.
const KNOWN_FOR: Duration = Duration::from_secs(60);

const MISSING: Denial = Denial::new(401, "Authorization field missing");
const UNKNOWN: Denial = Denial::new(401, "User not authorised");

/// The method. Nothing where the body is asked for users and a pattern is missing or broken: as in Tyk, the API's other
/// methods count then, or auth tokens.
pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn AuthMethod>> {
    let definition = blueprint.definition;
    if !definition.use_basic_auth {
        return None;
    }
    let settings = &definition.basic_auth;
    let body = match settings.extract_from_body {
        true => Some(BodyPatterns::compile(blueprint)?),
        false => None,
    };
    let ttl = match u64::try_from(settings.cache_ttl) {
        Ok(seconds @ 1..) => Duration::from_secs(seconds),
        _ => KNOWN_FOR,
    };
    let config = &blueprint.services.config;
    let realm = format!("Basic realm=\"{}\"", definition.name);
    Some(Box::new(Basic {
        credential: Credential::of(blueprint, "basic"),
        body,
        realm: HeaderValue::from_bytes(realm.as_bytes()).unwrap_or(HeaderValue::from_static("Basic")),
        passwords: Passwords::new((!settings.disable_caching).then_some(ttl), config.pinhook.threads),
        tries_old_form: !config.hash_key_function.is_empty(),
    }))
}

struct Basic {
    credential: Credential,
    body: Option<BodyPatterns>,
    /// `WWW-Authenticate`.
    realm: HeaderValue,
    passwords: Passwords,
    /// A user who is not found may be stored under organisation and name.
    tries_old_form: bool,
}

#[async_trait]
impl AuthMethod for Basic {
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict> {
        let user = match self.user(session, ctx).await? {
            Ok(user) => user,
            Err(denial) => return Ok(Verdict::Denied(denial)),
        };
        if let Some(key) = self.find(ctx, &user.name).await
            && self.passwords.check(&key.state.basic_auth_data, &user.password).await
        {
            return Ok(Verdict::Granted(key));
        }
        key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, &user.name);
        Ok(Verdict::Denied(self.challenge(UNKNOWN)))
    }
}

impl Basic {
    /// Who says to call. The body is only looked at when the header does not tell.
    async fn user(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Result<User, Denial>> {
        let credential = self.credential.read(&session.req_header().headers, &ctx.url);
        let from_header = match &credential {
            Some(credential) => User::from_header(credential),
            None => Err(self.challenge(MISSING)),
        };
        drop(credential);
        match (&self.body, from_header) {
            (Some(patterns), Err(_)) => {
                let body = ctx.body(session).await?.unwrap_or_default();
                Ok(patterns.read(&String::from_utf8_lossy(&body)))
            }
            (_, user) => Ok(user),
        }
    }

    async fn find(&self, ctx: &Ctx, name: &str) -> Option<KeyState> {
        let found = super::find(ctx, name).await;
        if found.is_some() || !self.tries_old_form {
            return found;
        }
        let org_id = ctx.api.as_ref()?.spec.org_id.clone();
        super::find(ctx, &token::generate(&org_id, name, "")).await
    }

    fn challenge(&self, denial: Denial) -> Denial {
        denial.header(header::WWW_AUTHENTICATE, self.realm.clone())
    }
}
