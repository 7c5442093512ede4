//! Tokens: listed, taken away, purged.

use serde_json::json;
use subtle::ConstantTimeEq;

use super::{Answered, Call, OfApi, Reply, no_client, reply, unavailable};
use crate::{
    auth::oauth::{self, RevokeRequest, Revoked},
    gateway::ControlAnswer,
};

/// Tokens on a page.
const PAGE: usize = 100;

/// `GET oauth/clients/{api}/{client}/tokens[?page=]`: those that have not run out.
pub(in crate::admin) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { listed(&call).await.unwrap_or_else(|refused| refused) })
}

async fn listed(call: &Call<'_>) -> Answered {
    let home = OfApi::of(call).ok_or_else(no_client)?;
    home.client(call.second).await?;
    let tokens = home.tokens.of_client(call.second).await.map_err(|error| unavailable(&error))?;
    let page = call.query("page");
    if page.is_empty() {
        return Ok(reply::json(200, &tokens));
    }
    let page = page.parse().unwrap_or(1).max(1);
    let on_page: Vec<_> = tokens.iter().skip(PAGE.saturating_mul(page - 1)).take(PAGE).collect();
    Ok(reply::json(
        200,
        &json!({
            "Pagination": {"page_num": page, "page_total": tokens.len().div_ceil(PAGE), "page_size": PAGE},
            "Tokens": on_page,
        }),
    ))
}

/// `DELETE oauth/refresh/{token}?api_id=`.
pub(in crate::admin) fn drop_refresh(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let api_id = call.query("api_id");
        if api_id.is_empty() {
            return reply::error(400, "Missing parameter api_id");
        }
        let snapshot = call.gateway.snapshot();
        let Some(api) = snapshot.api(&api_id) else {
            return reply::error(404, "API for this refresh token not found");
        };
        if !api.definition.use_oauth2 {
            return reply::error(400, "OAuth is not enabled on this API");
        }
        match OfApi::new(&snapshot, api).tokens.remove_refresh(call.id).await {
            Ok(_) => reply::modified(call.id, "deleted"),
            Err(error) => unavailable(&error),
        }
    })
}

/// `POST oauth/revoke`: a token of a client, on whichever API of the organisation.
pub(in crate::admin) fn revoke(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { revoked(&call).await.unwrap_or_else(|refused| refused) })
}

async fn revoked(call: &Call<'_>) -> Answered {
    let form = RevokeRequest::of_body(&call.request.body);
    let (token, client) = (form.get("token"), form.get("client_id"));
    if token.is_empty() {
        return Err(reply::error(400, "token is required"));
    }
    if client.is_empty() {
        return Err(reply::error(400, "client_id is required"));
    }
    let homes = homes(call, client, form.get("org_id")).await?;
    if homes.is_empty() {
        return Err(reply::error(400, "oauth client doesn't exist"));
    }
    let what = Revoked::by_hint(form.get("token_type_hint"));
    for (home, _) in homes {
        oauth::revoke(&home.tokens, token, what).await.map_err(|error| unavailable(&error))?;
    }
    Ok(reply::message("token revoked successfully"))
}

/// `POST oauth/revoke_all`: every token of a client. A wrong secret takes none away and is answered 200, as in Tyk.
pub(in crate::admin) fn revoke_all(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { revoked_all(&call).await.unwrap_or_else(|refused| refused) })
}

async fn revoked_all(call: &Call<'_>) -> Answered {
    let form = RevokeRequest::of_body(&call.request.body);
    let (client, secret) = (form.get("client_id"), form.get("client_secret"));
    if client.is_empty() {
        return Err(reply::error(401, "client_id is required"));
    }
    if secret.is_empty() {
        return Err(reply::error(401, "client_secret is required"));
    }
    let homes = homes(call, client, form.get("org_id")).await?;
    if homes.is_empty() {
        return Err(reply::error(404, "oauth client doesn't exist"));
    }
    for (home, known) in homes {
        if bool::from(known.as_bytes().ct_eq(secret.as_bytes())) {
            home.tokens.remove_all(client).await.map_err(|error| unavailable(&error))?;
        }
    }
    Ok(reply::message("tokens revoked successfully"))
}

/// The APIs that have such a client, with its secret there.
async fn homes(call: &Call<'_>, client: &str, org_id: &str) -> Result<Vec<(OfApi, String)>, ControlAnswer> {
    let mut found = Vec::new();
    for home in OfApi::all(&call.gateway.snapshot(), org_id) {
        if let Some(client) = home.clients.get(client).await.map_err(|error| unavailable(&error))? {
            found.push((home, client.secret));
        }
    }
    Ok(found)
}

/// `DELETE oauth/tokens?scope=lapsed`.
pub(in crate::admin) fn purge(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        match call.query("scope").as_str() {
            "" => reply::error(422, "scope parameter is required"),
            "lapsed" => match oauth::purge(&call.gateway.snapshot().services).await {
                Ok(()) => reply::message("lapsed tokens purged"),
                Err(error) => unavailable(&error),
            },
            _ => reply::error(400, "unknown scope"),
        }
    })
}
