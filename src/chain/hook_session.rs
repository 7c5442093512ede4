//! The session that a hook leaves: who calls, found by an auth hook, or an edit by a later one. Each family has rules of
//! its own (plugins reference 3.4 and 3.6, 4.9, 6.4 and 6.5).

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use pingora_proxy::Session;
use serde_json::Value;

use super::{Call, Ctx, Denial, key_failure};
use crate::{
    definition::ApiDefinition,
    error::{HookError, Result},
    event::EventKind,
    hook::{Family, HookKind, Object},
    session::{KeyState, SessionState},
};

/// What an `AuthFailure` event says.
pub const AUTH_FAILURE: &str = "Auth Failure";
/// Metadata in which an auth hook names the key of its session.
pub(super) const TOKEN: &str = "token";
/// What `base_identity_provided_by` calls auth hooks. Native hooks set the session whatever stands there, as in Tyk.
pub const CUSTOM_AUTH: &str = "custom_auth";
/// Tyk's answer to a session without a key.
const FORBIDDEN: Denial = Denial::new(403, "Forbidden");

/// What an API says of the sessions that its auth hook leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionRules {
    /// They become those of the request.
    pub identify: bool,
    /// A rich plugin's count at all: `use_go_plugin_auth` alone calls it and forgets what it says.
    pub count: bool,
}

impl SessionRules {
    /// Those of a definition.
    pub fn of(definition: &ApiDefinition) -> Self {
        let base = definition.base_identity_provided_by.as_str();
        Self {
            identify: base.is_empty() || base == CUSTOM_AUTH,
            count: definition.custom_plugin_auth_enabled || definition.enable_coprocess_auth,
        }
    }
}

/// What an auth hook is not to see. Scripts and rich plugins begin with nobody: a token that an earlier hook left is none
/// of theirs.
pub(super) struct Aside(Option<BTreeMap<String, String>>);

impl Aside {
    pub(super) fn take(call: &Call, object: &mut Object) -> Self {
        if call.kind != HookKind::Auth || call.family == Family::Native {
            return Self(None);
        }
        object.state = None;
        Self(Some(mem::take(&mut object.metadata)))
    }

    /// Lets later hooks see again what earlier ones have left.
    pub(super) fn put_back(self, ctx: &mut Ctx) {
        let Some(mut before) = self.0.filter(|before| !before.is_empty()) else { return };
        before.remove(TOKEN);
        if let Some(own) = ctx.metadata.take() {
            before.extend(*own);
        }
        ctx.metadata = Some(Box::new(before));
    }
}

/// The session that a hook left.
pub(super) struct LeftState {
    pub(super) state: Option<Arc<SessionState>>,
    /// It counts for this request alone.
    pub(super) unsaved: bool,
}

impl Call {
    /// Keeps the session that the hook left. `answered` says that the request ends here.
    ///
    /// # Errors
    /// A policy that cannot be applied, where that is no refusal.
    pub(super) async fn keep_session(
        &self,
        left: LeftState,
        answered: bool,
        session: &Session,
        ctx: &mut Ctx,
    ) -> Result<Option<Denial>> {
        let LeftState { state: left, unsaved } = left;
        match (self.family, self.kind) {
            (Family::Native, _) => self.keep_native(left, unsaved, session, ctx),
            (Family::Script, HookKind::Auth) if answered => Ok(None),
            (Family::Coprocess, HookKind::Auth) if answered => {
                name_key(left, ctx);
                Ok(None)
            }
            (Family::Script, HookKind::Auth) => {
                self.keep_script(left, ctx);
                Ok(None)
            }
            (Family::Coprocess, HookKind::Auth) => Ok(self.keep_rich(left, session, ctx).await),
            (Family::Script, _) | (Family::Coprocess, HookKind::Virtual) => {
                self.keep_edit(left, ctx);
                Ok(None)
            }
            (Family::Coprocess, _) => Ok(None),
        }
    }

    /// A session that was set or edited becomes that of the request, policies applied anew, and is written after the
    /// chain. One that was left as it was stays.
    fn keep_native(
        &self,
        left: Option<Arc<SessionState>>,
        unsaved: bool,
        session: &Session,
        ctx: &mut Ctx,
    ) -> Result<Option<Denial>> {
        let Some(left) = left else { return Ok(None) };
        // A request that has a key keeps it, unless it is about to be told who calls.
        let token = token(ctx).filter(|_| self.kind == HookKind::Auth || ctx.state.is_none());
        if ctx.state.as_ref().is_some_and(|key| Arc::ptr_eq(&key.state, &left)) {
            return Ok(None);
        }
        let mut state = Arc::unwrap_or_clone(left);
        let policies = &ctx.snapshot.policies;
        policies
            .apply(&self.spec.org_id, &mut state)
            .map_err(|source| HookError::Session { name: self.name.to_string(), source: source.into() })?;
        match (token, &mut ctx.state) {
            (Some(token), known) if known.as_ref().is_none_or(|key| *key.id != *token) => {
                let id = ctx.session_id.take().map_or(token, String::from);
                let mut key = ctx.snapshot.services.sessions.new_key(&id, state);
                // Its limits count all the same.
                key.modified = !unsaved;
                *known = Some(key);
            }
            (_, Some(key)) if unsaved => key.state = Arc::new(state),
            (_, Some(key)) => *key.edit() = state,
            (_, known @ None) if unsaved => *known = Some(KeyState::nameless(Arc::new(state))),
            (_, None) => {
                self.warn(
                    "left a session without naming its key in metadata \"token\": the request is refused",
                );
                return Ok(Some(refuse("", session, ctx)));
            }
        }
        Ok(None)
    }

