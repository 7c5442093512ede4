//! The step on keys. Algorithms are tested in `limit`.

use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};

use super::build;
use crate::{
    chain::{Flow, Slot},
    config::Config,
    error::Result,
    middleware::{
        api_rate_limit,
        tests::{Bench, Request, definition, denied, passed},
        transform_headers,
    },
    session::KeyState,
};

const STEPS: &[Slot] = &[
    Slot::Guard("rate_limit", build),
    Slot::Step("api_rate_limit", api_rate_limit::build),
    Slot::Step("transform_headers", transform_headers::build),
];

fn bench(version: Value, root: Value) -> Bench {
    let mut all = json!({ "use_keyless": false, "enable_context_vars": true });
    all.as_object_mut().unwrap().extend(root.as_object().unwrap().clone());
    Bench::of(&definition(version, all), Config::default(), STEPS, &[])
}

fn state(id: &str, state: Value) -> KeyState {
    KeyState {
        id: id.into(),
        hash: id.into(),
        state: Arc::new(serde_json::from_value(state).unwrap()),
        stored: true,
        modified: false,
    }
}

async fn call(bench: &Bench, line: &str, key: &KeyState) -> (Request, Result<Flow>) {
    let mut request = bench.request(&format!("GET {line}\r\nHost: h\r\n\r\n")).await;
    request.ctx.state = Some(key.clone());
    let flow = bench.chain.request(&mut request.session, &mut request.ctx).await;
    (request, flow)
}

/// Statuses of so many requests.
async fn statuses(bench: &Bench, path: &str, key: &KeyState, requests: usize) -> Vec<u16> {
    let mut all = Vec::new();
    for _ in 0..requests {
        let (_, flow) = call(bench, &format!("{path} HTTP/1.1"), key).await;
        all.push(if passed(&flow) { 200 } else { denied(&flow).0 });
    }
    all
}

#[tokio::test]
async fn a_key_has_a_rate_and_a_quota() {
    let bench = bench(json!({}), json!({}));
    let rate = state("rate", json!({ "rate": 1, "per": 60 }));
    assert!(passed(&call(&bench, "/app/x HTTP/1.1", &rate).await.1));
    assert_eq!(denied(&call(&bench, "/app/x HTTP/1.1", &rate).await.1), (429, "Rate Limit Exceeded"));
    // Trap 16.
    let quota = state("quota", json!({ "quota_max": 1, "quota_renewal_rate": 60 }));
    assert!(passed(&call(&bench, "/app/x HTTP/1.1", &quota).await.1));
    assert_eq!(denied(&call(&bench, "/app/x HTTP/1.1", &quota).await.1), (403, "Quota exceeded"));
    let elsewhere = state("other", json!({ "access_rights": { "another": {} } }));
    assert_eq!(statuses(&bench, "/app/x", &elsewhere, 1).await, [429]);
}

#[tokio::test]
async fn either_limit_can_be_switched_off() {
    let key = || state("k", json!({ "rate": 1, "per": 60, "quota_max": 2 }));
    let root = |rate, quota| json!({ "disable_rate_limit": rate, "disable_quota": quota });
    let get = async |root| statuses(&bench(json!({}), root), "/app/x", &key(), 3).await;
    assert_eq!(get(root(true, false)).await, [200, 200, 403]);
    assert_eq!(get(root(false, true)).await, [200, 429, 429]);
    assert_eq!(bench(json!({}), root(true, true)).chain.request_steps().count(), 0);
}

#[tokio::test]
async fn a_scope_has_counters_of_its_own() {
    let bench = bench(json!({}), json!({}));
    let of = |scope: &str| {
        let limit = json!({ "rate": 1, "per": 60 });
        state("k", json!({ "access_rights": { "app": { "limit": limit, "allowance_scope": scope } } }))
    };
    assert_eq!(statuses(&bench, "/app/x", &of("one"), 2).await, [200, 429]);
    assert_eq!(statuses(&bench, "/app/x", &of("two"), 2).await, [200, 429]);
}

