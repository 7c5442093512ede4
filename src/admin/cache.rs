//! `/tyk/cache`: throwing away what is kept of answers (sessions reference 8.7).

use super::{Call, Reply, reply};

/// `DELETE cache/{id}`: every stored response of an API. As in Tyk also those of APIs whose ids begin with this one.
pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        match call.gateway.snapshot().services.cache.forget(call.id).await {
            Ok(()) => reply::message("cache invalidated"),
            Err(error) => {
                tracing::error!(api_id = call.id, error = error.chain(), "a cache was not emptied");
                reply::error(500, "Cache invalidation failed")
            }
        }
    })
}

/// `DELETE cache/jwks` and `cache/jwks/{id}`: the key sets that this gateway has fetched, for one API or all.
pub(super) fn forget_key_sets(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let api_id = Some(call.id).filter(|id| !id.is_empty());
        call.gateway.snapshot().services.key_sets.forget(api_id);
        reply::message("cache invalidated")
    })
}
