//! `/tyk/reload`: load the definitions again.

use super::{Call, Reply, reply};

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

/// Reloads all gateways of the group. Without a cluster channel the group is this gateway.
pub(super) fn group(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        call.gateway.reloads.request();
        reply::ok()
    })
}