    /// A script's session counts as it stands: no policies, no organisation. Without a key it is for this request.
    fn keep_script(&self, left: Option<Arc<SessionState>>, ctx: &mut Ctx) {
        if left.is_none() && !self.warned.swap(true, Relaxed) {
            self.warn("returned no session: the request is let in with one that has no limits and no rights, as in Tyk");
        }
        if !self.sessions.identify {
            return;
        }
        let state = left.unwrap_or_default();
        let id = ctx.session_id.take().map(String::from);
        let sessions = &ctx.snapshot.services.sessions;
        ctx.state = Some(match id.or_else(|| token(ctx)) {
            Some(token) => sessions.new_key(&token, Arc::unwrap_or_clone(state)),
            None => KeyState::nameless(state),
        });
    }

    /// A rich plugin's session needs a key; policies and what is stored under that key have their say.
    async fn keep_rich(
        &self,
        left: Option<Arc<SessionState>>,
        session: &Session,
        ctx: &mut Ctx,
    ) -> Option<Denial> {
        if !self.sessions.count {
            return None;
        }
        let Some(left) = left else { return Some(refuse("", session, ctx)) };
        let mut state = Arc::unwrap_or_clone(left);
        for (name, text) in ctx.metadata.iter().flat_map(|metadata| metadata.iter()) {
            state.meta_data.insert(name.clone(), Value::from(text.as_str()));
        }
        let token = state.meta_data.get(TOKEN).and_then(Value::as_str).unwrap_or_default().to_owned();
        if token.is_empty() {
            return Some(refuse("", session, ctx));
        }
        state.org_id = self.spec.org_id.to_string();
        if !self.apply_policies(&mut state, ctx) {
            return Some(refuse(&token, session, ctx));
        }
        let sessions = ctx.snapshot.services.sessions.clone();
        let id = ctx.session_id.take().map_or_else(|| token.clone(), String::from);
        match sessions.read(&sessions.hash(&id)).await {
            Ok(Some(stored)) => {
                carry_over(&stored, &mut state);
                if !self.apply_policies(&mut state, ctx) {
                    return Some(refuse(&token, session, ctx));
                }
            }
            Ok(None) => {}
            Err(error) => self.warn(&format!("cannot be told what its key has used: {}", error.chain())),
        }
        if self.sessions.identify {
            ctx.state = Some(sessions.new_key(&id, state));
        }
        None
    }

    fn apply_policies(&self, state: &mut SessionState, ctx: &Ctx) -> bool {
        match ctx.snapshot.policies.apply(&self.spec.org_id, state) {
            Ok(()) => true,
            Err(error) => {
                self.warn(&format!("left a session whose policies cannot be applied: {error}"));
                false
            }
        }
    }

    /// An edit of the session of who calls is saved as it stands.
    fn keep_edit(&self, left: Option<Arc<SessionState>>, ctx: &mut Ctx) {
        match (left, &mut ctx.state) {
            (Some(left), Some(key)) if !Arc::ptr_eq(&key.state, &left) => {
                key.state = left;
                key.modified = true;
            }
            (Some(_), None) => self.skip("to keep session data, though nobody is recognised"),
            _ => {}
        }
    }

    fn warn(&self, what: &str) {
        tracing::warn!(
            api_id = &*self.spec.api_id,
            hook = self.kind.name(),
            function = &*self.name,
            "a hook {what}"
        );
    }
}

/// The event of a refusal names the key of the session that came with it.
fn name_key(left: Option<Arc<SessionState>>, ctx: &mut Ctx) {
    let named = left.as_ref().and_then(|state| state.meta_data.get(TOKEN)?.as_str());
    if let Some(token) = named {
        let metadata = ctx.metadata.get_or_insert_default();
        metadata.entry(TOKEN.to_owned()).or_insert_with(|| token.to_owned());
    }
}

/// The key that an auth hook named.
fn token(ctx: &Ctx) -> Option<String> {
    let named = ctx.metadata.as_ref()?.get(TOKEN)?;
    (!named.is_empty()).then(|| named.clone())
}

fn refuse(key: &str, session: &Session, ctx: &Ctx) -> Denial {
    key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, key);
    FORBIDDEN
}

/// What a key has used of its quotas stays used.
fn carry_over(stored: &SessionState, state: &mut SessionState) {
    state.quota_renews = stored.quota_renews;
    state.quota_remaining = stored.quota_remaining;
    for (api_id, rights) in &mut state.access_rights {
        let Some(before) = stored.access_rights.get(api_id).filter(|before| !before.limit.is_empty()) else {
            continue;
        };
        rights.limit.quota_renews = before.limit.quota_renews;
        rights.limit.quota_remaining = before.limit.quota_remaining;
    }
}
