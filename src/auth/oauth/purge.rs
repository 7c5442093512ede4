//! Removes what the lists of clients keep of tokens that ran out long ago (`oauth_token_expired_retain_period`).

use std::time::Duration;

use crate::{
    chain::Services,
    error::Result,
    session::unix_now,
    store::{If, keys::oauth as keys},
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
    let store = &services.store;
    if !store.set(keys::PURGE_LOCK, b"1", Some(LOCK), If::Absent).await? {
        return Ok(());
    }
    let before = unix_now().saturating_sub(retain) as f64;
    for name in store.scan(keys::ALL).await? {
        if keys::is_client_tokens(&name) {
            store.sorted_remove(&name, f64::NEG_INFINITY, before).await?;
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
