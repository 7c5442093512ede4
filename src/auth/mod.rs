//! Who calls: a folder per method, a line each in [`METHODS`], and the [`Gate`] that combines them.
//!
//! All methods that a definition switches on must pass, in the order of the table (sessions reference 3.1).

mod basic;
pub mod clients;
mod credential;
mod custom;
mod gate;
mod hmac;
mod jwt;
mod key;
pub mod oauth;

use async_trait::async_trait;
use pingora_proxy::Session;

pub use crate::chain::AUTH_FAILURE;
use crate::{
    chain::{Blueprint, Call, Ctx, Denial, Refusal, Response},
    error::Result,
    hook::Family,
    session::KeyState,
};
pub use credential::{Credential, settings, without_bearer};
pub use gate::Gate;

/// What a method found out.
#[derive(Debug)]
pub enum Verdict {
    /// This key calls.
    Granted(KeyState),
    /// The request may pass; who calls is in `Ctx` already, or for another method to say.
    Passed,
    /// The request is refused.
    Denied(Denial),
    /// A hook has answered it.
    Answered(Box<Response>),
}

/// One way to tell who calls.
#[async_trait]
pub trait AuthMethod: Send + Sync {
    /// Runs once per request. A refusal fires its event itself.
    ///
    /// # Errors
    /// A fault, which ends the request; no key and a wrong key are none.
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict>;

    /// The hook behind it, if a user's code decides.
    fn hook(&self) -> Option<&Call> {
        None
    }

    /// True if it is not asked on ignored paths. Native and script hooks are, rich plugins are not, as in Tyk.
    fn spares_ignored(&self) -> bool {
        self.hook().is_none_or(|call| call.family == Family::Coprocess)
    }
}

/// A line of [`METHODS`].
pub struct Method {
    /// Name, for messages.
    pub name: &'static str,
    /// What `base_identity_provided_by` calls it.
    pub identity: &'static str,
    /// Builds it, or nothing when the definition does not switch it on.
    pub build: fn(&mut Blueprint<'_>) -> Option<Box<dyn AuthMethod>>,
}

/// Every method, in the order in which they run. Auth tokens also stand in where no other one is on.
pub const METHODS: &[Method] = &[
    Method { name: "oauth", identity: oauth::IDENTITY, build: oauth::build },
    Method { name: "basic", identity: basic::IDENTITY, build: basic::build },
    Method { name: "signature", identity: hmac::IDENTITY, build: hmac::build },
    Method { name: "jwt", identity: jwt::IDENTITY, build: jwt::build },
    Method { name: "custom", identity: custom::IDENTITY, build: custom::build },
    Method { name: "auth token", identity: key::IDENTITY, build: key::build },
];

/// The key behind what a client presented to the API of this request.
pub async fn find(ctx: &Ctx, presented: &str) -> Option<KeyState> {
    let org_id = &ctx.api.as_ref()?.spec.org_id;
    let snapshot = &ctx.snapshot;
    snapshot.services.sessions.find(&snapshot.policies, org_id, presented).await
}

/// What a refusal says that a site may change.
fn refusal(ctx: &Ctx, refusal: Refusal) -> Denial {
    ctx.snapshot.services.messages.denial(refusal)
}
