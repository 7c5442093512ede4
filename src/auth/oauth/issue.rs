//! Makes a token: the key behind it, and what is stored of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    answer::OauthError,
    server::Server,
    tokens::{Access, now},
};
use crate::{
    auth::clients::Client,
    chain::Ctx,
    session::{Policies, SessionState, unix_now},
};

/// What a token is given for.
pub(super) struct Grant {
    pub(super) client: Client,
    pub(super) scope: String,
    pub(super) redirect_uri: String,
    /// A key's state as JSON; empty leaves it to the client's policy.
    pub(super) user_data: String,
    /// A refresh token comes with it.
    pub(super) refresh: bool,
}

impl Server {
    /// Makes and keeps a token.
    pub(super) async fn issue(&self, ctx: &Ctx, grant: Grant) -> Result<Access, OauthError> {
        let mut state = state(&ctx.snapshot.policies, &grant).ok_or(OauthError::ServerError)?;
        let org_id = if state.org_id.is_empty() { &self.org_id } else { &state.org_id };
        let token = self.sessions.token(org_id, &Uuid::new_v4().simple().to_string());
        state.oauth_client_id.clone_from(&grant.client.id);
        state.expires = unix_now().saturating_add(self.expires_in);
        for (name, value) in grant.client.meta_data.as_object().into_iter().flatten() {
            if !state.meta_data.contains_key(name) {
                state.meta_data.insert(name.clone(), value.clone());
            }
        }
        let Grant { client, scope, redirect_uri, user_data, refresh } = grant;
        let access = Access {
            client,
            access_token: token,
            refresh_token: if refresh { STANDARD.encode(Uuid::new_v4().to_string()) } else { String::new() },
            expires_in: self.expires_in,
            scope,
            redirect_uri,
            created_at: now(),
            user_data,
            ..Access::default()
        };
        let key = self.sessions.new_key(&access.access_token, state);
        self.sessions.save(&key, self.lifetime).await?;
        self.tokens.put(&access).await?;
        Ok(access)
    }
}

/// The state that the grant brings, or one made of the client's policy.
fn state(policies: &Policies, grant: &Grant) -> Option<SessionState> {
    if !grant.user_data.is_empty() {
        match serde_json::from_str(&grant.user_data) {
            Ok(state) => return Some(state),
            Err(error) => tracing::info!(%error, "key_rules are no key state: the client's policy is used"),
        }
    }
    let policy = policies.by_id(&grant.client.policy_id);
    if policy.is_none() {
        tracing::warn!(policy = grant.client.policy_id, "an OAuth client has no policy that is loaded");
    }
    Some(policy?.new_state())
}

impl Access {
    /// What the client is told.
    pub(super) fn members(&self) -> Map<String, Value> {
        let mut members = Map::from_iter([
            ("access_token".to_owned(), Value::from(self.access_token.as_str())),
            ("token_type".to_owned(), Value::from("bearer")),
            ("expires_in".to_owned(), Value::from(self.expires_in)),
        ]);
        for (name, text) in [("refresh_token", &self.refresh_token), ("scope", &self.scope)] {
            if !text.is_empty() {
                members.insert(name.to_owned(), text.as_str().into());
            }
        }
        members
    }
}
