//! Keys: what calls answer, and what of it stands in the store.

use std::time::{SystemTime, UNIX_EPOCH};

use pinhook::config::Config;
use serde_json::{Value, json};

use super::{ask, call, done, error};
use crate::support::{definition::api, gateway::Gateway, redis::Redis};

fn guarded(id: &str) -> crate::support::definition::Definition {
    api(id).set("use_keyless", false).set("use_standard_auth", true)
}

async fn gateway(change: impl FnOnce(&mut Config)) -> Gateway {
    Gateway::build().api(guarded("one")).api(guarded("two")).config(change).start().await
}

fn rights(apis: &[&str]) -> Value {
    let each = apis.iter().map(|id| ((*id).to_owned(), json!({"api_id": id, "versions": ["Default"]})));
    Value::Object(each.collect())
}

fn state() -> Value {
    json!({"org_id": "org", "rate": 5, "per": 1, "access_rights": rights(&["one"])})
}

/// `state` with one more member.
fn with(member: &str, value: impl Into<Value>) -> Value {
    let mut state = state();
    state[member] = value.into();
    state
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

async fn stored(gateway: &Gateway, key: &str) -> Value {
    let (status, state) = ask(gateway, "GET", &format!("/tyk/keys/{key}")).await;
    assert_eq!(status, 200, "{key} {state}");
    state
}

#[tokio::test]
async fn a_chosen_name_is_stored_as_the_token_of_its_organisation() {
    let gateway = gateway(|_| {}).await;
    assert_eq!(call(&gateway, "POST", "/tyk/keys/bob", state()).await, done("orgbob", "added"));
    assert_eq!(ask(&gateway, "GET", "/tyk/keys/bob").await, error(404, "Key not found"));
    for path in ["/tyk/keys/orgbob", "/tyk/keys/bob?org_id=org", "/tyk/keys/bob?api_id=one"] {
        let (status, state) = ask(&gateway, "GET", path).await;
        assert_eq!((status, &state["rate"]), (200, &json!(5)), "{path}");
    }
    let user = "/tyk/keys/bob?username=true&org_id=org";
    assert_eq!(ask(&gateway, "GET", user).await.0, 200);
    assert_eq!(ask(&gateway, "DELETE", user).await, done("orgbob", "deleted"));
}

#[tokio::test]
async fn a_leading_organisation_is_cut_off_a_name_once() {
    let gateway = gateway(|_| {}).await;
    assert_eq!(call(&gateway, "POST", "/tyk/keys/orguser", state()).await, done("orguser", "added"));
    assert_eq!(call(&gateway, "POST", "/tyk/keys/orgorguser", state()).await, done("orgorguser", "added"));
    assert_eq!(ask(&gateway, "GET", "/tyk/keys").await, (200, json!({"keys": ["orgorguser", "orguser"]})));
}

#[tokio::test]
async fn a_name_that_auth_would_not_look_up_is_refused() {
    let gateway = gateway(|config| config.min_token_length = 5).await;
    let message = "custom key ID length 4 is less than min_token_length (5); the key would be unreachable at auth \
                   time. Use an ID of at least min_token_length characters, or lower min_token_length in the \
                   gateway configuration.";
    assert_eq!(call(&gateway, "POST", "/tyk/keys/four", state()).await, error(400, message));
    assert_eq!(call(&gateway, "POST", "/tyk/keys/fives", state()).await.0, 200);
}

#[tokio::test]
async fn names_of_hashed_keys_are_hashes_and_listed_only_on_demand() {
    let gateway = gateway(|config| {
        config.hash_keys = true;
        config.hash_key_function = "sha256".to_owned();
    })
    .await;
    let (status, made) = call(&gateway, "POST", "/tyk/keys/bob", state()).await;
    let (token, hash) = (made["key"].as_str().unwrap(), made["key_hash"].as_str().unwrap());
    assert_eq!((status, hash.len()), (200, 64));
    assert_eq!(ask(&gateway, "GET", &format!("/tyk/keys/{hash}?hashed=1")).await.0, 200);
    assert_eq!(ask(&gateway, "GET", &format!("/tyk/keys/{token}")).await.0, 200);
    assert_eq!(ask(&gateway, "GET", &format!("/tyk/keys/{hash}")).await, error(404, "Key not found"));
    let off = "Hashed key listing is disabled in config (enable_hashed_keys_listing)";
    assert_eq!(ask(&gateway, "GET", "/tyk/keys").await, error(404, off));
    assert_eq!(
        call(&gateway, "PUT", &format!("/tyk/keys/{hash}?hashed=true"), with("alias", "al")).await,
        done(hash, "modified")
    );
    assert_eq!(stored(&gateway, token).await["alias"], "al");
    assert_eq!(ask(&gateway, "DELETE", &format!("/tyk/keys/{hash}?hashed=1")).await, done(hash, "deleted"));
    assert_eq!(ask(&gateway, "GET", &format!("/tyk/keys/{token}")).await.0, 404);
}

#[tokio::test]
async fn keys_by_hash_need_hashing() {
    let gateway = gateway(|_| {}).await;
    let message = "Key requested by hash but key hashing is not enabled";
    assert_eq!(ask(&gateway, "GET", "/tyk/keys/x?hashed=1").await, error(400, message));
}

#[tokio::test]
async fn the_list_takes_a_prefix_and_an_api() {
    let gateway = gateway(|_| {}).await;
    for (name, apis) in [("aa1", &["one"][..]), ("aa2", &["two"]), ("bb1", &["one", "two"])] {
        call(&gateway, "POST", &format!("/tyk/keys/{name}"), with("access_rights", rights(apis))).await;
    }
    for (query, expected) in [
        ("", json!(["orgaa1", "orgaa2", "orgbb1"])),
        ("?filter=orga", json!(["orgaa1", "orgaa2"])),
        ("?filter=org&api_id=one", json!(["orgaa1", "orgbb1"])),
        ("?filter=none", json!([])),
    ] {
        let listed = ask(&gateway, "GET", &format!("/tyk/keys{query}")).await;
        assert_eq!(listed, (200, json!({"keys": expected})), "{query}");
    }
    assert_eq!(ask(&gateway, "GET", "/tyk/keys?api_id=one").await.0, 400);
}

#[tokio::test]
async fn a_body_that_is_no_state_has_its_status_by_call() {
    let gateway = gateway(|_| {}).await;
    for (method, path, expected) in [
        ("POST", "/tyk/keys/create", error(500, "Unmarshalling failed")),
        ("POST", "/tyk/keys/preview", error(500, "Unmarshalling failed")),
        ("POST", "/tyk/keys", error(400, "Request malformed")),
        ("POST", "/tyk/keys/bob", error(400, "Request malformed")),
        ("PUT", "/tyk/keys/bob", error(400, "Request malformed")),
        ("POST", "/tyk/keys/policy/x", error(400, "Couldn't decode instruction")),
    ] {
        let response = gateway.control(method, path).body("{bad").send().await;
        assert_eq!((response.status, response.json()), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn an_expiry_in_the_past_is_none_for_a_new_key_and_no_change_for_an_old_one() {
    let gateway = gateway(|_| {}).await;
    call(&gateway, "POST", "/tyk/keys/bob", with("expires", 1_500_000_000)).await;
    assert_eq!(stored(&gateway, "orgbob").await["expires"], Value::Null);
    let later = now() + 500;
    call(&gateway, "PUT", "/tyk/keys/orgbob", with("expires", later)).await;
    call(&gateway, "PUT", "/tyk/keys/orgbob", with("expires", 1_500_000_000)).await;
    assert_eq!(stored(&gateway, "orgbob").await["expires"], later);
}

#[tokio::test]
async fn an_update_keeps_the_day_of_creation_and_nothing_else() {
    let gateway = gateway(|_| {}).await;
    call(&gateway, "POST", "/tyk/keys/bob", with("alias", "al")).await;
    let before = stored(&gateway, "orgbob").await;
    assert_eq!(call(&gateway, "PUT", "/tyk/keys/bob", state()).await, done("orgbob", "modified"));
    let after = stored(&gateway, "orgbob").await;
    assert!(before["date_created"].as_str().unwrap().starts_with("20"));
    assert_eq!(after["date_created"], before["date_created"]);
    assert_eq!((&before["alias"], &after["alias"]), (&json!("al"), &Value::Null));
    assert_eq!(call(&gateway, "PUT", "/tyk/keys/none", state()).await, error(404, "Key is not found"));
    assert_eq!(ask(&gateway, "DELETE", "/tyk/keys/none").await, error(404, "There is no such key found"));
}

#[tokio::test]
async fn a_key_without_rights_needs_master_keys_and_an_api() {
    let body = json!({"org_id": "org"});
    let gateway = gateway(|_| {}).await;
    let refused = "Failed to create key, ensure security settings are correct.";
    assert_eq!(call(&gateway, "POST", "/tyk/keys", body.clone()).await, error(500, refused));
    let refused = "Failed to create key, keys must have at least one Access Rights record set.";
    assert_eq!(call(&gateway, "POST", "/tyk/keys/create", body.clone()).await, error(400, refused));

    let gateway = super::keys::gateway(|config| config.allow_master_keys = true).await;
    for path in ["/tyk/keys", "/tyk/keys/create"] {
        let (status, made) = call(&gateway, "POST", path, body.clone()).await;
        assert_eq!(status, 200, "{path}");
        stored(&gateway, made["key"].as_str().unwrap()).await;
    }
    let empty = Gateway::build().config(|config| config.allow_master_keys = true).start().await;
    assert_eq!(call(&empty, "POST", "/tyk/keys/bob", body).await, done("orgbob", "added"));
    assert_eq!(ask(&empty, "GET", "/tyk/keys").await, (200, json!({"keys": []})));
}

#[tokio::test]
async fn passwords_are_hashed_once_shown_never_and_kept_when_none_is_sent() {
    let redis = Redis::start();
    let storage = redis.storage();
    let gateway = gateway(|config| config.storage = storage).await;
    let data = || -> Value {
        let text: String = redis.ask(&["GET", "apikey-orguser"]);
        serde_json::from_str::<Value>(&text).unwrap()["basic_auth_data"].clone()
    };
    call(&gateway, "POST", "/tyk/keys/user", with("basic_auth_data", json!({"password": "secret"}))).await;
    let first = data();
    assert_eq!(first["hash_type"], "bcrypt");
    assert!(first["password"].as_str().unwrap().starts_with("$2a$10$"));
    assert_eq!(stored(&gateway, "orguser").await["basic_auth_data"]["password"], Value::Null);

    call(&gateway, "PUT", "/tyk/keys/user", state()).await;
    assert_eq!(data(), first, "none is sent");
    call(&gateway, "PUT", "/tyk/keys/user", with("basic_auth_data", first.clone())).await;
    assert_eq!(data(), first, "the hash is sent back");
    call(&gateway, "PUT", "/tyk/keys/user", with("basic_auth_data", json!({"password": "other"}))).await;
    assert_ne!(data(), first);
}

#[tokio::test]
async fn the_token_of_a_user_is_not_told_while_keys_are_hashed() {
    let gateway = gateway(|config| config.hash_keys = true).await;
    let body = with("basic_auth_data", json!({"password": "secret"}));
    let (_, made) = call(&gateway, "POST", "/tyk/keys/user", body).await;
    assert_eq!((&made["key"], made["key_hash"].as_str().unwrap().len()), (&json!(""), 8));
}

#[tokio::test]
async fn signed_keys_and_certificates_get_what_they_need() {
    let gateway = gateway(|_| {}).await;
    let (_, made) = call(&gateway, "POST", "/tyk/keys/create", with("hmac_enabled", true)).await;
    let signed = stored(&gateway, made["key"].as_str().unwrap()).await;
    assert!(signed["hmac_string"].as_str().unwrap().len() > 20);

    let id = format!("org{}", "ab".repeat(32));
    let body = with("certificate", id.clone());
    assert_eq!(call(&gateway, "POST", "/tyk/keys/create", body.clone()).await, done(&id, "added"));
    let twice = format!("Failed to create key - Key with given certificate already found:{id}");
    assert_eq!(call(&gateway, "POST", "/tyk/keys/create", body).await, error(500, &twice));
    let path = format!("/tyk/keys/{id}");
    let missing = "Key cannot be used without a certificate";
    assert_eq!(call(&gateway, "PUT", &path, state()).await, error(400, missing));
    let unknown = "Key must be used with an existent certificate";
    assert_eq!(call(&gateway, "PUT", &path, with("certificate", "orgother")).await, error(400, unknown));
}

#[tokio::test]
async fn quotas_begin_anew_unless_the_call_says_otherwise() {
    let redis = Redis::start();
    let storage = redis.storage();
    let gateway = gateway(|config| config.storage = storage).await;
    let body = json!({
        "org_id": "org", "quota_max": 9, "quota_renewal_rate": 60, "access_rights": rights(&["one"]),
    });
    call(&gateway, "POST", "/tyk/keys/bob", body.clone()).await;
    let set = || -> () {
        for counter in ["quota-orgbob", "rate-limit-orgbob.BLOCKED"] {
            redis.ask(&["SET", counter, "4"])
        }
    };
    let left = || -> i64 { redis.ask(&["EXISTS", "quota-orgbob", "rate-limit-orgbob.BLOCKED"]) };
    set();
    let before = stored(&gateway, "orgbob").await;
    assert_eq!(before["quota_remaining"], 5, "the counter is read");
    assert!(before["quota_renews"].as_i64().unwrap() >= now() + 58);

    let mut later = body.clone();
    later["quota_renewal_rate"] = json!(600);
    call(&gateway, "PUT", "/tyk/keys/bob?suppress_reset=1", later.clone()).await;
    let kept = stored(&gateway, "orgbob").await;
    assert_eq!(left(), 2);
    assert_eq!(kept["quota_renews"], before["quota_renews"]);
    assert_eq!(kept["last_updated"], before["last_updated"]);

    call(&gateway, "PUT", "/tyk/keys/bob", later).await;
    assert_eq!(left(), 0);
    assert!(stored(&gateway, "orgbob").await["quota_renews"].as_i64().unwrap() >= now() + 590);
    set();
    ask(&gateway, "DELETE", "/tyk/keys/orgbob").await;
    assert_eq!(left(), 0);
}

#[tokio::test]
async fn the_longest_lifetime_of_its_apis_counts() {
    let redis = Redis::start();
    let gateway = Gateway::build()
        .api(guarded("one").set("session_lifetime", 50))
        .api(guarded("two").set("session_lifetime", 500))
        .config(|config| config.storage = redis.storage())
        .start()
        .await;
    let ttl = || -> i64 { redis.ask(&["TTL", "apikey-orgbob"]) };
    for (apis, range) in [
        (&["one"][..], 45..=50),
        (&["one", "two"], 495..=500),
        (&["one", "unknown"], 45..=50),
        (&["unknown"], -1..=-1),
    ] {
        let path = "/tyk/keys/bob";
        assert_eq!(call(&gateway, "POST", path, with("access_rights", rights(apis))).await.0, 200);
        assert!(range.contains(&ttl()), "{apis:?} {}", ttl());
    }
    call(&gateway, "POST", "/tyk/keys/bob", state()).await;
    assert!(ttl() > 0);
    assert_eq!(
        call(&gateway, "POST", "/tyk/keys/policy/orgbob", json!({"policy": "p"})).await,
        done("orgbob", "updated")
    );
    assert_eq!(ttl(), -1, "as in Tyk, this call drops the lifetime");
}

#[tokio::test]
async fn a_store_that_is_away_has_no_keys_and_takes_none() {
    let mut redis = Redis::start();
    let storage = redis.storage();
    let gateway = gateway(|config| config.storage = storage).await;
    redis.kill();
    let refused = "Failed to create key, ensure security settings are correct.";
    assert_eq!(call(&gateway, "POST", "/tyk/keys/bob", state()).await, error(500, refused));
    assert_eq!(call(&gateway, "PUT", "/tyk/keys/bob", state()).await, error(404, "Key is not found"));
    assert_eq!(ask(&gateway, "GET", "/tyk/keys/orgbob").await, error(404, "Key not found"));
    assert_eq!(ask(&gateway, "DELETE", "/tyk/keys/orgbob").await, error(404, "There is no such key found"));
    assert_eq!(ask(&gateway, "GET", "/tyk/keys").await, error(504, "Request timeout while processing keys"));
}

#[tokio::test]
async fn changes_are_announced_with_the_hash() {
    let redis = Redis::start();
    let storage = redis.storage();
    let gateway = gateway(|config| config.storage = storage).await;
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", redis.storage().port)).unwrap();
    let mut connection = client.get_connection().unwrap();
    connection.set_read_timeout(Some(crate::support::DEADLINE)).unwrap();
    let mut channel = connection.as_pubsub();
    channel.subscribe("tyk.cluster.notifications").unwrap();
    call(&gateway, "POST", "/tyk/keys/bob", state()).await;
    let heard = loop {
        let message: String = channel.get_message().unwrap().get_payload().unwrap();
        let message: Value = serde_json::from_str(&message).unwrap();
        if message["command"] == "KeySpaceUpdateNotification" {
            break message;
        }
    };
    assert_eq!(heard["payload"], "orgbob");
}
