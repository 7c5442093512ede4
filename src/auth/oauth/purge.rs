//! Removes what the lists of clients keep of tokens that ran out long ago (`oauth_token_expired_retain_period`).

use std::time::Duration;

use crate::{
    chain::Services,
    error::Result,
    session::unix_now,
    store::{If, Store, keys::oauth as keys},
};

/// How often it is looked for.
const EVERY: Duration = Duration::from_secs(3600);
/// How long one gateway's round keeps others from theirs.
const LOCK: Duration = Duration::from_secs(60);

/// Purges once. Does nothing while nothing is to be purged, or while another gateway does it.
///
/// # Errors
/// The store did not answer.
pub async fn purge(services: &Services) -> Result<()> {
    let retain = services.config.oauth_token_expired_retain_period;
    if retain <= 0 {
        return Ok(());
    }
    ended_before(&*services.store, unix_now().saturating_sub(retain)).await
}

async fn ended_before(store: &dyn Store, time: i64) -> Result<()> {
    if !store.set(keys::PURGE_LOCK, b"1", Some(LOCK), If::Absent).await? {
        return Ok(());
    }
    for name in store.scan(keys::ALL).await? {
        if keys::is_client_tokens(&name) {
            store.sorted_remove(&name, f64::NEG_INFINITY, time as f64).await?;
        }
    }
    Ok(())
}

/// Purges every hour, for as long as the gateway runs.
pub async fn tend(services: Services) {
    if services.config.oauth_token_expired_retain_period <= 0 {
        return;
    }
    let mut rounds = tokio::time::interval(EVERY);
    rounds.tick().await;
    loop {
        rounds.tick().await;
        if let Err(error) = purge(&services).await {
            tracing::warn!(error = error.chain(), "lapsed OAuth tokens could not be purged");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn tokens_that_ended_long_ago_leave_every_list_and_one_gateway_does_it() {
        let store = MemoryStore::default();
        let sets = [keys::client_tokens("a", "one"), keys::client_tokens("b", "two")];
        for set in &sets {
            for (token, ends) in [("old", 50.0), ("edge", 100.0), ("new", 101.0)] {
                store.sorted_add(set, token.as_bytes(), ends).await.unwrap();
            }
        }
        let left = async |set: &str| {
            let left = store.sorted_range(set, f64::NEG_INFINITY, f64::INFINITY).await.unwrap();
            left.into_iter().map(|(token, _)| String::from_utf8(token.to_vec()).unwrap()).collect::<Vec<_>>()
        };
        ended_before(&store, 100).await.unwrap();
        for set in &sets {
            assert_eq!(left(set).await, ["new"], "{set}");
        }
        ended_before(&store, 500).await.unwrap();
        assert_eq!(left(&sets[0]).await, ["new"], "the lock of the first round holds");
        store.delete(&[keys::PURGE_LOCK]).await.unwrap();
        ended_before(&store, 500).await.unwrap();
        assert!(left(&sets[0]).await.is_empty());
    }
}
