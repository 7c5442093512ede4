//! The stored form: shared with Tyk, so nothing may get lost on the way through.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::*;

fn golden(name: &str) -> (Value, Value) {
    let path = format!("{}/tests/golden/cases/sessions/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    (case["keys"][0]["session"].clone(), case["steps"][0]["expect"]["json"].clone())
}

#[test]
fn recorded_states_come_out_as_they_went_in() {
    for name in ["stored-form", "stored-minimal"] {
        let (sent, stored) = golden(name);
        let read: SessionState = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), stored, "{name}");
        let made: SessionState = serde_json::from_value(sent).unwrap();
        assert_eq!(made, read, "{name}");
    }
}

#[test]
fn old_writers_write_everything_and_null() {
    let old = json!({
        "last_check": 0, "allowance": 0, "rate": 3, "access_rights": null, "oauth_keys": null, "tags": null,
        "apply_policies": null, "basic_auth_data": { "password": "", "hash_type": "" }, "monitor":
        { "trigger_limits": null }, "meta_data": null, "is_inactive": false, "smoothing": null,
    });
    let read: SessionState = serde_json::from_value(old).unwrap();
    assert_eq!(read, SessionState { rate: 3.0, ..SessionState::default() });
    assert_eq!(serde_json::to_value(&read).unwrap(), json!({ "rate": 3 }));
}

/// Any JSON.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// A text, a number and a list as members may have them: never empty, for empty ones are not written.
fn of_kind(kind: Value) -> BoxedStrategy<Value> {
    match kind {
        Value::String(_) => "\\PC{1,12}".prop_map(Value::from).boxed(),
        Value::Number(number) if number.is_f64() => prop_oneof![
            (1i64..1 << 40).prop_map(Value::from),
            (1u32..1000).prop_map(|n| json!(f64::from(n) + 0.5))
        ]
        .boxed(),
        Value::Number(_) => any::<i64>().prop_map(|n| Value::from(if n == 0 { 1 } else { n })).boxed(),
        Value::Bool(_) => Just(json!(true)).boxed(),
        Value::Array(items) => {
            let kind = items.into_iter().next().unwrap();
            prop::collection::vec(of_kind(kind), 1..3).prop_map(Value::from).boxed()
        }
        Value::Object(members) if members.is_empty() => {
            prop::collection::btree_map("\\PC{0,6}", anything(), 1..4).prop_map(|map| json!(map)).boxed()
        }
        Value::Object(members) if members.contains_key("*") => {
            let kind = members["*"].clone();
            prop::collection::btree_map("\\PC{0,6}", of_kind(kind), 1..3).prop_map(|map| json!(map)).boxed()
        }
        Value::Object(members) => object(members.into_iter().collect()),
        Value::Null => anything().boxed(),
    }
}

/// An object with some of these members, at least one, and one that nobody knows.
fn object(members: Vec<(String, Value)>) -> BoxedStrategy<Value> {
    let count = members.len();
    let some = prop::sample::subsequence(members, 1..=count);
    (some, anything())
        .prop_flat_map(|(some, unknown)| {
            let values: Vec<_> = some.iter().map(|(_, kind)| of_kind(kind.clone())).collect();
            (Just(some), values, Just(unknown))
        })
        .prop_map(|(some, values, unknown)| {
            let mut all = Map::new();
            for ((name, _), value) in some.into_iter().zip(values) {
                all.insert(name, value);
            }
            all.insert("x-unheard-of".to_owned(), unknown);
            Value::Object(all)
        })
        .boxed()
}

fn state() -> BoxedStrategy<Value> {
    let rate = json!({ "rate": 1.5, "per": 1.5 });
    let limit = json!({ "rate": 1.5, "per": 1.5, "throttle_interval": 1.5, "throttle_retry_limit": 1,
        "max_query_depth": 1, "quota_max": 1, "quota_renews": 1, "quota_remaining": 1, "quota_renewal_rate": 1 });
    let flat = json!({
        "last_check": 1, "allowance": 1.5, "rate": 1.5, "per": 1.5, "throttle_interval": 1.5,
        "throttle_retry_limit": 1, "max_query_depth": 1, "date_created": "", "expires": 1, "quota_max": 1,
        "quota_renews": 1, "quota_remaining": 1, "quota_renewal_rate": 1, "org_id": "", "oauth_client_id": "",
        "oauth_keys": { "*": "" }, "certificate": "", "mtls_static_certificate_bindings": [""],
        "basic_auth_data": { "password": "", "hash_type": "" }, "jwt_data": { "secret": "" }, "hmac_enabled": true,
        "enable_http_signature_validation": true, "hmac_string": "", "rsa_certificate_id": "", "is_inactive": true,
        "apply_policy_id": "", "apply_policies": [""], "data_expires": 1, "monitor": { "trigger_limits": [1.5] },
        "enable_detail_recording": true, "enable_detailed_recording": true, "meta_data": {}, "tags": [""],
        "alias": "", "last_updated": "", "id_extractor_deadline": 1, "session_lifetime": 1,
        "post_expiry_action": "", "post_expiry_grace_period": 1,
    });
    let rights = json!({
        "access_rights": { "*": {
            "api_name": "", "api_id": "", "versions": [""], "allowed_urls": [{ "url": "", "methods": [""] }],
            "restricted_types": [{ "name": "", "fields": [""] }], "allowed_types": [{ "name": "", "fields": [""] }],
            "disable_introspection": true, "field_access_rights": [null], "limit": limit, "allowance_scope": "",
            "endpoints": [{ "path": "", "methods": [{ "name": "", "limit": rate }] }],
        } },
    });
    object([flat, rights].into_iter().flat_map(|kinds| kinds.as_object().unwrap().clone()).collect())
}

proptest! {
    #[test]
    fn nothing_gets_lost_on_the_way_through(stored in state()) {
        let read: SessionState = serde_json::from_str(&stored.to_string()).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        prop_assert_eq!(&written, &stored);
        let again: SessionState = serde_json::from_value(written).unwrap();
        prop_assert_eq!(again, read);
    }
}
