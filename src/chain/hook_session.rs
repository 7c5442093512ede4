//! The session that a hook leaves: who calls, found by an auth hook, or an edit by a later one.

use std::sync::Arc;

use pingora_proxy::Session;

use super::{Ctx, Denial, key_failure};
use crate::{
    error::{HookError, Result},
    event::EventKind,
    hook::HookKind,
    session::SessionState,
};

/// What an `AuthFailure` event says.
pub const AUTH_FAILURE: &str = "Auth Failure";
/// Metadata in which an auth hook names the key of its session.
const TOKEN: &str = "token";
/// Tyk's answer to a session without a key.
const FORBIDDEN: Denial = Denial::new(403, "Forbidden");

/// Makes a session that a hook has set or edited that of the request; policies are applied anew, and it is written
/// after the chain. One that the hook left as it was stays.
///
/// # Errors
/// A policy that cannot be applied.
pub(super) fn keep(
    name: &str,
    kind: HookKind,
    left: Option<Arc<SessionState>>,
    session: &Session,
    ctx: &mut Ctx,
) -> Result<Option<Denial>> {
    let Some(left) = left else { return Ok(None) };
    let (known, token) = {
        let named =
            ctx.metadata.as_ref().and_then(|metadata| metadata.get(TOKEN)).filter(|_| kind == HookKind::Auth);
        (ctx.state.as_ref(), named.filter(|token| !token.is_empty()).cloned())
    };
    if known.is_some_and(|key| Arc::ptr_eq(&key.state, &left)) {
        return Ok(None);
    }
    let org_id = ctx.api.as_ref().map(|api| api.spec.org_id.clone()).unwrap_or_default();
    let mut state = Arc::unwrap_or_clone(left);
    let policies = &ctx.snapshot.policies;
    policies
        .apply(&org_id, &mut state)
        .map_err(|source| HookError::Session { name: name.to_owned(), source: source.into() })?;
    match (token, &mut ctx.state) {
        (Some(token), known) if known.as_ref().is_none_or(|key| *key.id != *token) => {
            let id = ctx.session_id.take().map_or(token, String::from);
            *known = Some(ctx.snapshot.services.sessions.new_key(&id, state));
        }
        (_, Some(key)) => *key.edit() = state,
        (_, None) => {
            tracing::warn!(
                api_id = ctx.api.as_ref().map(|api| &*api.spec.api_id),
                hook = kind.name(),
                function = name,
                "a hook left a session without naming its key in metadata \"token\": the request is refused"
            );
            key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, "");
            return Ok(Some(FORBIDDEN));
        }
    }
    Ok(None)
}
