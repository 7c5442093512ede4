//! The key of whom a token speaks: made from policies when it is seen first, brought up to date when its token says
//! something else (sessions reference 3.5).

use std::{collections::HashSet, sync::Arc};

use serde_json::Value;

use super::{
    claims::{self, Claims},
    verified::{Identity, Verified},
};
use crate::{
    auth::{
        self,
        clients::{Client, ClientCache},
    },
    chain::{Blueprint, Ctx, Denial},
    definition::ApiDefinition,
    session::{KeyState, Policies, SessionState},
};

/// Nothing names a policy.
const NOTHING_FOUND: Denial = Denial::new(403, "key not authorized: no matching policy found");
/// What is named is no policy of this organisation.
const NO_SUCH_POLICY: Denial = Denial::new(403, "key not authorized: no matching policy");
const NOTHING_IN_SCOPES: Denial =
    Denial::new(403, "key not authorized: no matching policy found in scope claim");
const NOTHING_IN_TOKEN: Denial = Denial::new(403, "key not authorized: no scope or policy in token");
const ONE_NOT_APPLIED: Denial = Denial::new(403, "key not authorized: could not apply new policy");
const SEVERAL_NOT_APPLIED: Denial = Denial::new(403, "key not authorized: could not apply several policies");

/// Where the key of a subject is noted in its meta data.
const SESSION_ID: &str = "TykJWTSessionID";
/// What a client's meta data gives to the keys of its tokens, besides `tags`.
const FROM_CLIENT: [&str; 3] = ["tyk_developer_id", "rate_limit_pattern", "policies"];

/// Which policies a token gives.
pub(super) struct Subjects {
    org_id: String,
    policy_claim: String,
    client_claim: String,
    defaults: Vec<String>,
    /// Scope to policy.
    mapping: Vec<(String, String)>,
    scope_claim: String,
    clients: Option<ClientCache>,
}

/// A refusal, and whether it is an event.
pub(super) struct Refused {
    pub(super) denial: Denial,
    pub(super) is_event: bool,
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        Self { denial, is_event: true }
    }
}

/// The policies that one token asks for.
struct Wanted {
    /// The policy that is named, or the first default one.
    base: Option<String>,
    is_default: bool,
    scopes: Vec<String>,
}

impl Subjects {
    pub(super) fn build(blueprint: &Blueprint<'_>) -> Self {
        let definition = blueprint.definition;
        let (mapping, scope_claim) = scope_rules(definition);
        Self {
            org_id: definition.org_id.clone(),
            policy_claim: definition.jwt_policy_field_name.clone(),
            client_claim: definition.jwt_client_base_field.clone(),
            defaults: definition.jwt_default_policies.clone(),
            mapping,
            scope_claim,
            clients: (!definition.idp_client_id_mapping_disabled)
                .then(|| ClientCache::new(blueprint.services.store.clone(), &definition.api_id)),
        }
    }

    /// The key of the subject; edited if it has to be written.
    pub(super) async fn key(
        &self,
        ctx: &Ctx,
        token: &Verified,
        identity: &Identity,
    ) -> Result<KeyState, Refused> {
        let wanted = self.wanted(ctx, &token.claims).await;
        let policies = ctx.snapshot.policies.clone();
        let mut key = match auth::find(ctx, &identity.key_id).await {
            Some(mut key) => {
                self.update(&policies, &mut key, &wanted)?;
                key
            }
            None => {
                let state = self.create(&policies, &wanted, identity)?;
                ctx.snapshot.services.sessions.new_key(&identity.key_id, state)
            }
        };
        if let Some(expires) = claims::expires(&token.claims)
            && expires > key.state.expires
        {
            key.edit().expires = expires;
        }
        if let Some(clients) = &self.clients
            && let Some(id) = claims::client(&token.claims)
        {
            self.note_client(&policies, clients, id, &mut key).await?;
        }
        Ok(key)
    }

    async fn wanted(&self, ctx: &Ctx, claims: &Claims) -> Wanted {
        let scopes = match self.mapping.is_empty() {
            true => Vec::new(),
            false => claims::scopes(claims, &self.scope_claim),
        };
        match self.named(ctx, claims).await {
            Some(base) => Wanted { base: Some(base), is_default: false, scopes },
            None => Wanted { base: self.defaults.first().cloned(), is_default: true, scopes },
        }
    }

    /// The policy that the token names, by itself or by a key that it names.
    async fn named(&self, ctx: &Ctx, claims: &Claims) -> Option<String> {
        if !self.policy_claim.is_empty() {
            let policy = claims::text(claims, &self.policy_claim)?;
            return (!policy.is_empty()).then(|| policy.to_owned());
        }
        if self.client_claim.is_empty() {
            return None;
        }
        let client = claims.get(&self.client_claim)?.as_str()?;
        auth::find(ctx, client).await?.state.policies().first().cloned()
    }

