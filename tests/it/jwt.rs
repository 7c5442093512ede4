//! JSON Web Tokens, from a request to the key that is made for it.

mod sessions;
mod status;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::hmac;
use serde_json::{Value, json};

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::{Builder, Gateway},
    upstream::Upstream,
};

const SECRET: &str = "a shared secret of these tests";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token signed with `secret`.
fn signed(header: Value, claims: Value, secret: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A good token with these claims.
fn token(claims: Value) -> String {
    signed(json!({"alg": "HS256", "typ": "JWT"}), claims, SECRET)
}

/// An API that takes tokens; `p1` is what a token without a policy gets.
fn guarded(upstream: &Upstream) -> Definition {
    api("a")
        .target(upstream)
        .set("use_keyless", false)
        .set("enable_jwt", true)
        .set("jwt_signing_method", "hmac")
        .set("jwt_source", STANDARD.encode(SECRET))
        .set("jwt_policy_field_name", "pol")
        .set("jwt_default_policies", json!(["p1"]))
}

/// Policies of organisation `org`, all for API `a`: `p1` to `p3`, `lost` that grants nothing, `foreign` of another one.
fn with_policies(builder: Builder) -> Builder {
    let rights = json!({"a": {"api_id": "a", "versions": ["Default"]}});
    let policy = |id: &str, org: &str, rate: u32, rights: &Value| json!({"id": id, "org_id": org, "rate": rate, "per": 1, "quota_max": -1, "access_rights": rights});
    let policies = json!({
        "p1": policy("p1", "org", 101, &rights),
        "p2": policy("p2", "org", 102, &rights),
        "p3": policy("p3", "org", 103, &rights),
        "lost": {"id": "lost", "org_id": "org", "rate": 5, "per": 1, "partitions": {"rate_limit": true},
            "access_rights": rights},
        "foreign": policy("foreign", "elsewhere", 104, &rights),
    });
    let file = builder.folder().join("policies.map");
    builder.file("policies.map", policies.to_string()).config(move |config| {
        config.policies.policy_source = "file".to_owned();
        config.policies.policy_record_name = file.display().to_string();
        config.hash_keys = false;
        config.local_session_cache.disable_cached_session_state = true;
    })
}

async fn gateway(definition: Definition) -> Gateway {
    with_policies(Gateway::build()).api(definition).start().await
}

async fn ask(gateway: &Gateway, token: &str) -> Response {
    gateway.get("/a/x").header("Authorization", format!("Bearer {token}")).send().await
}

/// Status and text of a refusal; the empty text when it passes.
async fn outcome(gateway: &Gateway, token: &str) -> (u16, String) {
    let response = ask(gateway, token).await;
    if response.status == 200 { (200, String::new()) } else { response.error() }
}

fn refused(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

const PASSED: (u16, String) = (200, String::new());
