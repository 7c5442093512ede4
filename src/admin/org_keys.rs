//! `/tyk/org/keys`: what all keys of an organisation may do together (sessions reference 8.6). They are written
//! without an expiry, as in Tyk.

use super::{Call, Reply, reply};
use crate::{
    gateway::ControlAnswer,
    session::{Lifetime, SessionState, unix_now},
    store::{If, keys},
};

/// `POST org/keys/{id}`.
pub(super) fn add(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { write(&call, "added").await.unwrap_or_else(|refused| refused) })
}

/// `PUT org/keys/{id}`.
pub(super) fn update(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { write(&call, "modified").await.unwrap_or_else(|refused| refused) })
}

async fn write(call: &Call<'_>, action: &str) -> Result<ControlAnswer, ControlAnswer> {
    let state = SessionState::parse(&call.request.body);
    let mut state = state.map_err(|_| reply::error(400, "Request malformed"))?;
    let snapshot = call.gateway.snapshot();
    let services = &snapshot.services;
    if services.config.suppress_default_org_store
        && !snapshot.apis.iter().any(|api| &*api.spec.org_id == call.id)
    {
        return Err(reply::error(404, "No such organisation found in Active API list"));
    }
    if call.query("reset_quota") == "1" {
        let hash = services.sessions.hash(call.id);
        let counters = [keys::quota("", &hash), keys::blocked(&keys::rate_limit("", &hash, ""))];
        let reset = services.store.delete(&counters.each_ref().map(String::as_str)).await;
        reset.map_err(|error| not_written(&error.chain()))?;
        state.quota_renews = unix_now() + state.quota_renewal_rate;
    }
    let written = services.sessions.write_organisation(call.id, &state, Lifetime::Unset, If::Always).await;
    written.map_err(|error| not_written(&error.chain()))?;
    Ok(reply::modified(call.id, action))
}

fn not_written(error: &str) -> ControlAnswer {
    tracing::error!(error, "an organisation was not saved");
    reply::error(500, "Error writing to key store storage: Redis is either down or was not configured")
}

/// `GET org/keys/{id}`.
pub(super) fn one(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        match call.gateway.snapshot().services.sessions.organisation(call.id).await {
            Ok(Some(state)) => reply::json(200, &state),
            Ok(None) | Err(_) => reply::error(404, "Org not found"),
        }
    })
}

/// `GET org/keys`: the ids of all that have a state.
pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        if snapshot.apis.is_empty() {
            return reply::error(404, "ORG not found");
        }
        let prefix = call.query("filter");
        match snapshot.services.sessions.organisations().await {
            Ok(mut ids) => {
                ids.retain(|id| id.starts_with(&prefix));
                ids.sort_unstable();
                reply::json(200, &serde_json::json!({ "keys": ids }))
            }
            Err(_) => reply::error(404, "ORG not found"),
        }
    })
}

/// `DELETE org/keys/{id}`.
pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        match call.gateway.snapshot().services.sessions.delete_organisation(call.id).await {
            Ok(true) => reply::modified(call.id, "deleted"),
            Ok(false) | Err(_) => reply::error(400, "Failed to remove the key"),
        }
    })
}
