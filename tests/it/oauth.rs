//! The OAuth 2 server: grants, tokens and their end, as clients and the control API see them.

mod control;
mod grants;
mod requests;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::{Builder, Gateway},
    upstream::Upstream,
};

const BACK: &str = "http://client.example/back";

/// An API with all grants; tokens of client `cli` have policy `pol`.
fn guarded(upstream: &Upstream) -> Definition {
    api("a")
        .target(upstream)
        .set("use_keyless", false)
        .set("use_oauth2", true)
        .set("oauth_meta.allowed_access_types", json!(GRANTS))
        .set("oauth_meta.allowed_authorize_types", json!(["code", "token"]))
        .set("oauth_meta.auth_login_redirect", "http://login.example/page")
}

const GRANTS: [&str; 4] = ["authorization_code", "refresh_token", "password", "client_credentials"];

fn with_policies(builder: Builder) -> Builder {
    let policy = |id: &str, apis: &[&str]| {
        let rights: serde_json::Map<_, _> = apis
            .iter()
            .map(|id| ((*id).to_owned(), json!({"api_id": id, "versions": ["Default"]})))
            .collect();
        json!({"id": id, "org_id": "org", "rate": 100, "per": 1, "quota_max": -1, "access_rights": rights})
    };
    let policies = json!({"pol": policy("pol", &["a"]), "other": policy("other", &["a", "b"]), "away": policy("away", &["c"])});
    let file = builder.folder().join("policies.map");
    builder.file("policies.map", policies.to_string()).config(move |config| {
        config.policies.policy_source = "file".to_owned();
        config.policies.policy_record_name = file.display().to_string();
        config.hash_keys = true;
        config.local_session_cache.disable_cached_session_state = true;
    })
}

async fn gateway(definition: Definition) -> Gateway {
    let gateway = with_policies(Gateway::build()).api(definition).start().await;
    create(
        &gateway,
        json!({"client_id": "cli", "secret": "sec", "redirect_uri": BACK, "api_id": "a", "policy_id": "pol"}),
    )
    .await;
    gateway
}

async fn create(gateway: &Gateway, client: Value) -> Value {
    let made = gateway.control("POST", "/tyk/oauth/clients/create").body(client.to_string()).send().await;
    assert_eq!(made.status, 200, "{}", made.text());
    made.json()
}

/// Posts a form below the API.
async fn post(gateway: &Gateway, path: &str, form: &str) -> Response {
    gateway.request("POST", &format!("/a/{path}")).header("Content-Type", FORM).body(form).send().await
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Asks for a token, as client `id`.
async fn token_as(gateway: &Gateway, id: &str, secret: &str, form: &str) -> Response {
    gateway
        .request("POST", "/a/oauth/token/")
        .header("Content-Type", FORM)
        .header("Authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
        .body(form)
        .send()
        .await
}

async fn token(gateway: &Gateway, form: &str) -> Response {
    token_as(gateway, "cli", "sec", form).await
}

/// A token by client credentials.
async fn easy_token(gateway: &Gateway) -> String {
    let response = token(gateway, "grant_type=client_credentials").await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["access_token"].as_str().unwrap().to_owned()
}

/// What the login page gets: a code or a token.
async fn agreed(gateway: &Gateway, form: &str) -> Response {
    gateway
        .control("POST", "/a/tyk/oauth/authorize-client")
        .header("Content-Type", FORM)
        .body(form)
        .send()
        .await
}

/// A code for client `cli`.
async fn code(gateway: &Gateway) -> String {
    let back = "http%3A%2F%2Fclient.example%2Fback";
    let response = agreed(gateway, &format!("response_type=code&client_id=cli&redirect_uri={back}")).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["code"].as_str().unwrap().to_owned()
}

async fn status(gateway: &Gateway, token: &str) -> u16 {
    gateway.get("/a/x").header("Authorization", format!("Bearer {token}")).send().await.status
}

/// Status and RFC code of an error.
fn fault(response: &Response) -> (u16, String) {
    (response.status, response.json()["error"].as_str().unwrap_or_default().to_owned())
}

/// Status and text of a control-style answer.
fn message(response: &Response) -> (u16, String) {
    (response.status, response.json()["message"].as_str().unwrap_or_default().to_owned())
}
