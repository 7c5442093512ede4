//! Keys in the store: found by any of their names, written, removed, their counters reset.

use super::Draft;
use crate::{
    chain::{Services, Snapshot},
    cluster::Command,
    error::Result,
    session::{Lifetime, SessionState},
    store::{If, keys},
};

/// A key in the store.
pub(crate) struct Found {
    /// The token that matched; when it was looked for by its hash, that.
    pub(crate) id: String,
    /// What stands for it in store keys.
    pub(crate) hash: String,
    /// As it is stored.
    pub(crate) state: SessionState,
}

/// The key of a name: of a hash if `hashed`, else of what a client of an organisation would present
/// (sessions reference 1.4). A store that does not answer has no keys.
pub(crate) async fn find(services: &Services, org_id: &str, name: &str, hashed: bool) -> Option<Found> {
    let names: Vec<(String, String)> = if hashed {
        vec![(name.to_owned(), name.to_owned())]
    } else {
        let ids = services.sessions.candidates(org_id, name).into_iter();
        ids.map(|id| (services.sessions.hash(&id), id)).collect()
    };
    let stored: Vec<String> = names.iter().map(|(hash, _)| keys::session(hash)).collect();
    let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
    let values = services.store.get_many(&stored).await.ok()?;
    let mut found = names.into_iter().zip(values);
    let ((hash, id), text) =
        found.find_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?)))?;
    let state = serde_json::from_slice(&text).ok()?;
    Some(Found { id, hash, state })
}

/// What a key may do, for those who ask about it: policies applied, as much of its quota left as the counters say,
/// without its password. An API stands for its organisation, else that is `org_id`.
pub(crate) async fn detail(
    snapshot: &Snapshot,
    api_id: &str,
    org_id: &str,
    name: &str,
    hashed: bool,
) -> Option<SessionState> {
    let services = &snapshot.services;
    let org_id = snapshot.api(api_id).map_or(org_id, |api| &*api.spec.org_id);
    let Found { hash, state, .. } = find(services, org_id, name, hashed).await?;
    let mut state = Draft::new(snapshot, state).state;
    fill_remaining(services, &hash, &mut state).await;
    state.basic_auth_data.password.clear();
    Some(state)
}

/// Writes a state and says so to all who keep a copy.
pub(crate) async fn write(
    services: &Services,
    hash: &str,
    state: &SessionState,
    lifetime: Lifetime,
    when: If,
) -> Result<()> {
    services.sessions.write(hash, state, lifetime, when).await?;
    announce(services, hash).await;
    Ok(())
}

/// Removes keys and says so to all who keep a copy.
pub(crate) async fn remove(services: &Services, hashes: &[&str]) -> Result<()> {
    services.sessions.delete(hashes).await?;
    announce(services, &hashes.join(",")).await;
    Ok(())
}

/// Tells every gateway to forget its copies. Where that is not heard they last for seconds.
async fn announce(services: &Services, hashes: &str) {
    if let Err(error) = services.notices.publish(&Command::KeySpaceUpdate, hashes).await {
        tracing::warn!(error = error.chain(), "other gateways were not told that a key changed");
    }
}

/// Begins the quota of a key anew, and ends the block of the sentinel limiter (sessions reference 6). A counter that
/// cannot be reset ends with its period.
pub(crate) async fn reset_counters(services: &Services, hash: &str, state: &SessionState) {
    let mut counters = vec![keys::blocked(&keys::rate_limit("", hash, "")), keys::quota("", hash)];
    let scopes = state.access_rights.values().map(|rights| rights.allowance_scope.as_str());
    counters.extend(scopes.filter(|scope| !scope.is_empty()).map(|scope| keys::quota(scope, hash)));
    let counters: Vec<&str> = counters.iter().map(String::as_str).collect();
    if let Err(error) = services.store.delete(&counters).await {
        tracing::warn!(error = %error.chain(), "the counters of a key were not reset");
    }
}

/// Sets how much of each quota is left, from the counters.
async fn fill_remaining(services: &Services, hash: &str, state: &mut SessionState) {
    if let Some(used) = used(services, "", hash).await.filter(|_| state.quota_max > 0) {
        state.quota_remaining = (state.quota_max - used).max(0);
    }
    for rights in state.access_rights.values_mut() {
        if rights.limit.quota_max > 0
            && let Some(used) = used(services, &rights.allowance_scope, hash).await
        {
            rights.limit.quota_remaining = (rights.limit.quota_max - used).max(0);
        }
    }
}

async fn used(services: &Services, scope: &str, hash: &str) -> Option<i64> {
    let counter = keys::quota(scope, hash);
    let mut values = services.store.get_many(&[&counter]).await.ok()?;
    std::str::from_utf8(&values.pop()??).ok()?.parse().ok()
}
