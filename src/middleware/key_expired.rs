//! Refuses keys that are switched off or past their end (sessions reference 3.11).

use async_trait::async_trait;
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, Denial, Flow, Middleware, key_failure},
    error::Result,
    event::EventKind,
    session::unix_now,
};

const MISSING: Denial = Denial::new(
    400,
    "Session state is missing or unset! Please make sure that auth headers are properly applied",
);
const INACTIVE: Denial = Denial::new(403, "Key is inactive, please renew");
const EXPIRED: Denial = Denial::new(401, "Key has expired, please renew");

struct KeyExpired;

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    (!blueprint.definition.use_keyless).then(|| Box::new(KeyExpired) as _)
}

#[async_trait]
impl Middleware for KeyExpired {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let Some(key) = &ctx.state else { return Ok(Flow::Deny(MISSING)) };
        let (denial, message) = if key.state.is_inactive {
            (INACTIVE, "Attempted access from inactive key.")
        } else if key.state.expires >= 1 && unix_now() > key.state.expires {
            (EXPIRED, "Attempted access from expired key.")
        } else {
            return Ok(Flow::Next);
        };
        key_failure(session, ctx, EventKind::KeyExpired, message, &key.id);
        Ok(Flow::Deny(denial))
    }
}
