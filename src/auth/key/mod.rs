//! Auth tokens: the credential is a key, or a client certificate that stands for one (sessions reference 3.3).

mod certificate;
mod signature;

use async_trait::async_trait;
use chrono::Utc;
use pingora_proxy::Session;

use self::{
    certificate::{Refused, Rules},
    signature::Signature,
};
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
        certificates: Rules::of(blueprint),
    })
}

struct Key {
    credential: Credential,
    /// It also has to be signed.
    signature: Option<Signature>,
    certificates: Rules,
}

#[async_trait]
impl AuthMethod for Key {
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict> {
        // The API has sent the request to itself: who calls is known.
        if ctx.loops.to_self && ctx.state.is_some() {
            return Ok(Verdict::Passed);
        }
        Ok(match self.key(session, ctx).await {
            Ok(key) => Verdict::Granted(key),
            Err(denial) => Verdict::Denied(denial),
        })
    }
}

impl Key {
    async fn key(&self, session: &Session, ctx: &Ctx) -> Result<KeyState, Denial> {
        let refuse = |what| refusal(ctx, what);
        let (found, presented) = self.find(session, ctx).await.map_err(refuse)?;
        let fail = || key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, &presented);
        let Some(mut key) = found else {
            fail();
            return Err(refuse(Refusal::KeyNotFound));
        };
        if let Err(Refused(what, is_event)) = self.certificates.check(session, ctx, &mut key).await {
            if is_event {
                fail();
            }
            return Err(refuse(what));
        }
        if let Some(signature) = &self.signature {
            signature.check(session, ctx, &key, u64::try_from(Utc::now().timestamp()).unwrap_or_default())?;
        }
        Ok(key)
    }

    /// The key that was presented, by certificate or by token, and the text that stands for it in events.
    async fn find(&self, session: &Session, ctx: &Ctx) -> Result<(Option<KeyState>, String), Refusal> {
        let client = self.certificates.shown(session).map_err(|Refused(what, _)| what)?;
        if !self.certificates.alone(session)
            && let Some(presented) = self.credential.read(&session.req_header().headers, &ctx.url)
        {
            let token = without_bearer(&presented);
            return Ok((super::find(ctx, token).await, token.to_owned()));
        }
        match client {
            Some(client) => match certificate::find(ctx, client).await {
                Some(key) => Ok((Some(key), client.fingerprint().to_owned())),
                None => Err(Refusal::CertificateMismatch),
            },
            None if self.certificates.alone(session) => Err(Refusal::CertificateRequired),
            None => Err(Refusal::KeyMissing),
        }
    }
}
