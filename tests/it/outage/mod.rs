//! What goes on without Redis and what does not: the table of docs/scaling.md, row by row, with real servers that are
//! absent, killed, silent, slow, and back.

mod keys;
mod limits;
mod process;

use std::time::Duration;

use pinhook::config::{Config, GoDuration, Storage};
use serde_json::{Value, json};

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::{Builder, Gateway},
    upstream::Upstream,
};

/// A gateway with this Redis that looks at it often, with a keyless API and one that needs a key. It does not hear
/// itself: that a key was made would take the key out of its cache at some time.
async fn gateway(storage: Storage, upstream: &Upstream, edit: impl FnOnce(&mut Config)) -> Gateway {
    let deaf = |config: &mut Config| {
        config.suppress_redis_signal_reload = true;
        edit(config);
    };
    with_apis(storage, upstream, deaf).start().await
}

fn with_apis(storage: Storage, upstream: &Upstream, edit: impl FnOnce(&mut Config)) -> Builder {
    let builder = Gateway::build().config(|config| {
        config.storage = storage;
        config.hash_keys = true;
        config.liveness_check.check_duration = GoDuration::from_nanos(20_000_000);
        edit(config);
    });
    builder.api(api("open").target(upstream)).api(keyed("keyed").target(upstream))
}

fn keyed(id: &str) -> Definition {
    api(id).set("use_keyless", false).set("auth.auth_header_name", "Authorization")
}

/// A key for the keyed API, with these members of its own.
fn state(members: &Value) -> Value {
    let mut state = json!({
        "org_id": "org",
        "access_rights": { "keyed": { "api_id": "keyed", "api_name": "keyed", "versions": ["Default"] } },
    });
    let own = members.as_object().unwrap().clone();
    state.as_object_mut().unwrap().extend(own);
    state
}

/// Makes a key; its token.
async fn key(gateway: &Gateway, members: Value) -> String {
    let response = gateway.control("POST", "/tyk/keys/create").body(state(&members).to_string()).send().await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["key"].as_str().unwrap().to_owned()
}

async fn call(gateway: &Gateway, token: &str) -> Response {
    gateway.get("/keyed/x").header("Authorization", token).send().await
}

async fn open(gateway: &Gateway) -> u16 {
    gateway.get("/open/x").send().await.status
}

/// Long enough for any answer that does not wait for Redis, however busy the machine is.
const AT_ONCE: Duration = Duration::from_millis(700);
