//! `/tyk/cache`: throwing away what is kept of answers (sessions reference 8.7).

use super::{Call, Reply, reply};
use crate::gateway::drop_responses;

/// `DELETE cache/{id}`: every stored response of an API. As in Tyk also those of APIs whose ids begin with this one.
pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        match drop_responses(&call.gateway.snapshot().services, call.id).await {
            Ok(()) => reply::message("cache invalidated"),
            Err(error) => {
                tracing::error!(api_id = call.id, error = error.chain(), "a cache was not emptied");
                reply::error(500, "Cache invalidation failed")
            }
        }
    })
}
