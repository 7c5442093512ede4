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

/// Reloads all gateways of the group: this one too hears the notice. One that cannot be sent is lost, but not on us.
pub(super) fn group(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let notices = &call.gateway.snapshot().services.notices;
        if let Err(error) = notices.publish(&Command::GroupReload, "").await {
            tracing::error!(error = error.chain(), "only this gateway reloads: the others were not told");
            call.gateway.reloads.request();
        }
        reply::ok()
    })
}
