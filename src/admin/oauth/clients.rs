//! Clients: made, shown, changed, removed.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Answered, Call, OfApi, Reply, no_client, reply, shown, takes_clients, unavailable};
use crate::{auth::clients::Client, session::Policy};

/// A client as calls bring it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Draft {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    api_id: Option<String>,
    policy_id: Option<String>,
    secret: Option<String>,
    meta_data: Value,
    description: Option<String>,
}

impl Draft {
    fn read(call: &Call<'_>) -> Option<Self> {
        serde_json::from_slice(&call.request.body).ok()
    }
}

fn new_secret() -> String {
    STANDARD.encode(Uuid::new_v4().to_string())
}

/// `POST oauth/clients/create`: a client of one API, or of every API of its policy.
pub(in crate::admin) fn create(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { new(&call).await.unwrap_or_else(|refused| refused) })
}

async fn new(call: &Call<'_>) -> Answered {
    let draft = Draft::read(call).ok_or_else(|| reply::error(500, "Unmarshalling failed"))?;
    let api_id = draft.api_id.unwrap_or_default();
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let client = Client {
        id: given(draft.client_id).unwrap_or_else(|| Uuid::new_v4().simple().to_string()),
        secret: given(draft.secret).unwrap_or_else(new_secret),
        redirect_uri: draft.redirect_uri.unwrap_or_default(),
        meta_data: draft.meta_data,
        policy_id: draft.policy_id.unwrap_or_default(),
        description: draft.description.unwrap_or_default(),
    };
    for home in homes(call, &api_id, &client.policy_id)? {
        if let Err(error) = home.clients.put(home.org_id(), &client).await {
            tracing::error!(error = error.chain(), "an OAuth client could not be stored");
            return Err(reply::error(500, "Failure in storing client data."));
        }
    }
    Ok(reply::json(200, &shown(&client)))
}

/// The APIs that a new client belongs to.
fn homes(call: &Call<'_>, api_id: &str, policy_id: &str) -> Result<Vec<OfApi>, super::ControlAnswer> {
    let snapshot = call.gateway.snapshot();
    let no_api = || reply::error(400, "API doesn't exist");
    let no_policy = || reply::error(400, "Policy doesn't exist");
    let policy = snapshot.policies.by_id(policy_id);
    if !api_id.is_empty() {
        let api = snapshot.api(api_id).ok_or_else(no_api)?;
        if !api.definition.use_oauth2 {
            return Err(reply::error(400, "API is not OAuth2"));
        }
        if !policy_id.is_empty() && policy.is_none() {
            return Err(no_policy());
        }
        return Ok(vec![OfApi::new(&snapshot, api)]);
    }
    let mut homes = Vec::new();
    for id in policy.ok_or_else(no_policy)?.access_rights.keys() {
        let api = snapshot.api(id).ok_or_else(no_api)?;
        if takes_clients(api) {
            homes.push(OfApi::new(&snapshot, api));
        }
    }
    Ok(homes)
}

/// `GET oauth/clients/{api}`.
pub(in crate::admin) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let Some(home) = OfApi::of(&call) else { return reply::json(404, &Value::Null) };
        match home.clients.list(home.org_id()).await {
            Ok(clients) => reply::json(200, &clients.iter().map(shown).collect::<Vec<_>>()),
            Err(error) => unavailable(&error),
        }
    })
}

/// `GET oauth/clients/{api}/{client}`.
pub(in crate::admin) fn one(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let Some(home) = OfApi::of(&call) else { return no_client() };
        match home.client(call.second).await {
            Ok(client) => reply::json(200, &shown(&client)),
            Err(refused) => refused,
        }
    })
}

/// `PUT oauth/clients/{api}/{client}`: all but id and secret. Another policy takes the client's tokens away.
pub(in crate::admin) fn change(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { changed(&call).await.unwrap_or_else(|refused| refused) })
}

async fn changed(call: &Call<'_>) -> Answered {
    let draft = Draft::read(call).ok_or_else(|| reply::error(500, "Unmarshalling failed"))?;
    let home = OfApi::of(call).ok_or_else(|| reply::error(404, "API doesn't exist"))?;
    let policy_id = draft.policy_id.unwrap_or_default();
    if !policy_id.is_empty() {
        check_policy(call, &policy_id)?;
    }
    let old = home.client(call.second).await?;
    let client = Client {
        redirect_uri: draft.redirect_uri.unwrap_or_default(),
        meta_data: draft.meta_data,
        policy_id,
        description: draft.description.unwrap_or_default(),
        ..old.clone()
    };
    home.clients.put(home.org_id(), &client).await.map_err(|error| {
        tracing::error!(error = error.chain(), "an OAuth client could not be stored");
        reply::error(500, "Failure in storing client data.")
    })?;
    if client.policy_id != old.policy_id {
        home.tokens.remove_all(&client.id).await.map_err(|error| unavailable(&error))?;
    }
    Ok(reply::json(200, &shown(&client)))
}

fn check_policy(call: &Call<'_>, id: &str) -> Result<(), super::ControlAnswer> {
    let snapshot = call.gateway.snapshot();
    let policy = snapshot.policies.by_id(id).ok_or_else(|| reply::error(404, "Policy doesn't exist"))?;
    let Policy { access_rights, .. } = &**policy;
    if !access_rights.contains_key(call.id) {
        let message = "Policy access rights doesn't contain API this OAuth client belongs to";
        return Err(reply::error(400, message));
    }
    Ok(())
}

/// `PUT oauth/clients/{api}/{client}/rotate`: a new secret. Tokens stay.
pub(in crate::admin) fn rotate(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { rotated(&call).await.unwrap_or_else(|refused| refused) })
}

async fn rotated(call: &Call<'_>) -> Answered {
    let home = OfApi::of(call).ok_or_else(no_client)?;
    let client = Client { secret: new_secret(), ..home.client(call.second).await? };
    home.clients.put(home.org_id(), &client).await.map_err(|error| unavailable(&error))?;
    Ok(reply::json(200, &shown(&client)))
}

/// `DELETE oauth/clients/{api}/{client}`. Its tokens stop working within a second, since their client is gone.
pub(in crate::admin) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let Some(home) = OfApi::of(&call) else { return no_client() };
        match home.clients.delete(home.org_id(), call.second).await {
            Ok(true) => reply::modified(call.second, "deleted"),
            Ok(false) => no_client(),
            Err(error) => unavailable(&error),
        }
    })
}

/// `GET oauth/clients/apis/{client}?orgID=`: the APIs that have such a client.
pub(in crate::admin) fn apis_of(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        // Without the parameter it is another call: the client of an API named so.
        if !crate::url::Values::parse(call.request.query).iter().any(|(name, _)| name == "orgID") {
            return one(Call { id: "apis", second: call.id, ..call }).await;
        }
        let snapshot = call.gateway.snapshot();
        let mut ids = Vec::new();
        for home in OfApi::all(&snapshot, &call.query("orgID")) {
            match home.clients.get(call.id).await {
                Ok(Some(_)) => ids.push(home.api.spec.api_id.to_string()),
                Ok(None) => {}
                Err(error) => return unavailable(&error),
            }
        }
        reply::json(200, &ids)
    })
}
