//! Full and partitioned policies.

use serde_json::{Value, json};

use super::{at, merge, plain, try_merge};

fn part(partitions: Value, members: Value) -> Value {
    let mut policy = json!({ "rate": 10, "per": 1, "quota_max": 20, "quota_renewal_rate": 3600,
        "max_query_depth": 4, "access_rights": { "x": plain("x") }, "partitions": partitions });
    policy.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    policy
}

fn key(ids: Value) -> Value {
    json!({ "org_id": "org1", "apply_policies": ids })
}

#[test]
fn each_partition_gives_its_part() {
    let all = json!({
        "acl": part(json!({ "acl": true }), json!({})),
        "quota": part(json!({ "quota": true }), json!({ "quota_max": 33 })),
        "rate": part(json!({ "rate_limit": true }), json!({ "rate": 77 })),
        "depth": part(json!({ "complexity": true }), json!({ "max_query_depth": 6 })),
    });
    let state = merge(all, key(json!(["acl", "quota", "rate", "depth"])));
    let limit = at(&state, "/access_rights/x/limit");
    assert_eq!(
        limit,
        json!({ "rate": 77, "per": 1, "max_query_depth": 6, "quota_max": 33,
        "quota_renewal_rate": 3600 })
    );
    assert_eq!([at(&state, "/rate"), at(&state, "/quota_max"), at(&state, "/max_query_depth")], [77, 33, 6]);
}

#[test]
fn the_order_of_partitions_does_not_matter() {
    let all = json!({
        "acl": part(json!({ "acl": true }), json!({})),
        "quota": part(json!({ "quota": true }), json!({ "quota_max": 33 })),
    });
    let one = merge(all.clone(), key(json!(["acl", "quota"])));
    let other = merge(all, key(json!(["quota", "acl"])));
    assert_eq!(at(&one, "/access_rights"), at(&other, "/access_rights"));
}

#[test]
fn what_no_policy_sets_comes_from_the_key() {
    let acl = part(
        json!({ "acl": true }),
        json!({ "access_rights": { "x": {
        "endpoints": [{ "path": "/a", "methods": [{ "name": "GET", "limit": { "rate": 1, "per": 1 } }] }] } } }),
    );
    let mut state = key(json!(["acl"]));
    state.as_object_mut().unwrap().extend(
        json!({ "rate": 3, "per": 2, "throttle_interval": 1, "throttle_retry_limit": 5, "quota_max": 8,
            "quota_renewal_rate": 60, "quota_renews": 99, "max_query_depth": 2 })
        .as_object()
        .unwrap()
        .clone(),
    );
    let state = merge(json!({ "acl": acl }), state);
    assert_eq!(
        at(&state, "/access_rights/x/limit"),
        json!({ "rate": 3, "per": 2, "throttle_interval": 1,
        "throttle_retry_limit": 5, "max_query_depth": 2, "quota_max": 8, "quota_renews": 99,
        "quota_renewal_rate": 60 })
    );
    assert_eq!(at(&state, "/access_rights/x/endpoints"), Value::Null, "no rate, no rates of endpoints");
}

#[test]
fn a_policy_without_acl_or_rights_is_not_enough() {
    // Trap 10.
    let invalid = "key has no valid policies to be applied";
    for policy in [
        part(json!({ "quota": true }), json!({})),
        part(json!({ "rate_limit": true, "complexity": true }), json!({})),
        part(json!({}), json!({ "access_rights": {} })),
        part(json!({ "acl": true }), json!({ "access_rights": {} })),
    ] {
        let mut state = key(json!(["a"]));
        state["access_rights"] = json!({ "x": plain("x") });
        assert_eq!(try_merge(json!({ "a": policy }), state).unwrap_err(), invalid);
    }
}

