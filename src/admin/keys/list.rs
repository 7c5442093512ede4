//! `GET /tyk/keys`: the names of all keys, or their hashes.

use super::{super::Reply, Call, keys, reply};
use crate::{chain::Services, error::Result, session::SessionState};

/// States that are read at once.
const BATCH: usize = 500;

/// Every key, as far as the config lets them be listed.
pub(in crate::admin) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        let services = &snapshot.services;
        let (mut prefix, api_id) = (call.query("filter"), call.query("api_id"));
        if services.config.hash_keys {
            if !services.config.enable_hashed_keys_listing {
                let message = "Hashed key listing is disabled in config (enable_hashed_keys_listing)";
                return reply::error(404, message);
            }
            prefix.clear();
        } else if prefix.is_empty() && !api_id.is_empty() {
            return reply::error(400, "a filter is required to list the keys of an API");
        }
        match names(services, &prefix, &api_id).await {
            Ok(names) => reply::json(200, &serde_json::json!({ "keys": names })),
            Err(_) => reply::error(504, "Request timeout while processing keys"),
        }
    })
}

async fn names(services: &Services, prefix: &str, api_id: &str) -> Result<Vec<String>> {
    let mut names = services.sessions.hashes().await?;
    names.retain(|name| name.starts_with(prefix));
    names.sort_unstable();
    if api_id.is_empty() {
        return Ok(names);
    }
    let mut its = Vec::new();
    for batch in names.chunks(BATCH) {
        let stored: Vec<String> = batch.iter().map(|name| keys::session(name)).collect();
        let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
        let values = services.store.get_many(&stored).await?;
        let may = |text: &[u8]| SessionState::parse(text).is_ok_and(|state| state.rights(api_id).is_some());
        let held = batch.iter().zip(values).filter(|(_, text)| text.as_deref().is_some_and(may));
        its.extend(held.map(|(name, _)| name.clone()));
    }
    Ok(its)
}
