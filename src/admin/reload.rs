//! `/tyk/reload`: load the definitions again.

use super::{Call, Reply, reply};
use crate::cluster::Command;

/// Queues a reload; with `block=true` the answer comes after it, whatever became of it.
pub(super) fn this(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let block = call.query("block") == "true";
        if block {
            call.gateway.reloads.wait().await;
        } else {
            call.gateway.reloads.request();
        }
        reply::ok()
    })
}

/// Reloads all gateways of the group. This one does not wait to hear itself: without Redis nobody would say it.
pub(super) fn group(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        if let Err(error) = snapshot.services.notices.publish(&Command::GroupReload, "").await {
            tracing::warn!(error = error.chain(), "other gateways were not told to reload");
        }
        call.gateway.reloads.request();
        reply::ok()
    })
}
