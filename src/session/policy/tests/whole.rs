//! Which policies count, what is cleared, and what holds at the end.

use serde_json::{Value, json};

use super::{at, merge, plain, policies, try_merge};
use crate::session::SessionState;

fn full(api_id: &str, quota: i64) -> Value {
    json!({ "rate": 10, "per": 1, "quota_max": quota, "quota_renewal_rate": 3600,
        "access_rights": { api_id: plain(api_id) } })
}

#[test]
fn a_full_policy_gives_rights_and_limits() {
    let state = merge(json!({ "a": full("x", 20) }), json!({ "org_id": "org1", "apply_policies": ["a"] }));
    assert_eq!(at(&state, "/access_rights/x/versions"), json!(["Default"]));
    assert_eq!(
        at(&state, "/access_rights/x/limit"),
        json!({ "rate": 10, "per": 1, "quota_max": 20, "quota_renewal_rate": 3600 })
    );
    assert_eq!(at(&state, "/access_rights/x/allowance_scope"), Value::Null);
    let root = ["rate", "per", "quota_max", "quota_renewal_rate"].map(|name| at(&state, &format!("/{name}")));
    assert_eq!(root, [10, 1, 20, 3600]);
}

#[test]
fn the_older_single_id_counts_where_the_list_is_empty() {
    let all = json!({ "a": full("x", 20), "b": full("y", 30) });
    let state = merge(all.clone(), json!({ "org_id": "org1", "apply_policy_id": "a" }));
    assert_eq!(at(&state, "/quota_max"), 20);
    let state = merge(all, json!({ "org_id": "org1", "apply_policy_id": "a", "apply_policies": ["b"] }));
    assert_eq!(at(&state, "/quota_max"), 30);
}

#[test]
fn a_key_without_organisation_has_the_policies_of_the_api() {
    let state = merge(json!({ "a": full("x", 20) }), json!({ "apply_policies": ["a"] }));
    assert_eq!(at(&state, "/quota_max"), 20);
    let other =
        try_merge(json!({ "a": full("x", 20) }), json!({ "org_id": "org2", "apply_policies": ["a"] }));
    assert_eq!(other.unwrap_err(), "policy not found: \"a\"");
}

#[test]
fn a_missing_policy_is_fatal_only_alone() {
    // Trap 12.
    let all = json!({ "a": full("x", 20) });
    let alone = try_merge(all.clone(), json!({ "org_id": "org1", "apply_policies": ["nope"] }));
    assert_eq!(alone.unwrap_err(), "policy not found: \"nope\"");
    let state = merge(all.clone(), json!({ "org_id": "org1", "apply_policies": ["nope", "a"] }));
    assert_eq!(at(&state, "/quota_max"), 20);
    let none = try_merge(all, json!({ "org_id": "org1", "apply_policies": ["nope", "neither"] }));
    assert_eq!(none.unwrap_err(), "key has no valid policies to be applied");
}

#[test]
fn a_key_never_beats_its_policy() {
    let key = json!({ "org_id": "org1", "apply_policies": ["a"], "rate": 500, "per": 1, "quota_max": 500,
        "quota_remaining": 400, "throttle_interval": 9, "throttle_retry_limit": 9, "max_query_depth": 9 });
    let state = merge(json!({ "a": full("x", 7) }), key.clone());
    assert_eq!([at(&state, "/rate"), at(&state, "/quota_max")], [10, 7]);
    for gone in ["quota_remaining", "throttle_interval", "throttle_retry_limit", "max_query_depth"] {
        assert_eq!(at(&state, &format!("/{gone}")), Value::Null, "{gone}");
    }
    // What is behind a missing one is not cleared, so the key's own larger number stays.
    let mut behind = key;
    behind["apply_policies"] = json!(["nope", "a"]);
    let state = merge(json!({ "a": full("x", 7) }), behind);
    assert_eq!(at(&state, "/quota_remaining"), 400);
}

#[test]
fn policies_replace_the_rights_of_the_key() {
    // Trap 13.
    let key = json!({ "org_id": "org1", "apply_policies": ["a"], "access_rights": { "own": plain("own"), "x": {
        "allowed_urls": [{ "url": "/own", "methods": ["GET"] }], "limit": { "quota_max": 3, "quota_renews": 77 }
    } } });
    let state = merge(json!({ "a": full("x", 7) }), key);
    let rights = at(&state, "/access_rights");
    assert_eq!(rights.as_object().unwrap().keys().collect::<Vec<_>>(), ["x"]);
    assert_eq!(at(&rights, "/x/allowed_urls"), Value::Null);
    assert_eq!(at(&rights, "/x/limit/quota_max"), 7);
    assert_eq!(at(&rights, "/x/limit/quota_renews"), 77, "the period goes on");
}

#[test]
fn only_policies_decide_whether_their_key_is_active() {
    // Trap 9.
    let mut inactive = full("y", 1);
    inactive["is_inactive"] = json!(true);
    let all = json!({ "a": full("x", 20), "off": inactive });
    let of = |ids: Value, own: bool| {
        let key = json!({ "org_id": "org1", "apply_policies": ids, "is_inactive": own });
        try_merge(all.clone(), key).unwrap().is_inactive
    };
    assert!(!of(json!(["a"]), true));
    assert!(of(json!(["off", "a"]), false));
    assert!(of(json!([]), true));
}

