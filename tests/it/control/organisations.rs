//! Organisations, and caches.

use serde_json::json;

use super::{ask, call, done, error};
use crate::support::{definition::api, gateway::Gateway, redis::Redis};

#[tokio::test]
async fn an_organisation_is_stored_under_its_own_name_and_for_ever() {
    let redis = Redis::start();
    let builder = Gateway::build().api(api("one")).config(|config| {
        config.storage = redis.storage();
        config.hash_keys = true;
        config.force_global_session_lifetime = true;
        config.global_session_lifetime = 60;
    });
    let gateway = builder.start().await;
    let state = json!({"org_id": "org", "rate": 5, "per": 1, "quota_max": 3, "quota_renewal_rate": 600});
    assert_eq!(call(&gateway, "POST", "/tyk/org/keys/org", state.clone()).await, done("org", "added"));
    let ttl: i64 = redis.ask(&["TTL", "orgkey.org"]);
    assert_eq!(ttl, -1);
    assert_eq!(ask(&gateway, "GET", "/tyk/org/keys/org").await, (200, state.clone()));
    assert_eq!(ask(&gateway, "GET", "/tyk/org/keys").await, (200, json!({"keys": ["org"]})));
    assert_eq!(ask(&gateway, "GET", "/tyk/org/keys?filter=x").await, (200, json!({"keys": []})));

    let () = redis.ask(&["SET", "orgkey.org", "{}", "EX", "100"]);
    assert_eq!(call(&gateway, "PUT", "/tyk/org/keys/org", state.clone()).await, done("org", "modified"));
    let ttl: i64 = redis.ask(&["TTL", "orgkey.org"]);
    assert_eq!(ttl, -1, "a write drops what was left of its life");

    let path = "/tyk/org/keys/org?reset_quota=1";
    assert_eq!(call(&gateway, "PUT", path, state).await, done("org", "modified"));
    let renews = ask(&gateway, "GET", "/tyk/org/keys/org").await.1["quota_renews"].as_i64().unwrap();
    assert!(renews > 1_700_000_000);

    assert_eq!(ask(&gateway, "DELETE", "/tyk/org/keys/org").await, done("org", "deleted"));
    assert_eq!(ask(&gateway, "DELETE", "/tyk/org/keys/org").await, error(400, "Failed to remove the key"));
    assert_eq!(ask(&gateway, "GET", "/tyk/org/keys/org").await, error(404, "Org not found"));
}

#[tokio::test]
async fn organisations_have_their_own_refusals() {
    let gateway = Gateway::build().start().await;
    assert_eq!(ask(&gateway, "GET", "/tyk/org/keys").await, error(404, "ORG not found"));
    let malformed = error(400, "Request malformed");
    assert_eq!(call(&gateway, "POST", "/tyk/org/keys/org", json!([])).await, malformed);

    let builder = Gateway::build().api(api("one")).config(|config| config.suppress_default_org_store = true);
    let gateway = builder.start().await;
    let unknown = error(404, "No such organisation found in Active API list");
    assert_eq!(call(&gateway, "POST", "/tyk/org/keys/other", json!({})).await, unknown);
    assert_eq!(call(&gateway, "POST", "/tyk/org/keys/org", json!({})).await, done("org", "added"));
}

#[tokio::test]
async fn a_store_that_is_away_takes_no_organisation() {
    let mut redis = Redis::start();
    let gateway = Gateway::build().config(|config| config.storage = redis.storage()).start().await;
    redis.kill();
    let away = "Error writing to key store storage: Redis is either down or was not configured";
    assert_eq!(call(&gateway, "POST", "/tyk/org/keys/org", json!({})).await, error(500, away));
    assert_eq!(ask(&gateway, "DELETE", "/tyk/cache/one").await, error(500, "Cache invalidation failed"));
}

#[tokio::test]
async fn a_cache_is_emptied_by_the_beginning_of_its_names() {
    let redis = Redis::start();
    let gateway = Gateway::build().config(|config| config.storage = redis.storage()).start().await;
    for key in ["cache-abc1", "cache-abcd2", "cache-ab3", "abc"] {
        let () = redis.ask(&["SET", key, "x"]);
    }
    let emptied = (200, json!({"status": "ok", "message": "cache invalidated"}));
    assert_eq!(ask(&gateway, "DELETE", "/tyk/cache/abc").await, emptied);
    assert_eq!(ask(&gateway, "DELETE", "/tyk/cache/none").await, emptied, "unknown ids as well");
    let mut left: Vec<String> = redis.ask(&["KEYS", "*"]);
    left.retain(|key| key.contains("ab"));
    left.sort();
    assert_eq!(left, ["abc", "cache-ab3"]);
}
