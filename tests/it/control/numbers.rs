//! `/tyk/health`.

use serde_json::{Value, json};

use super::{ask, call, error};
use crate::support::{definition::api, gateway::Gateway, upstream::Upstream};

#[tokio::test]
async fn numbers_are_kept_on_demand() {
    let gateway = Gateway::build().api(api("one")).start().await;
    let off = error(400, "Health checks are not enabled for this node");
    assert_eq!(ask(&gateway, "GET", "/tyk/health?api_id=one").await, off);
}

#[tokio::test]
async fn requests_and_refusals_are_averages_and_outlive_a_reload() {
    let upstream = Upstream::named("up").await;
    let guarded = api("two").target(&upstream).set("use_keyless", false).set("use_standard_auth", true);
    let builder = Gateway::build().api(api("one").target(&upstream)).api(guarded).config(|config| {
        config.health_check.enable_health_checks = true;
        config.health_check.health_check_value_timeouts = 100;
    });
    let gateway = builder.start().await;
    let numbers =
        async |id: &str| -> Value { ask(&gateway, "GET", &format!("/tyk/health?api_id={id}")).await.1 };
    assert_eq!(
        numbers("one").await,
        json!({
            "throttle_reqests_per_second": 0.0, "quota_violations_per_second": 0.0,
            "key_failures_per_second": 0.0, "average_upstream_latency": 0.0, "average_requests_per_second": 0.0,
        })
    );
    for _ in 0..3 {
        gateway.get("/one/").send().await;
    }
    for _ in 0..2 {
        gateway.get("/two/").header("Authorization", "unknown-key").send().await;
    }
    let changed =
        serde_json::from_str(&api("one").target(&upstream).set("tags", json!(["t"])).text()).unwrap();
    assert_eq!(call(&gateway, "PUT", "/tyk/apis/one", changed).await.0, 200);
    gateway.reload().await;
    assert_eq!(numbers("one").await["average_requests_per_second"], 0.03);
    let two = numbers("two").await;
    assert_eq!(
        (&two["key_failures_per_second"], &two["average_requests_per_second"]),
        (&json!(0.02), &json!(0.0))
    );

    assert_eq!(ask(&gateway, "GET", "/tyk/health").await, error(400, "missing api_id parameter"));
    assert_eq!(ask(&gateway, "GET", "/tyk/health?api_id=none").await, error(404, "API ID not found"));
}
