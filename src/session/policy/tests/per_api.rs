//! Policies that give each API limits of its own.

use serde_json::{Value, json};

use super::{at, merge, try_merge};

fn per_api(rights: Value, members: Value) -> Value {
    let mut policy = json!({ "partitions": { "per_api": true }, "rate": 10, "per": 1, "quota_max": 20,
        "quota_renewal_rate": 3600, "access_rights": { "x": rights } });
    policy.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    policy
}

fn limited(rate: i64, quota: i64, renewal: i64) -> Value {
    json!({ "limit": { "rate": rate, "per": 1, "quota_max": quota, "quota_renewal_rate": renewal } })
}

fn key(ids: Value) -> Value {
    json!({ "org_id": "org1", "apply_policies": ids })
}

#[test]
fn an_api_counts_for_itself_or_for_its_policy() {
    let mut policy = per_api(limited(3, 4, 60), json!({ "throttle_retry_limit": 2, "max_query_depth": 5 }));
    policy["access_rights"]["y"] = json!({});
    let state = merge(json!({ "p": policy }), key(json!(["p"])));
    let of = |path: &str| at(&state, &format!("/access_rights/{path}"));
    assert_eq!([of("x/allowance_scope"), of("y/allowance_scope")], ["x", "p"]);
    assert_eq!(of("x/limit"), json!({ "rate": 3, "per": 1, "quota_max": 4, "quota_renewal_rate": 60 }));
    assert_eq!(
        of("y/limit"),
        json!({ "rate": 10, "per": 1, "throttle_retry_limit": 2, "max_query_depth": 5,
        "quota_max": 20, "quota_renewal_rate": 3600 })
    );
}

#[test]
fn the_key_keeps_its_period_and_its_closed_introspection() {
    let mut state = key(json!(["p"]));
    state["access_rights"] = json!({ "x": { "limit": { "quota_max": 1, "quota_renews": 99 },
        "disable_introspection": true } });
    let state = merge(json!({ "p": per_api(limited(3, 4, 60), json!({})) }), state);
    assert_eq!(at(&state, "/access_rights/x/limit/quota_renews"), 99);
    assert_eq!(at(&state, "/access_rights/x/disable_introspection"), true);
}

#[test]
fn the_better_limit_of_two_policies_wins_with_its_counter() {
    let of = |one: Value, other: Value| {
        let all = json!({ "a": per_api(one, json!({})), "b": per_api(other, json!({})) });
        at(&merge(all, key(json!(["a", "b"]))), "/access_rights/x")
    };
    // The first policy's limit comes from its root, so that its scope is `a`.
    let right = of(json!({}), limited(3, 4, 60));
    assert_eq!(
        at(&right, "/limit"),
        json!({ "rate": 10, "per": 1, "quota_max": 20, "quota_renewal_rate": 3600 })
    );
    assert_eq!(at(&right, "/allowance_scope"), "a");
    let right = of(json!({}), limited(30, 40, 60));
    assert_eq!(
        at(&right, "/limit"),
        json!({ "rate": 30, "per": 1, "quota_max": 40, "quota_renewal_rate": 3600 })
    );
    assert_eq!(at(&right, "/allowance_scope"), "x", "nothing but the renewal is the first one's");
    let right = of(json!({}), limited(0, 40, 7200));
    assert_eq!(at(&right, "/limit/rate"), Value::Null, "no rate counts as fastest");
    let right = of(limited(1, -1, 60), limited(3, 40, 60));
    assert_eq!(
        [at(&right, "/limit/quota_max"), at(&right, "/limit/quota_renewal_rate")],
        [json!(-1), Value::Null]
    );
}

#[test]
fn the_rest_is_the_later_policys() {
    let rights = |version: &str, url: &str, rate: i64| {
        json!({ "versions": [version], "allowed_urls": [{ "url": url, "methods": ["GET"] }],
            "endpoints": [{ "path": "/e", "methods": [{ "name": "GET", "limit": { "rate": rate, "per": 1 } }] }] })
    };
    let all = json!({ "a": per_api(rights("v1", "/a", 9), json!({})), "b": per_api(rights("v2", "/b", 1), json!({})) });
    let right = at(&merge(all, key(json!(["a", "b"]))), "/access_rights/x");
    assert_eq!(at(&right, "/versions"), json!(["v2"]));
    assert_eq!(at(&right, "/allowed_urls/0/url"), "/b");
    assert_eq!(at(&right, "/endpoints/0/methods/0/limit/rate"), 9, "but rates of endpoints are merged");
}

#[test]
fn a_lone_api_gives_its_numbers_to_the_key() {
    let state = merge(json!({ "p": per_api(limited(3, 4, 60), json!({})) }), key(json!(["p"])));
    assert_eq!(
        [at(&state, "/rate"), at(&state, "/quota_max"), at(&state, "/quota_renewal_rate")],
        [3, 4, 60]
    );
}

#[test]
fn contradictions_are_errors() {
    let both = per_api(json!({}), json!({ "partitions": { "per_api": true, "acl": true } }));
    assert_eq!(
        try_merge(json!({ "p": both }), key(json!(["p"]))).unwrap_err(),
        "cannot apply policy p which has per_api and any of partitions set"
    );
    let all = json!({
        "p": per_api(json!({}), json!({})),
        "q": per_api(json!({}), json!({ "partitions": { "quota": true } })),
        "full": per_api(json!({}), json!({ "partitions": {} })),
    });
    for ids in [json!(["p", "q"]), json!(["q", "p"]), json!(["full", "p", "q"])] {
        assert_eq!(
            try_merge(all.clone(), key(ids)).unwrap_err(),
            "cannot apply multiple policies when some have per_api set and some are partitioned"
        );
    }
    for ids in [json!(["full", "p"]), json!(["full", "q"]), json!(["p", "full"])] {
        assert!(try_merge(all.clone(), key(ids)).is_ok());
    }
}
