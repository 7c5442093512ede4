//! The steps that look at a key's state: its end, its rights, its endpoints.

use std::sync::Arc;

use serde_json::{Value, json};

use super::tests::{Bench, definition, denied, passed};
use super::{access_rights, granular_access, key_expired};
use crate::{
    chain::{Flow, Slot},
    config::Config,
    error::Result,
    session::{KeyState, unix_now},
};

const STEPS: &[Slot] = &[
    Slot::Guard("key_expired", key_expired::build),
    Slot::Guard("access_rights", access_rights::build),
    Slot::Guard("granular_access", granular_access::build),
];

struct Case {
    bench: Bench,
}

impl Case {
    fn new(root: Value, config: Config) -> Self {
        let mut all = json!({ "use_keyless": false });
        all.as_object_mut().unwrap().extend(root.as_object().unwrap().clone());
        Self { bench: Bench::of(&definition(json!({}), all), config, STEPS, &[]) }
    }

    fn plain() -> Self {
        Self::new(json!({}), Config::default())
    }

    async fn call(&self, line: &str, state: Option<Value>) -> Result<Flow> {
        let mut request = self.bench.request(&format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        request.ctx.state = state.map(|state| KeyState {
            id: "id".into(),
            hash: "hash".into(),
            state: Arc::new(serde_json::from_value(state).unwrap()),
            stored: true,
            modified: false,
        });
        self.bench.chain.request(&mut request.session, &mut request.ctx).await
    }
}

#[tokio::test]
async fn a_key_has_a_switch_and_an_end() {
    let case = Case::plain();
    let call = async |state| case.call("GET /app/x", state).await;
    let missing =
        "Session state is missing or unset! Please make sure that auth headers are properly applied";
    assert_eq!(denied(&call(None).await), (400, missing));
    // Trap 16.
    let inactive = json!({ "is_inactive": true, "expires": 5 });
    assert_eq!(denied(&call(Some(inactive)).await), (403, "Key is inactive, please renew"));
    for expires in [1, unix_now() - 1] {
        let state = json!({ "expires": expires });
        assert_eq!(denied(&call(Some(state)).await), (401, "Key has expired, please renew"));
    }
    for expires in [0, -1, unix_now() + 60] {
        assert!(passed(&call(Some(json!({ "expires": expires }))).await), "{expires}");
    }
}

#[tokio::test]
async fn an_api_has_to_be_among_the_rights_if_there_are_any() {
    let case = Case::plain();
    let call = async |rights| case.call("GET /app/x", Some(json!({ "access_rights": rights }))).await;
    for rights in [json!({}), json!(null), json!({ "app": {} }), json!({ "other": {}, "app": {} })] {
        assert!(passed(&call(rights).await));
    }
    let refused = call(json!({ "other": { "api_id": "app" } })).await;
    assert_eq!(denied(&refused), (403, "Access to this API has been disallowed"));
}

#[tokio::test]
async fn versions_count_only_where_there_are_some() {
    let versioned = |fallback: bool| {
        Case::new(
            json!({ "definition": { "fallback_to_default": fallback }, "version_data": {
                "not_versioned": false, "default_version": "v1", "versions": { "v2": { "name": "v2" } }
            } }),
            Config::default(),
        )
    };
    let state = |versions: Value| Some(json!({ "access_rights": { "app": { "versions": versions } } }));
    for (fallback, versions, allowed) in [
        (false, json!(["v2"]), true),
        (false, json!(["v1"]), false),
        (true, json!(["v1"]), true),
        // Trap 43.
        (false, json!([]), false),
        (true, json!(null), false),
    ] {
        let flow = versioned(fallback).call("GET /app/x", state(versions.clone())).await;
        assert_eq!(passed(&flow), allowed, "{fallback} {versions}");
    }
    assert!(passed(&Case::plain().call("GET /app/x", state(json!(["other"]))).await));
}

async fn allows(config: Config, urls: Value, line: &str) -> bool {
    let state = json!({ "access_rights": { "app": { "allowed_urls": urls } } });
    let flow = Case::new(json!({}), config).call(line, Some(state)).await;
    if !passed(&flow) {
        assert_eq!(denied(&flow), (403, "Access to this resource has been disallowed"));
    }
    passed(&flow)
}

#[tokio::test]
async fn only_allowed_urls_pass() {
    for (url, methods, line, allowed) in [
        ("/users/(.*)", json!(["GET"]), "GET /app/users/1", true),
        ("/users/(.*)", json!(["GET"]), "POST /app/users/1", false),
        ("/users/(.*)", json!(["get"]), "GET /app/users/1", false),
        ("/users/(.*)", json!([]), "GET /app/users/1", false),
        ("^/app/u", json!(["GET"]), "GET /app/users/1", true),
        ("^/u", json!(["GET"]), "GET /app/users/1", false),
        ("/u/{id}/x$", json!(["GET"]), "GET /app/u/7/x", true),
        ("/u/{id}/x$", json!(["GET"]), "GET /app/u/7/8/x", false),
        ("/u/*/x", json!(["GET"]), "GET /app/u/7/x?q", true),
        ("/u/*", json!(["GET"]), "GET /app/u/7/8/x", true),
        ("(", json!(["GET"]), "GET /app/(", false),
    ] {
        let urls = json!([{ "url": url, "methods": methods }]);
        assert_eq!(allows(Config::default(), urls, line).await, allowed, "{url} {line}");
    }
    let either = json!([{ "url": "(", "methods": ["GET"] }, { "url": "/a", "methods": ["GET"] }]);
    assert!(allows(Config::default(), either, "GET /app/a").await);
    assert!(allows(Config::default(), json!([]), "GET /app/a").await);
}

#[tokio::test]
async fn matching_can_be_anchored() {
    let get = |url: &str| json!([{ "url": url, "methods": ["GET"] }]);
    let mut config = Config::default();
    config.http_server_options.enable_path_prefix_matching = true;
    assert!(allows(config.clone(), get("/users"), "GET /app/users/1").await);
    assert!(allows(config.clone(), get("/app/users"), "GET /app/users/1").await);
    assert!(!allows(config.clone(), get("/sers"), "GET /app/users/1").await);
    assert!(!allows(config.clone(), get("/1"), "GET /app/users/1").await);
    config.http_server_options.enable_path_suffix_matching = true;
    assert!(!allows(config.clone(), get("/users"), "GET /app/users/1").await);
    assert!(allows(config, get("/users/1"), "GET /app/users/1").await);
}
