//! Gateways around one Redis: they share keys, tell each other what changed, and count each other.

use std::sync::Arc;

use pinhook::{
    cluster::{CHANNEL, Command, Notices},
    config::{Config, Secret, Storage},
    store::MemoryStore,
};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::support::{
    definition::{Definition, api},
    gateway::Gateway,
    redis::Redis,
    until,
    upstream::Upstream,
};

async fn member(redis: &Redis, upstream: &Upstream, edit: impl FnOnce(&mut Config)) -> Gateway {
    let storage: Storage = redis.storage();
    let builder = Gateway::build().config(|config| {
        config.storage = storage;
        config.hash_keys = true;
        config.node_secret = Secret::new("shared by all");
        config.drl_notification_frequency = 1;
        edit(config);
    });
    builder.api(keyed().target(upstream)).start().await
}

fn keyed() -> Definition {
    api("keyed").set("use_keyless", false).set("auth.auth_header_name", "Authorization")
}

fn state(members: Value) -> String {
    let mut state = json!({
        "org_id": "org",
        "access_rights": { "keyed": { "api_id": "keyed", "api_name": "keyed", "versions": ["Default"] } },
    });
    state.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    state.to_string()
}

async fn listening(redis: &Redis, count: u64) {
    let heard = async || redis.ask::<(String, u64)>(&["PUBSUB", "NUMSUB", CHANNEL]).1 == count;
    until("all listen", heard).await;
}

async fn status(gateway: &Gateway, token: &str) -> u16 {
    gateway.get("/keyed/x").header("Authorization", token).send().await.status
}

fn reloads(gateway: &Gateway) -> f64 {
    gateway.metric("pinhook_reloads_total{result=\"ok\"}").unwrap_or_default()
}

#[tokio::test]
async fn a_key_of_one_works_in_the_other_and_ends_for_both_at_once() {
    let redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let (one, other) = (member(&redis, &upstream, |_| {}).await, member(&redis, &upstream, |_| {}).await);
    listening(&redis, 2).await;
    let made = one.control("POST", "/tyk/keys/create").body(state(json!({}))).send().await.json();
    let token = made["key"].as_str().unwrap();
    assert_eq!((status(&one, token).await, status(&other, token).await), (200, 200));

    let target = format!("/tyk/keys/{token}");
    let inactive = state(json!({ "is_inactive": true }));
    assert_eq!(other.control("PUT", &target).body(inactive).send().await.status, 200);
    let start = Instant::now();
    until("one knows", async || status(&one, token).await == 403).await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "its cache would know after ten: {:?}",
        start.elapsed()
    );

    assert_eq!(other.control("PUT", &target).body(state(json!({}))).send().await.status, 200);
    until("one knows", async || status(&one, token).await == 200).await;
    assert_eq!(other.control("DELETE", &target).send().await.status, 200);
    let start = Instant::now();
    until("one knows", async || status(&one, token).await == 403).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn one_call_reloads_all() {
    let redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let (one, other) = (member(&redis, &upstream, |_| {}).await, member(&redis, &upstream, |_| {}).await);
    listening(&redis, 2).await;
    for gateway in [&one, &other] {
        gateway.put(&api("new").target(&upstream));
    }
    assert_eq!(one.control("GET", "/tyk/reload/group").send().await.status, 200);
    for gateway in [&one, &other] {
        until("the reload", async || gateway.get("/new/x").send().await.status == 200).await;
    }
}