#[test]
fn a_master_policy_gives_numbers_beside_one_that_gives_rights() {
    let all = json!({
        "acl": part(json!({ "acl": true }), json!({})),
        "master": part(json!({ "quota": true, "rate_limit": true }),
            json!({ "access_rights": {}, "quota_max": 5, "rate": 4, "throttle_interval": 3 })),
    });
    let state = merge(all, key(json!(["master", "acl"])));
    assert_eq!([at(&state, "/quota_max"), at(&state, "/rate"), at(&state, "/throttle_interval")], [5, 4, 3]);
    assert_eq!(at(&state, "/max_query_depth"), Value::Null);
    assert_eq!(at(&state, "/access_rights/x/limit/quota_max"), 5);
}

#[test]
fn an_api_that_nobody_granted_is_dropped() {
    let all = json!({
        "acl": part(json!({ "acl": true }), json!({})),
        "quota": part(json!({ "quota": true }), json!({ "access_rights": { "y": plain("y") } })),
    });
    let state = merge(all, key(json!(["acl", "quota"])));
    assert_eq!(at(&state, "/access_rights").as_object().unwrap().keys().collect::<Vec<_>>(), ["x"]);
}

#[test]
fn the_larger_number_wins_and_minus_one_is_largest() {
    let with = |quota: i64, depth: i64, renewal: i64| {
        part(
            json!({}),
            json!({ "quota_max": quota, "max_query_depth": depth, "quota_renewal_rate": renewal }),
        )
    };
    for (one, other, expected) in [
        (with(5, 3, 60), with(50, 2, 30), [50, 3, 60]),
        (with(-1, 3, 60), with(50, -1, 90), [-1, -1, 90]),
        (with(50, -1, 60), with(-1, 7, 60), [-1, -1, 60]),
    ] {
        let state = merge(json!({ "a": one, "b": other }), key(json!(["a", "b"])));
        let numbers = ["quota_max", "max_query_depth", "quota_renewal_rate"];
        assert_eq!(numbers.map(|name| at(&state, &format!("/access_rights/x/limit/{name}"))), expected);
        assert_eq!(numbers.map(|name| at(&state, &format!("/{name}"))), expected);
    }
}

#[test]
fn the_faster_rate_wins_with_its_smoothing() {
    let with = |rate: f64, per: f64, step: i64| {
        part(json!({}), json!({ "rate": rate, "per": per, "smoothing": { "enabled": true, "step": step } }))
    };
    for (one, other, rate, step) in [
        (with(2.0, 1.0, 1), with(30.0, 1.0, 2), 30, 2),
        (with(2.0, 1.0, 1), with(100.0, 60.0, 2), 2, 1),
        (with(2.0, 1.0, 1), with(0.0, 1.0, 2), 2, 1),
        (with(-1.0, 1.0, 1), with(30.0, 1.0, 2), -1, 1),
        (with(30.0, 1.0, 1), with(-1.0, 1.0, 2), -1, 2),
    ] {
        let state = merge(json!({ "a": one, "b": other }), key(json!(["a", "b"])));
        assert_eq!([at(&state, "/access_rights/x/limit/rate"), at(&state, "/rate")], [rate, rate]);
        assert_eq!(at(&state, "/smoothing/step"), step);
    }
}

#[test]
fn throttling_takes_the_larger() {
    let with = |interval: i64, retries: i64| {
        part(json!({}), json!({ "throttle_interval": interval, "throttle_retry_limit": retries }))
    };
    let state = merge(json!({ "a": with(1, 9), "b": with(5, 2) }), key(json!(["a", "b"])));
    assert_eq!([at(&state, "/throttle_interval"), at(&state, "/throttle_retry_limit")], [5, 9]);
    assert_eq!(at(&state, "/access_rights/x/limit/throttle_retry_limit"), 9);
}

