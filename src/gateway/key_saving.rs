//! Saving keys that auth or hooks made or edited: once, when the chain has run (decisions 3). Quota numbers go another
//! way, see `session`.

use crate::{
    chain::{Api, Ctx},
    cluster::Command,
    session::KeyState,
};

/// Saves the request's key if somebody edited it, and tells the other gateways. The request goes on whatever becomes
/// of that.
pub(super) async fn save(ctx: &mut Ctx) {
    let (Some(key), Some(api)) = (&mut ctx.state, &ctx.api) else { return };
    // What has no name cannot be found again (plugins reference 1.1).
    if !key.modified || key.id.is_empty() {
        return;
    }
    key.modified = false;
    let services = &ctx.snapshot.services;
    match services.sessions.save(key, &*api.definition).await {
        Ok(true) => {
            key.stored = true;
            let (notices, hash) = (services.notices.clone(), key.hash.clone());
            // Nobody waits for what others have to forget: they would in ten seconds.
            tokio::spawn(async move {
                if let Err(error) = notices.publish(&Command::KeySpaceUpdate, &hash).await {
                    tracing::warn!(error = error.chain(), "other gateways were not told of an edited key");
                }
            });
        }
        Ok(false) => lost(api, key, "it has been deleted meanwhile"),
        Err(error) => lost(api, key, &error.chain()),
    }
}

fn lost(api: &Api, key: &KeyState, error: &str) {
    let (api_id, org_id) = (&*api.spec.api_id, &*key.state.org_id);
    tracing::error!(api_id, org_id, error, "the edits of a key are lost");
}