#[tokio::test]
async fn endpoints_of_a_key_are_matched_without_the_listen_path() {
    let bench = bench(json!({}), json!({}));
    let key = state(
        "k",
        json!({ "rate": 2, "per": 60, "access_rights": { "app": { "endpoints": [
            { "path": "^/slow", "methods": [{ "name": "get", "limit": { "rate": 1, "per": 60 } }] },
            { "path": "^/app/deep", "methods": [{ "name": "GET", "limit": { "rate": 1, "per": 60 } }] },
            { "path": "^/free", "methods": [{ "name": "GET", "limit": { "rate": 0, "per": 0 } }] },
            { "path": "^/post", "methods": [{ "name": "POST", "limit": { "rate": 1, "per": 60 } }] },
        ] } } }),
    );
    assert_eq!(statuses(&bench, "/app/slow", &key, 2).await, [200, 429]);
    assert_eq!(statuses(&bench, "/app/free", &key, 4).await, [200; 4]);
    // Trap 41: a pattern with the listen path fits nothing, so the key's own rate counts.
    assert_eq!(statuses(&bench, "/app/deep", &key, 1).await, [200]);
    assert_eq!(statuses(&bench, "/app/post", &key, 2).await, [200, 429], "another method");
}

#[tokio::test]
async fn endpoints_that_differ_in_their_last_letters_share_a_counter() {
    // Trap 42: the hash leaves out what does not fill four bytes.
    let bench = bench(json!({}), json!({}));
    let endpoint = |path: &str| json!({ "path": path, "methods": [{ "name": "GET", "limit": { "rate": 1, "per": 60 } }] });
    let endpoints = [endpoint("/items/a"), endpoint("/items/b"), endpoint("/items/other")];
    let key = state("k", json!({ "access_rights": { "app": { "endpoints": endpoints } } }));
    assert_eq!("GET:/items/a".len() % 4, 0);
    assert_eq!(statuses(&bench, "/app/items/a", &key, 1).await, [200]);
    assert_eq!(statuses(&bench, "/app/items/b", &key, 1).await, [200], "twelve letters are all hashed");
    let odd = [endpoint("/item/a"), endpoint("/item/b")];
    let key = state("odd", json!({ "access_rights": { "app": { "endpoints": odd } } }));
    assert_eq!(statuses(&bench, "/app/item/a", &key, 1).await, [200]);
    assert_eq!(statuses(&bench, "/app/item/b", &key, 1).await, [429]);
}

#[tokio::test]
async fn keys_may_share_counters_by_a_pattern() {
    let bench = bench(json!({}), json!({}));
    let key = |id: &str, pattern: &str| {
        let meta = json!({ "rate_limit_pattern": pattern, "company": "acme", "seats": 5 });
        state(id, json!({ "rate": 1, "per": 60, "meta_data": meta }))
    };
    assert_eq!(statuses(&bench, "/app/x", &key("a", "$tyk_meta.company/$tyk_meta.seats"), 1).await, [200]);
    assert_eq!(statuses(&bench, "/app/x", &key("b", "$tyk_meta.company/$tyk_meta.seats"), 1).await, [429]);
    // One that comes out empty is none.
    assert_eq!(statuses(&bench, "/app/x", &key("c", "$tyk_meta.unknown"), 2).await, [200, 429]);
    assert_eq!(statuses(&bench, "/app/x", &key("d", "$tyk_meta.unknown"), 1).await, [200]);
    let by_header = |id: &str| key(id, "$tyk_context.headers_X_Team");
    let team = "/app/x HTTP/1.1\r\nX-Team: blue";
    assert!(passed(&call(&bench, team, &by_header("e")).await.1));
    assert_eq!(denied(&call(&bench, team, &by_header("f")).await.1).0, 429);
    assert!(passed(&call(&bench, "/app/x HTTP/1.1\r\nX-Team: red", &by_header("f")).await.1));
}

