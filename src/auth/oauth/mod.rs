//! OAuth 2: the check of bearer tokens, and the server that gives them (sessions reference 3.7). A token is a key like
//! any other; what is special is that its client has to exist still.

mod answer;
mod authorize;
mod form;
mod grant;
mod issue;
mod notify;
mod purge;
mod redirect;
mod revoke;
mod server;
mod tokens;

use async_trait::async_trait;
use pingora_proxy::Session;

pub use self::{
    purge::{purge, tend},
    revoke::{RevokeRequest, Revoked, revoke},
    server::Server,
    tokens::{Access, Listed, Tokens},
};
use super::{AUTH_FAILURE, AuthMethod, Credential, Verdict, clients::ClientCache, refusal};
use crate::{
    chain::{Blueprint, Ctx, Refusal, key_failure},
    error::Result,
    event::EventKind,
};

/// What `base_identity_provided_by` calls it.
pub(super) const IDENTITY: &str = "oauth_key";

/// The method, where a definition switches it on.
pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn AuthMethod>> {
    if !blueprint.definition.use_oauth2 {
        return None;
    }
    Some(Box::new(Bearer {
        credential: Credential::of(blueprint, "oauth"),
        clients: ClientCache::new(blueprint.services.store.clone(), &blueprint.definition.api_id),
    }))
}

struct Bearer {
    credential: Credential,
    clients: ClientCache,
}

#[async_trait]
impl AuthMethod for Bearer {
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict> {
        let presented = self.credential.read(&session.req_header().headers, &ctx.url).unwrap_or_default();
        let Some((scheme, rest)) = presented.split_once(' ') else {
            return Ok(Verdict::Denied(refusal(ctx, Refusal::OauthMissing)));
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Verdict::Denied(refusal(ctx, Refusal::OauthMalformed)));
        }
        // What follows a second space does not count.
        let token = rest.split(' ').next().unwrap_or_default();
        let Some(key) = super::find(ctx, token).await else {
            key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, token);
            return Ok(Verdict::Denied(refusal(ctx, Refusal::OauthNotFound)));
        };
        match self.clients.get(&key.state.oauth_client_id).await {
            Some(_) => Ok(Verdict::Granted(key)),
            None => Ok(Verdict::Denied(refusal(ctx, Refusal::OauthClientDeleted))),
        }
    }
}
