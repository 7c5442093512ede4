//! `apis/{id}/versions`: an API and those that are its versions.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Reply, not_found, reply};
use crate::chain::{Api, Snapshot};

/// The API that the one with this id is a version of: itself, if it has versions.
pub(super) fn base<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a Arc<Api>> {
    let own = snapshot.api(id).filter(|api| has_versions(api));
    own.or_else(|| {
        let mut apis = snapshot.apis.iter().filter(|api| has_versions(api));
        apis.find(|api| api.definition.definition.versions.values().any(|child| child == id))
    })
}

fn has_versions(api: &Api) -> bool {
    let versioning = &api.definition.definition;
    versioning.enabled && !versioning.versions.is_empty()
}

/// The base API first, then its versions by name; those alone that `searchText` and `accessType` want.
pub(in crate::admin) fn versions(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        let Some(asked) = snapshot.api(call.id) else { return not_found() };
        let base = base(&snapshot, call.id).unwrap_or(asked);
        let versioning = &base.definition.definition;
        let children = versioning.versions.iter().filter_map(|(name, id)| Some((name, snapshot.api(id)?)));
        let all = std::iter::once((&versioning.name, base)).chain(children);
        let (text, access) = (call.query("searchText").to_lowercase(), call.query("accessType"));
        let wanted = all.filter(|(name, api)| {
            let named = [&api.definition.name, *name].iter().any(|name| name.to_lowercase().contains(&text));
            let reachable = match access.as_str() {
                "internal" => api.definition.internal,
                "external" => !api.definition.internal,
                _ => true,
            };
            named && reachable
        });
        let shown: Vec<Value> = wanted.map(|(name, api)| shown(base, name, api)).collect();
        reply::json(200, &json!({"status": "success", "apis": shown}))
    })
}

fn shown(base: &Api, name: &str, api: &Api) -> Value {
    let default = &base.definition.definition.default;
    let is_base = api.spec.api_id == base.spec.api_id;
    json!({
        "id": &*api.spec.api_id,
        "name": api.definition.name,
        "versionName": name,
        "internal": api.definition.internal,
        "expirationDate": api.definition.expiration,
        "isDefaultVersion": name == default || (is_base && matches!(default.as_str(), "" | "self")),
    })
}