#[tokio::test]
async fn loops_are_exempt_unless_they_say_otherwise() {
    let bench = bench(json!({}), json!({ "global_rate_limit": { "rate": 1, "per": 60 } }));
    let key = state("k", json!({ "rate": 1, "per": 60 }));
    let looped = async |check| {
        let mut request = bench.request("GET /app/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        request.ctx.state = Some(key.clone());
        request.ctx.loops.count = 1;
        request.ctx.loops.check_limits = check;
        passed(&bench.chain.request(&mut request.session, &mut request.ctx).await)
    };
    assert!(looped(false).await && looped(false).await);
    assert!(looped(true).await && !looped(true).await);
    assert!(looped(false).await);
}

#[tokio::test]
async fn a_throttled_request_waits_for_room_and_costs_quota_twice() {
    let bench = bench(json!({}), json!({}));
    let key = state(
        "k",
        json!({ "rate": 1, "per": 1, "throttle_interval": 0.3, "throttle_retry_limit": 5,
                "quota_max": 100, "quota_renewal_rate": 60 }),
    );
    assert!(passed(&call(&bench, "/app/x HTTP/1.1", &key).await.1));
    let begun = Instant::now();
    let (request, flow) = call(&bench, "/app/x HTTP/1.1", &key).await;
    assert!(passed(&flow));
    assert!(begun.elapsed().as_millis() >= 600, "{:?}", begun.elapsed());
    // Trap 15: the look that found room, and the request.
    assert_eq!(request.ctx.limits.quota.unwrap().remaining, 97);
    let stubborn = state("s", json!({ "rate": 1, "per": 60, "throttle_retry_limit": 3 }));
    assert_eq!(statuses(&bench, "/app/x", &stubborn, 2).await, [200, 429]);
}

#[tokio::test]
async fn limiters_tell_what_they_found_as_context_variables() {
    let all = "$tyk_context.rate_limit_limit/$tyk_context.rate_limit_remaining/$tyk_context.quota_limit/$tyk_context.quota_remaining";
    let version = json!({ "global_headers": { "X-Seen": all, "X-Reset": "$tyk_context.quota_reset" } });
    let bench = bench(version, json!({}));
    assert!(bench.problems.is_empty(), "{:?}", bench.problems);
    let key = state("k", json!({ "rate": 5, "per": 60, "quota_max": 9, "quota_renewal_rate": 60 }));
    let (request, _) = call(&bench, "/app/x HTTP/1.1", &key).await;
    assert_eq!(request.header("x-seen"), ["5/4/9/8"]);
    assert!(request.header("x-reset")[0].parse::<i64>().unwrap() > 1_700_000_000);
}

#[tokio::test]
async fn an_api_is_limited_for_all_its_callers_and_endpoints_for_themselves() {
    let version = json!({ "extended_paths": { "rate_limit": [
        { "path": "/own", "method": "GET", "rate": 2, "per": 60 },
        { "path": "/off", "method": "GET", "rate": 1, "per": 60, "disabled": true },
        { "path": "/none", "method": "GET", "rate": 1, "per": 0 },
    ] } });
    let bench = bench(version, json!({ "global_rate_limit": { "rate": 3, "per": 60 } }));
    let (a, b) = (state("a", json!({})), state("b", json!({})));
    assert_eq!(statuses(&bench, "/app/own", &a, 3).await, [200, 200, 429]);
    assert_eq!(statuses(&bench, "/app/off", &a, 1).await, [200]);
    assert_eq!(statuses(&bench, "/app/none", &b, 1).await, [200]);
    assert_eq!(statuses(&bench, "/app/x", &b, 2).await, [200, 429]);
    let (_, flow) = call(&bench, "/app/x HTTP/1.1", &a).await;
    assert_eq!(denied(&flow), (429, "API Rate Limit Exceeded"));
    // Trap 44: what the key's own limit holds back does not use up the API's.
    let bench = super::tests::bench(json!({}), json!({ "global_rate_limit": { "rate": 3, "per": 60 } }));
    let noisy = state("noisy", json!({ "rate": 1, "per": 60 }));
    assert_eq!(statuses(&bench, "/app/x", &noisy, 5).await, [200, 429, 429, 429, 429]);
    assert_eq!(statuses(&bench, "/app/x", &a, 3).await, [200, 200, 429]);
}
