//! Handlers of the gateway itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::hook;
use crate::support::{gateway::Gateway, until, upstream::Upstream};

#[tokio::test]
async fn keys_that_the_control_api_changes_are_told_to_the_gateways_handlers() {
    let listener = Upstream::named("thanks").await;
    let to = |path: &str| json!([hook(&format!("{}{path}", listener.url()), json!({}))]);
    let events = BTreeMap::from([
        ("TokenCreated".to_owned(), to("/made")),
        ("TokenUpdated".to_owned(), to("/changed")),
        ("TokenDeleted".to_owned(), to("/gone")),
    ]);
    let gateway = Gateway::build()
        .config(|config| {
            config.event_handlers.events = events;
            config.allow_master_keys = true;
        })
        .start()
        .await;
    let key = json!({ "org_id": "org", "rate": 1, "per": 1, "access_rights": { "a": { "api_id": "a" } } })
        .to_string();
    for (method, path) in [("POST", "/made"), ("PUT", "/changed"), ("DELETE", "/gone")] {
        let answer = gateway.control(method, "/tyk/keys/orgmine").body(key.clone()).send().await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.text());
        until(path, async || listener.seen().iter().any(|seen| seen.target == path)).await;
        let body: Value = serde_json::from_slice(&listener.last().body).unwrap();
        assert_eq!(body["key"], "orgmine", "{method}: {body}");
        assert!(body["event"].as_str().unwrap().starts_with("Token"), "{body}");
    }
}
