//! `apis/oas`: what is said of OAS documents until they can be served. Where Tyk has an answer for Classic definitions
//! it is given; anything else is refused by name, and nothing is written.

use super::{Call, Reply, not_found, reply};
use crate::gateway::ControlAnswer;

const CLASSIC: &str = "the requested API definition is in Tyk classic format, please use old api endpoint";
const NOT_OAS: &str =
    "the supplied API definition is in OAS format, please use the Tyk classic format for this API";

/// 501: asked for rightly, and not built.
fn not_built() -> ControlAnswer {
    let message =
        "pinhook does not serve OAS definitions yet, so nothing was changed; use a Classic definition";
    reply::error(501, message)
}

/// `GET apis/oas`.
pub(in crate::admin) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        if call.gateway.snapshot().apis.iter().any(|api| api.definition.is_oas) {
            return not_built();
        }
        reply::json(200, &serde_json::Value::Array(Vec::new()))
    })
}

/// `GET apis/oas/{id}`.
pub(in crate::admin) fn one(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { judged(&call, CLASSIC) })
}

/// `GET apis/oas/export` and `apis/oas/{id}/export`.
pub(in crate::admin) fn export(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { if call.id.is_empty() { not_built() } else { judged(&call, CLASSIC) } })
}

/// `PUT apis/oas/{id}`.
pub(in crate::admin) fn replace(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { judged(&call, NOT_OAS) })
}

/// `PATCH apis/oas/{id}`.
pub(in crate::admin) fn change(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { judged(&call, NOT_OAS) })
}

/// `POST apis/oas` and `apis/oas/import`.
pub(in crate::admin) fn make(_call: Call<'_>) -> Reply<'_> {
    Box::pin(async move { not_built() })
}

fn judged(call: &Call<'_>, classic: &str) -> ControlAnswer {
    match call.gateway.snapshot().api(call.id) {
        None => not_found(),
        Some(api) if api.definition.is_oas => not_built(),
        Some(_) => reply::error(400, classic),
    }
}
