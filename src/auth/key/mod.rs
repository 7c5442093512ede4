//! Auth tokens: the credential is a key (sessions reference 3.3).

mod signature;

use async_trait::async_trait;
use chrono::Utc;
use pingora_proxy::Session;

use self::signature::Signature;
use super::{AuthMethod, Credential, Verdict, refusal, without_bearer};
use crate::{
    chain::{AUTH_FAILURE, Blueprint, Ctx, Denial, Refusal, key_failure},
    error::Result,
    event::EventKind,
    session::KeyState,
};

/// What `base_identity_provided_by` calls it.
pub(super) const IDENTITY: &str = "auth_token";

/// The method, where a definition switches it on by name.
pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn AuthMethod>> {
    blueprint.definition.use_standard_auth.then(|| always(blueprint))
}

/// The method, for an API that switches on no other.
pub(super) fn always(blueprint: &mut Blueprint<'_>) -> Box<dyn AuthMethod> {
    Box::new(Key {
        credential: Credential::of(blueprint, "authToken"),
        signature: Signature::build(blueprint),
    })
}

struct Key {
    credential: Credential,
    /// It also has to be signed.
    signature: Option<Signature>,
}

#[async_trait]
impl AuthMethod for Key {
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict> {
        // The API has sent the request to itself: who calls is known.
        if ctx.loops.to_self && ctx.state.is_some() {
            return Ok(Verdict::Passed);
        }
        let Some(presented) = self.credential.read(&session.req_header().headers, &ctx.url) else {
            return Ok(Verdict::Denied(refusal(ctx, Refusal::KeyMissing)));
        };
        let token = without_bearer(&presented);
        Ok(match super::find(ctx, token).await {
            Some(key) => match self.check(session, ctx, &key) {
                Ok(()) => Verdict::Granted(key),
                Err(denial) => Verdict::Denied(denial),
            },
            None => {
                key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, token);
                Verdict::Denied(refusal(ctx, Refusal::KeyNotFound))
            }
        })
    }
}

impl Key {
    fn check(&self, session: &Session, ctx: &Ctx, key: &KeyState) -> Result<(), Denial> {
        let Some(signature) = &self.signature else { return Ok(()) };
        let now = u64::try_from(Utc::now().timestamp()).unwrap_or_default();
        signature.check(session, ctx, key, now)
    }
}
