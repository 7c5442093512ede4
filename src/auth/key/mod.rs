//! Auth tokens: the credential is a key (sessions reference 3.3).

use async_trait::async_trait;
use pingora_proxy::Session;

use super::{AuthMethod, Credential, Verdict, without_bearer};
use crate::{
    chain::{Blueprint, Ctx, Denial, key_failure},
    error::Result,
    event::EventKind,
};

/// What `base_identity_provided_by` calls it.
pub(super) const IDENTITY: &str = "auth_token";

/// No credential at all.
const MISSING: Denial = Denial::new(401, "Authorization field missing");
/// A credential that is no key.
const UNKNOWN: Denial = Denial::new(403, "Access to this API has been disallowed");

/// The method, where a definition switches it on by name.
pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn AuthMethod>> {
    blueprint.definition.use_standard_auth.then(|| always(blueprint))
}

/// The method, for an API that switches on no other.
pub(super) fn always(blueprint: &mut Blueprint<'_>) -> Box<dyn AuthMethod> {
    Box::new(Key { credential: Credential::of(blueprint, "authToken") })
}

struct Key {
    credential: Credential,
}

#[async_trait]
impl AuthMethod for Key {
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict> {
        // The API has sent the request to itself: who calls is known.
        if ctx.loops.to_self && ctx.state.is_some() {
            return Ok(Verdict::Passed);
        }
        let Some(presented) = self.credential.read(&session.req_header().headers, &ctx.url) else {
            return Ok(Verdict::Denied(MISSING));
        };
        let token = without_bearer(&presented);
        Ok(match super::find(ctx, token).await {
            Some(key) => Verdict::Granted(key),
            None => {
                key_failure(session, ctx, EventKind::AuthFailure, super::AUTH_FAILURE, token);
                Verdict::Denied(UNKNOWN)
            }
        })
    }
}
