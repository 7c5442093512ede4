//! Policies: their files, and what they make of keys.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{ask, call, done, error};
use crate::support::{definition::api, gateway::Gateway};

async fn gateway() -> (Gateway, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let one = api("one").set("use_keyless", false).set("use_standard_auth", true);
    let gateway = Gateway::build().api(one).config(|config| config.policies.policy_path = path).start().await;
    (gateway, folder)
}

fn policy(id: &str) -> Value {
    json!({
        "id": id, "org_id": "org", "rate": 7, "per": 1, "quota_max": 9, "quota_renewal_rate": 60,
        "access_rights": {"one": {"api_id": "one", "versions": ["Default"]}},
    })
}

#[tokio::test]
async fn a_policy_counts_from_the_reload_after_it_was_written() {
    let (gateway, folder) = gateway().await;
    assert_eq!(ask(&gateway, "GET", "/tyk/policies").await, (200, json!([])));
    assert_eq!(call(&gateway, "POST", "/tyk/policies", policy("gold")).await, done("gold", "added"));
    assert_eq!(ask(&gateway, "GET", "/tyk/policies/gold").await, error(404, "Policy not found"));
    gateway.reload().await;
    let (status, shown) = ask(&gateway, "GET", "/tyk/policies/gold").await;
    assert_eq!((status, &shown["rate"], &shown["_id"]), (200, &json!(7), &json!("")));
    let file = fs::read_to_string(folder.path().join("gold.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&file).unwrap(), shown);

    let mut slower = policy("gold");
    slower["rate"] = json!(3);
    assert_eq!(call(&gateway, "PUT", "/tyk/policies/gold", slower).await, done("gold", "modified"));
    gateway.reload().await;
    assert_eq!(ask(&gateway, "GET", "/tyk/policies").await.1[0]["rate"], 3);

    assert_eq!(ask(&gateway, "DELETE", "/tyk/policies/gold").await, done("gold", "deleted"));
    assert_eq!(ask(&gateway, "GET", "/tyk/policies/gold").await.0, 200, "until the reload");
    gateway.reload().await;
    assert_eq!(ask(&gateway, "GET", "/tyk/policies/gold").await.0, 404);
    assert_eq!(ask(&gateway, "DELETE", "/tyk/policies/gold").await, error(500, "Delete failed"));
}

#[tokio::test]
async fn what_is_wrong_with_a_policy_is_told_and_nothing_is_written() {
    let (gateway, folder) = gateway().await;
    let invalid = "Invalid Policy ID: Allowed characters: a-z, A-Z, 0-9, ., _, -, ~";
    let other = "Request ID does not match that in policy! For Update operations these must match.";
    for (method, path, body, expected) in [
        ("POST", "/tyk/policies", json!([]), error(400, "Request malformed")),
        ("POST", "/tyk/policies", json!({"name": "n"}), error(400, "Unable to create policy without id.")),
        ("POST", "/tyk/policies", policy("../x"), error(400, invalid)),
        ("POST", "/tyk/policies", policy("a b"), error(400, invalid)),
        ("PUT", "/tyk/policies/gold", policy("silver"), error(400, other)),
        ("PUT", "/tyk/policies", policy("gold"), error(400, "Must specify an apiID to update")),
        ("DELETE", "/tyk/policies", json!({}), error(400, "Must specify an apiID to delete")),
        ("DELETE", "/tyk/policies/a%20b", json!({}), error(400, invalid)),
    ] {
        assert_eq!(call(&gateway, method, path, body).await, expected, "{method} {path}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn unsafe_ids_stay_in_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in").display().to_string();
    fs::create_dir(&path).unwrap();
    let builder = Gateway::build().config(|config| {
        config.policies.policy_path = path;
        config.allow_unsafe_policy_ids = true;
    });
    let gateway = builder.start().await;
    assert_eq!(call(&gateway, "POST", "/tyk/policies", policy("a b")).await, done("a b", "added"));
    assert_eq!(call(&gateway, "POST", "/tyk/policies", policy("../x")).await.0, 400);
    assert!(!folder.path().join("x.json").exists());
}

#[tokio::test]
async fn policies_that_nobody_would_read_are_not_written() {
    let gateway = Gateway::build().start().await;
    let nowhere = error(500, "Unable to access policy storage.");
    assert_eq!(call(&gateway, "POST", "/tyk/policies", policy("gold")).await, nowhere);

    let gateway =
        Gateway::build().config(|config| config.policies.policy_source = "service".into()).start().await;
    let dashboard = error(500, "Due to enabled service policy source, please use the Dashboard API");
    assert_eq!(call(&gateway, "POST", "/tyk/policies", policy("gold")).await, dashboard);
    assert_eq!(ask(&gateway, "DELETE", "/tyk/policies/gold").await, dashboard);
}

#[tokio::test]
async fn a_key_is_stored_with_what_its_policies_give() {
    let (gateway, _folder) = gateway().await;
    let mut trial = policy("trial");
    trial["key_expires_in"] = json!(100);
    let mut limits = policy("limits");
    limits["partitions"] = json!({"quota": true});
    for policy in [policy("gold"), trial, limits] {
        call(&gateway, "POST", "/tyk/policies", policy).await;
    }
    gateway.reload().await;
    let of = |id: &str| json!({"org_id": "org", "rate": 1, "apply_policies": [id], "is_inactive": true});

    let (status, preview) = call(&gateway, "POST", "/tyk/keys/preview", of("gold")).await;
    assert_eq!((status, &preview["rate"], &preview["quota_max"]), (200, &json!(7), &json!(9)));
    assert_eq!(preview["is_inactive"], Value::Null, "the policy's word counts, not the key's");
    assert_eq!(ask(&gateway, "GET", "/tyk/keys").await.1, json!({"keys": []}), "nothing is stored");

    call(&gateway, "POST", "/tyk/keys/bob", of("trial")).await;
    let first = ask(&gateway, "GET", "/tyk/keys/orgbob").await.1;
    assert!(first["access_rights"]["one"].is_object());
    assert!(first["expires"].as_i64().unwrap() > 0);
    call(&gateway, "PUT", "/tyk/keys/bob", of("trial")).await;
    assert_eq!(ask(&gateway, "GET", "/tyk/keys/orgbob").await.1["expires"], Value::Null, "new keys only");

    let mut owned = of("limits");
    owned["access_rights"] = json!({"one": {"api_id": "one"}});
    let refused = "Failed to create key - key has no valid policies to be applied";
    assert_eq!(call(&gateway, "POST", "/tyk/keys/create", owned.clone()).await, error(500, refused));
    let refused = "Failed to create key, ensure security settings are correct.";
    assert_eq!(call(&gateway, "POST", "/tyk/keys/lone", owned).await, error(500, refused));
}

#[tokio::test]
async fn a_key_gets_other_policies_by_its_hash() {
    let (gateway, _folder) = gateway().await;
    call(&gateway, "POST", "/tyk/policies", policy("gold")).await;
    gateway.reload().await;
    let body = json!({"org_id": "org", "access_rights": {"one": {"api_id": "one"}}});
    call(&gateway, "POST", "/tyk/keys/bob", body).await;
    let instruction = json!({"policy": "gold"});
    let path = "/tyk/keys/policy/orgbob";
    assert_eq!(call(&gateway, "POST", path, instruction.clone()).await, done("orgbob", "updated"));
    let key = ask(&gateway, "GET", "/tyk/keys/orgbob").await.1;
    assert_eq!((&key["apply_policies"], &key["rate"]), (&json!(["gold"]), &json!(7)));
    assert_eq!(
        call(&gateway, "POST", "/tyk/keys/policy/none", instruction).await,
        error(404, "Key not found")
    );
}