#[tokio::test]
async fn every_command_that_changes_apis_reloads_and_many_share_one() {
    let redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = member(&redis, &upstream, |config| config.allow_insecure_configs = true).await;
    listening(&redis, 1).await;
    let say = |command: &str| {
        redis.ask::<u64>(&["PUBLISH", CHANNEL, &json!({ "command": command, "payload": "x" }).to_string()])
    };
    for (number, command) in
        ["ApiUpdated", "ApiRemoved", "ApiAdded", "PolicyChanged", "GroupReload"].into_iter().enumerate()
    {
        say(command);
        let wanted = 2.0 + number as f64;
        until(command, async || reloads(&gateway) == wanted).await;
    }
    let start = Instant::now();
    for _ in 0..500 {
        say("ApiUpdated");
    }
    until("a reload", async || reloads(&gateway) > 6.0).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let most = start.elapsed().as_secs_f64().ceil() + 1.0;
    assert!(reloads(&gateway) - 6.0 <= most, "one a second at most: {}", reloads(&gateway));
    say("NoticeGatewayConfigResponse");
    say("UnheardOf");
    assert_eq!(gateway.get("/hello").send().await.status, 200, "what is unknown harms nobody");
}

/// Trap 29.
#[tokio::test]
async fn who_does_not_know_the_secret_moves_nothing() {
    let redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = member(&redis, &upstream, |_| {}).await;
    let trusting = member(&redis, &upstream, |config| config.allow_insecure_configs = true).await;
    let deaf = member(&redis, &upstream, |config| config.suppress_redis_signal_reload = true).await;
    listening(&redis, 2).await;
    let mut stranger = Config::built_in();
    stranger.node_secret = Secret::new("another");
    let stranger = Notices::new(&stranger, Arc::new(MemoryStore::default()), &mut Vec::new());
    let forged = stranger.encode(&Command::GroupReload, "");
    for message in [forged.as_str(), r#"{"command":"GroupReload"}"#, "{", "", "[1]"] {
        redis.ask::<u64>(&["PUBLISH", CHANNEL, message]);
    }
    until("the trusting one reloads", async || reloads(&trusting) > 1.0).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!((reloads(&gateway), reloads(&deaf)), (1.0, 1.0));

    let mut insider = Config::built_in();
    insider.node_secret = Secret::new("shared by all");
    let insider = Notices::new(&insider, Arc::new(MemoryStore::default()), &mut Vec::new());
    redis.ask::<u64>(&["PUBLISH", CHANNEL, &insider.encode(&Command::GroupReload, "")]);
    until("the group reloads", async || reloads(&gateway) == 2.0).await;
    assert_eq!(reloads(&deaf), 1.0, "suppress_redis_signal_reload");
}

#[tokio::test]
async fn gateways_count_each_other() {
    let redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let count = |gateway: &Gateway| gateway.inner().snapshot().services.members.count();
    let one = member(&redis, &upstream, |_| {}).await;
    let other = member(&redis, &upstream, |_| {}).await;
    let apart = member(&redis, &upstream, |config| {
        config.db_app_conf_options.node_is_segmented = true;
        config.db_app_conf_options.tags = vec!["elsewhere".to_owned()];
    })
    .await;
    let manager = member(&redis, &upstream, |config| config.management_node = true).await;
    until("two", async || (count(&one), count(&other)) == (2, 2)).await;
    assert_eq!((count(&apart), count(&manager)), (1, 1));

    let services = one.inner().snapshot().services.clone();
    let third = json!({ "HostName": "h", "ID": "third", "LoadPerSec": 1, "Percentage": 0, "TagHash": "" });
    services.notices.publish(&Command::Alive, &third.to_string()).await.unwrap();
    until("three", async || (count(&one), count(&other)) == (3, 3)).await;
    let start = Instant::now();
    until("the third fell silent", async || (count(&one), count(&other)) == (2, 2)).await;
    assert!(start.elapsed() > Duration::from_secs(2), "it lives four seconds: {:?}", start.elapsed());
}

#[tokio::test]
async fn a_gateway_without_redis_still_reloads_its_group_of_one() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().start().await;
    gateway.put(&api("new").target(&upstream));
    assert_eq!(gateway.control("GET", "/tyk/reload/group").send().await.status, 200);
    until("the reload", async || gateway.get("/new/x").send().await.status == 200).await;
}
