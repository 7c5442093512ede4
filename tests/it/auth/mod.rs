//! Who calls: every method in a whole gateway, with keys made by the control API.

mod basic;
mod hooks;
mod several;
mod signatures;
mod tokens;

use pinhook::config::Config;
use serde_json::{Value, json};

use crate::support::{
    client::{Request, Response},
    definition::{Definition, api},
    gateway::Gateway,
    upstream::Upstream,
};

/// A protected API of organisation `org`.
fn protected(id: &str, upstream: &Upstream) -> Definition {
    api(id).target(upstream).set("use_keyless", false)
}

/// A gateway with these APIs that takes ids for keys as they are given.
async fn gateway(apis: impl IntoIterator<Item = Definition>) -> Gateway {
    gateway_with(apis, |_| {}).await
}

async fn gateway_with(
    apis: impl IntoIterator<Item = Definition>,
    change: impl FnOnce(&mut Config),
) -> Gateway {
    let builder = Gateway::build().config(|config| {
        config.allow_master_keys = true;
        change(config);
    });
    apis.into_iter().fold(builder, |builder, api| builder.api(api)).start().await
}

/// Makes a key with these members; its token.
async fn key(gateway: &Gateway, id: &str, members: Value) -> String {
    let mut session = json!({ "org_id": "org", "quota_max": -1 });
    session.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let response = gateway.control("POST", &format!("/tyk/keys/{id}")).body(session.to_string()).send().await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["key"].as_str().unwrap().to_owned()
}

/// What a refusal says.
fn refused(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

async fn error(request: Request) -> (u16, String) {
    request.send().await.error()
}

async fn status(request: Request) -> u16 {
    let response: Response = request.send().await;
    response.status
}