#[test]
fn tags_meta_data_and_the_rest_are_inherited() {
    let mut a = full("x", 20);
    let mut b = full("x", 20);
    a.as_object_mut().unwrap().extend(
        json!({ "tags": ["pa", "both"], "meta_data": { "a": 1, "who": "a" }, "last_updated": "200",
            "post_expiry_action": "retain", "post_expiry_grace_period": 60, "hmac_enabled": true })
        .as_object()
        .unwrap()
        .clone(),
    );
    b.as_object_mut().unwrap().extend(
        json!({ "tags": ["both"], "meta_data": { "who": "b" }, "last_updated": "100",
            "enable_http_signature_validation": true })
        .as_object()
        .unwrap()
        .clone(),
    );
    let key = json!({ "org_id": "org1", "apply_policies": ["a", "b"], "tags": ["own", "both"],
        "meta_data": { "own": [1], "who": "key" }, "last_updated": "150", "post_expiry_action": "delete" });
    let state = merge(json!({ "a": a, "b": b }), key);
    assert_eq!(at(&state, "/tags"), json!(["pa", "both", "own"]));
    assert_eq!(at(&state, "/meta_data"), json!({ "own": [1], "who": "b", "a": 1 }));
    assert_eq!(at(&state, "/last_updated"), "200");
    assert_eq!(
        [at(&state, "/post_expiry_action"), at(&state, "/post_expiry_grace_period")],
        [json!("retain"), json!(60)]
    );
    assert_eq!(
        [at(&state, "/hmac_enabled"), at(&state, "/enable_http_signature_validation")],
        [json!(true), json!(true)]
    );
}

#[test]
fn without_policies_limited_apis_count_for_themselves() {
    let key = json!({ "org_id": "org1", "access_rights": { "x": { "limit": { "rate": 5, "per": 1 } }, "y": {
        "limit": {} }, "z": plain("z") } });
    let state = merge(json!({}), key);
    let scope = |api: &str| at(&state, &format!("/access_rights/{api}/allowance_scope"));
    assert_eq!([scope("x"), scope("y"), scope("z")], [json!("x"), Value::Null, Value::Null]);
    // Trap 14: such a limit stands for all of them, so there is no quota.
    assert_eq!(at(&state, "/access_rights/x/limit/quota_max"), Value::Null);
}

#[test]
fn two_policies_on_two_apis_count_apart_and_one_on_two_together() {
    let all = json!({ "a": full("x", 5), "b": full("y", 9) });
    let state = merge(all, json!({ "org_id": "org1", "apply_policies": ["a", "b"] }));
    let limits = ["x", "y"].map(|api| {
        let right = at(&state, &format!("/access_rights/{api}"));
        (at(&right, "/allowance_scope"), at(&right, "/limit/quota_max"))
    });
    assert_eq!(limits, [(json!("a"), json!(5)), (json!("b"), json!(9))]);
    assert_eq!(at(&state, "/quota_max"), 9, "the key has the larger");

    let mut both = full("x", 5);
    both["access_rights"]["y"] = plain("y");
    let state = merge(json!({ "a": both }), json!({ "org_id": "org1", "apply_policies": ["a"] }));
    for api in ["x", "y"] {
        assert_eq!(at(&state, &format!("/access_rights/{api}/allowance_scope")), Value::Null);
    }
}

#[test]
fn a_key_may_bring_its_policies_along() {
    let mut own = full("x", 3);
    own.as_object_mut()
        .unwrap()
        .extend(json!({ "id": "own", "org_id": "org1" }).as_object().unwrap().clone());
    let key = |policies: Value| {
        json!({ "org_id": "org1", "apply_policies": ["a"], "quota_max": 2, "quota_remaining": 1,
            "meta_data": { "policies": policies } })
    };
    let all = json!({ "a": full("y", 50) });
    let state = merge(all.clone(), key(json!([own])));
    assert_eq!(at(&state, "/access_rights").as_object().unwrap().keys().collect::<Vec<_>>(), ["x"]);
    assert_eq!(at(&state, "/quota_remaining"), 1, "nothing is cleared for them");
    let mut foreign = own.clone();
    foreign["org_id"] = json!("org2");
    assert_eq!(
        try_merge(all.clone(), key(json!([foreign]))).unwrap_err(),
        "attempting to apply policy from different organisation to key, skipping"
    );
    for no_list in [json!("a"), json!(["a"]), json!({})] {
        assert_eq!(at(&merge(all.clone(), key(no_list)), "/quota_max"), 50);
    }
}

#[test]
fn merging_twice_changes_nothing() {
    // Control calls store merged states, and requests merge them again.
    let mut per_api = full("z", 4);
    per_api["partitions"] = json!({ "per_api": true });
    for (all, ids) in [
        (json!({ "a": full("x", 5), "b": full("y", 9) }), json!(["a", "b"])),
        (json!({ "a": full("x", 5), "p": per_api }), json!(["p", "a"])),
    ] {
        let loaded = policies(all);
        let mut once: SessionState =
            serde_json::from_value(json!({ "org_id": "org1", "apply_policies": ids })).unwrap();
        loaded.apply("org1", &mut once).unwrap();
        let mut twice = once.clone();
        loaded.apply("org1", &mut twice).unwrap();
        assert_eq!(once, twice);
    }
}