#[test]
fn rights_are_united() {
    let a = part(
        json!({}),
        json!({ "access_rights": { "x": {
        "versions": ["v1", "v2"], "allowed_urls": [{ "url": "/a", "methods": ["GET"] }],
        "restricted_types": [{ "name": "Query", "fields": ["a"] }],
        "field_access_rights": [{ "type_name": "Q", "field_name": "f", "limits": { "max_query_depth": 2 } }],
        "json_rpc_methods_access_rights": { "allowed": ["one"] }
    } } }),
    );
    let b = part(
        json!({}),
        json!({ "access_rights": { "x": {
        "versions": ["v2", "v3"], "allowed_urls": [
            { "url": "/b", "methods": ["GET"] }, { "url": "/a", "methods": ["POST", "GET"] }],
        "restricted_types": [{ "name": "Query", "fields": ["b", "a"] }, { "name": "User", "fields": [] }],
        "field_access_rights": [{ "type_name": "Q", "field_name": "f", "limits": { "max_query_depth": -1 } }],
        "json_rpc_methods_access_rights": { "allowed": ["two"], "blocked": ["three"] },
        "disable_introspection": true
    } } }),
    );
    let state = merge(json!({ "a": a, "b": b }), key(json!(["a", "b"])));
    let rights = at(&state, "/access_rights/x");
    assert_eq!(at(&rights, "/versions"), json!(["v1", "v2", "v3"]));
    assert_eq!(
        at(&rights, "/allowed_urls"),
        json!([{ "url": "/a", "methods": ["GET", "POST"] }, { "url": "/b", "methods": ["GET"] }])
    );
    assert_eq!(
        at(&rights, "/restricted_types"),
        json!([{ "name": "Query", "fields": ["a", "b"] }, { "name": "User" }])
    );
    assert_eq!(at(&rights, "/field_access_rights/0/limits/max_query_depth"), -1);
    assert_eq!(at(&rights, "/disable_introspection"), true);
    assert_eq!(
        at(&rights, "/json_rpc_methods_access_rights"),
        json!({ "allowed": ["one", "two"], "blocked": ["three"] })
    );
}

#[test]
fn the_limit_of_an_api_counts_only_per_api() {
    // Trap 11.
    let a = part(
        json!({}),
        json!({ "access_rights": { "x": { "limit": { "rate": 1, "per": 1, "quota_max": 1 } } } }),
    );
    let state = merge(json!({ "a": a }), key(json!(["a"])));
    assert_eq!(at(&state, "/access_rights/x/limit/quota_max"), 20);
    assert_eq!(at(&state, "/access_rights/x/limit/rate"), 10);
}

#[test]
fn numbers_reach_the_root_only_from_a_lone_api() {
    let two = part(json!({}), json!({ "access_rights": { "x": plain("x"), "y": plain("y") } }));
    let mut state = key(json!(["nope", "a"]));
    state
        .as_object_mut()
        .unwrap()
        .extend(json!({ "quota_max": 500, "rate": 500, "per": 1 }).as_object().unwrap().clone());
    let kept = merge(json!({ "a": two }), state.clone());
    assert_eq!([at(&kept, "/quota_max"), at(&kept, "/rate")], [500, 500]);
    let alone = merge(json!({ "a": part(json!({}), json!({})) }), state);
    assert_eq!([at(&alone, "/quota_max"), at(&alone, "/rate")], [20, 10]);
}

#[test]
fn rates_of_endpoints_are_merged() {
    let with =
        |endpoints: Value| part(json!({}), json!({ "access_rights": { "x": { "endpoints": endpoints } } }));
    let get = |rate: i64, per: i64| json!({ "name": "GET", "limit": { "rate": rate, "per": per } });
    let a =
        with(json!([{ "path": "/z", "methods": [get(2, 1)] }, { "path": "/same", "methods": [get(6, 3)] }]));
    let b = with(json!([
        { "path": "/z", "methods": [get(1, 1), { "name": "DELETE", "limit": { "rate": 1, "per": 9 } }] },
        { "path": "/same", "methods": [get(2, 1)] },
        { "path": "/a:b", "methods": [get(5, 1)] },
    ]));
    let expected = json!([
        { "path": "/a:b", "methods": [get(5, 1)] },
        { "path": "/same", "methods": [get(6, 3)] },
        { "path": "/z", "methods": [{ "name": "DELETE", "limit": { "rate": 1, "per": 9 } }, get(2, 1)] },
    ]);
    for ids in [json!(["a", "b"]), json!(["b", "a"])] {
        let state = merge(json!({ "a": a, "b": b }), key(ids));
        assert_eq!(at(&state, "/access_rights/x/endpoints"), expected);
    }
}