    fn create(
        &self,
        policies: &Policies,
        wanted: &Wanted,
        identity: &Identity,
    ) -> Result<SessionState, Refused> {
        if wanted.base.is_none() && wanted.scopes.is_empty() {
            return Err(NOTHING_FOUND.into());
        }
        self.check_base(policies, wanted)?;
        let ids = self.policies_of(wanted)?;
        let first = ids.first().and_then(|id| policies.get(&self.org_id, id));
        let mut state = first.map(|policy| policy.new_state()).unwrap_or_default();
        state.org_id.clone_from(&self.org_id);
        state.apply_policies = ids;
        if let Err(error) = policies.apply(&self.org_id, &mut state) {
            return Err(match wanted.scopes.is_empty() {
                true => Refused {
                    denial: Denial::with(500, format!("failed to create key: {error}")),
                    is_event: false,
                },
                false => SEVERAL_NOT_APPLIED.into(),
            });
        }
        state.meta_data.insert(SESSION_ID.to_owned(), Value::String(identity.key_id.clone()));
        state.alias.clone_from(&identity.name);
        Ok(state)
    }

    fn update(&self, policies: &Policies, key: &mut KeyState, wanted: &Wanted) -> Result<(), Refused> {
        if wanted.base.is_none() && wanted.scopes.is_empty() {
            return Err(if self.mapping.is_empty() { NOTHING_FOUND } else { NOTHING_IN_TOKEN }.into());
        }
        let has = key.state.policies();
        if has.is_empty() {
            return Err(NOTHING_FOUND.into());
        }
        self.check_base(policies, wanted)?;
        let ids = self.policies_of(wanted)?;
        let named_only = wanted.scopes.is_empty() && !wanted.is_default;
        let stays = if named_only {
            // A named policy counts as kept even where the key has others beside it.
            ids.iter().all(|id| has.contains(id))
        } else {
            has.iter().collect::<HashSet<_>>() == ids.iter().collect()
        };
        if stays {
            return Ok(());
        }
        let state = key.edit();
        state.apply_policies = ids;
        state.apply_policy_id.clear();
        policies.apply(&self.org_id, state).map_err(|_| match wanted.scopes.is_empty() {
            true => ONE_NOT_APPLIED,
            false => SEVERAL_NOT_APPLIED,
        })?;
        Ok(())
    }

    fn check_base(&self, policies: &Policies, wanted: &Wanted) -> Result<(), Refused> {
        match &wanted.base {
            Some(id) if policies.get(&self.org_id, id).is_none() => Err(NO_SUCH_POLICY.into()),
            _ => Ok(()),
        }
    }

    /// The policies of a token: the base one and those of its scopes, which take the place of default ones.
    fn policies_of(&self, wanted: &Wanted) -> Result<Vec<String>, Refused> {
        let mut ids: Vec<String> = Vec::new();
        let mut add = |id: &String| {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        };
        if wanted.scopes.is_empty() {
            wanted.base.iter().for_each(&mut add);
            if wanted.is_default {
                self.defaults.iter().for_each(&mut add);
            }
            return Ok(ids);
        }
        if !wanted.is_default {
            wanted.base.iter().for_each(&mut add);
        }
        for scope in &wanted.scopes {
            self.mapping.iter().filter(|(name, _)| name == scope).for_each(|(_, id)| add(id));
        }
        if ids.is_empty() { Err(NOTHING_IN_SCOPES.into()) } else { Ok(ids) }
    }

    /// Notes the client that asked for the token; what its owner wrote down for it comes along.
    async fn note_client(
        &self,
        policies: &Policies,
        clients: &ClientCache,
        id: &str,
        key: &mut KeyState,
    ) -> Result<(), Refused> {
        if key.state.oauth_client_id != id {
            id.clone_into(&mut key.edit().oauth_client_id);
        }
        match clients.get(id).await {
            Some(client) => self.add_meta_data(policies, &client, key),
            None => Ok(()),
        }
    }

    fn add_meta_data(
        &self,
        policies: &Policies,
        client: &Arc<Client>,
        key: &mut KeyState,
    ) -> Result<(), Refused> {
        for name in FROM_CLIENT {
            if let Some(value) = client.meta_data.get(name)
                && key.state.meta_data.get(name) != Some(value)
            {
                key.edit().meta_data.insert(name.to_owned(), value.clone());
                if name == "policies" {
                    policies.apply(&self.org_id, key.edit()).map_err(|_| SEVERAL_NOT_APPLIED)?;
                }
            }
        }
        let tags = client.meta_data.get("tags").and_then(Value::as_array);
        for tag in tags.into_iter().flatten().filter_map(Value::as_str) {
            if !key.state.tags.iter().any(|known| known == tag) {
                key.edit().tags.push(tag.to_owned());
            }
        }
        Ok(())
    }
}

/// The mapping of scopes and the claim that holds them, in their new or their old form.
fn scope_rules(definition: &ApiDefinition) -> (Vec<(String, String)>, String) {
    let new = &definition.scopes.jwt;
    let (mapping, claim) = match new.scope_to_policy.is_empty() {
        false => (&new.scope_to_policy, &new.scope_claim_name),
        true => (&definition.jwt_scope_to_policy_mapping, &definition.jwt_scope_claim_name),
    };
    let claim = if claim.is_empty() { "scope".to_owned() } else { claim.clone() };
    (mapping.iter().map(|(scope, id)| (scope.clone(), id.clone())).collect(), claim)
}
