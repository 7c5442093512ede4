//! `/tyk/health`: how the last requests of an API went (sessions reference 8.7). The numbers are this gateway's own:
//! Tyk keeps them in Redis and sums those of all gateways.

use serde_json::json;

use super::{Call, Reply, reply};

/// `GET health?api_id=`.
pub(super) fn numbers(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        if !call.gateway.config.health_check.enable_health_checks {
            return reply::error(400, "Health checks are not enabled for this node");
        }
        let api_id = call.query("api_id");
        if api_id.is_empty() {
            return reply::error(400, "missing api_id parameter");
        }
        let snapshot = call.gateway.snapshot();
        let Some(api) = snapshot.api(&api_id) else { return reply::error(404, "API ID not found") };
        let values = api.samples.as_ref().map(|samples| samples.values()).unwrap_or_default();
        reply::json(
            200,
            &json!({
                "throttle_reqests_per_second": values.throttled,
                "quota_violations_per_second": values.over_quota,
                "key_failures_per_second": values.key_failures,
                "average_upstream_latency": values.upstream_ms,
                "average_requests_per_second": values.requests,
            }),
        )
    })
}
