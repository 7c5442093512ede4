//! `/tyk/oauth`: clients of the OAuth 2 server and their tokens (sessions reference 8.9).

mod clients;
mod tokens;

use std::sync::Arc;

use serde_json::{Value, json};

pub(super) use self::{
    clients::{apis_of, change, create, delete, list, one, rotate},
    tokens::{drop_refresh, list as list_tokens, purge, revoke, revoke_all},
};
use super::{Call, Reply, reply};
use crate::{
    auth::{
        clients::{Client, Clients},
        oauth::Tokens,
    },
    chain::{Api, Snapshot},
    error::Error,
    gateway::ControlAnswer,
};

const NO_CLIENT: &str = "OAuth Client ID not found";

/// What a call answers.
type Answered = Result<ControlAnswer, ControlAnswer>;

fn no_client() -> ControlAnswer {
    reply::error(404, NO_CLIENT)
}

/// The store did not do it. Tyk answers some of these as if nothing were there.
fn unavailable(error: &Error) -> ControlAnswer {
    tracing::error!(error = error.chain(), "the store did not answer a call about OAuth");
    reply::error(500, "Internal Server Error")
}

/// A client as it is shown.
fn shown(client: &Client) -> Value {
    let mut shown = json!({
        "client_id": client.id,
        "redirect_uri": client.redirect_uri,
        "secret": client.secret,
        "meta_data": client.meta_data,
        "description": client.description,
    });
    if let (false, Some(members)) = (client.policy_id.is_empty(), shown.as_object_mut()) {
        members.insert("policy_id".to_owned(), client.policy_id.as_str().into());
    }
    shown
}

/// What belongs to one API.
struct OfApi {
    api: Arc<Api>,
    clients: Clients,
    tokens: Tokens,
}

impl OfApi {
    fn new(snapshot: &Snapshot, api: &Arc<Api>) -> Self {
        Self {
            api: api.clone(),
            clients: Clients::new(snapshot.services.store.clone(), &api.spec.api_id),
            tokens: Tokens::new(&snapshot.services, &api.spec.api_id),
        }
    }

    /// The API of a call's first place, if it is loaded.
    fn of(call: &Call<'_>) -> Option<Self> {
        let snapshot = call.gateway.snapshot();
        let api = snapshot.api(call.id)?;
        Some(Self::new(&snapshot, api))
    }

    /// Every API of an organisation that clients may belong to; an empty one means all.
    fn all(snapshot: &Snapshot, org_id: &str) -> Vec<Self> {
        let wanted =
            |api: &&Arc<Api>| takes_clients(api) && (org_id.is_empty() || api.definition.org_id == org_id);
        snapshot.apis.iter().filter(wanted).map(|api| Self::new(snapshot, api)).collect()
    }

    fn org_id(&self) -> &str {
        &self.api.definition.org_id
    }

    /// The client of this id.
    async fn client(&self, id: &str) -> Result<Client, ControlAnswer> {
        self.clients.get(id).await.map_err(|error| unavailable(&error))?.ok_or_else(no_client)
    }
}

/// True for the APIs that clients are made for: a JSON Web Token may name one as well.
fn takes_clients(api: &Api) -> bool {
    api.definition.use_oauth2 || api.definition.enable_jwt
}
