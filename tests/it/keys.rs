//! Keys and policies on a real Redis: who may call, what is written back, what other gateways hear of it.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use pinhook::config::{Config, SinkKind};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::{Builder, Gateway},
    program::{self, Program},
    redis::Redis,
    until,
    upstream::Upstream,
};

const KEY: &str = "orgalice-0123456789";

/// An API that wants a token.
fn guarded(id: &str, upstream: &Upstream) -> Definition {
    api(id)
        .target(upstream)
        .set("use_keyless", false)
        .set("use_standard_auth", true)
        .set("auth_configs.authToken.auth_header_name", "Authorization")
}

fn build(redis: &Redis, change: impl FnOnce(&mut Config)) -> Builder {
    Gateway::build().config(|config| {
        config.storage = redis.storage();
        change(config);
    })
}

fn put(redis: &Redis, state: &Value) {
    redis.ask::<()>(&["SET", &format!("apikey-{KEY}"), &state.to_string()]);
}

fn stored(redis: &Redis) -> Option<Value> {
    let text: Option<String> = redis.ask(&["GET", &format!("apikey-{KEY}")]);
    text.map(|text| serde_json::from_str(&text).unwrap())
}

async fn call(gateway: &Gateway, target: &str) -> Response {
    gateway.get(target).header("Authorization", KEY).send().await
}

fn write_policies(file: &Path, quota: i64) {
    let policy = json!({ "gold": { "org_id": "org", "quota_max": quota, "quota_renewal_rate": 60, "rate": 100, "per": 1,
        "access_rights": { "a": { "versions": ["Default"] } } } });
    fs::write(file, policy.to_string()).unwrap();
}

#[tokio::test]
async fn a_key_calls_what_its_rights_name() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let gateway =
        build(&redis, |_| {}).api(guarded("a", &upstream)).api(guarded("b", &upstream)).start().await;
    let urls = json!([{ "url": "/open", "methods": ["GET"] }]);
    put(&redis, &json!({ "org_id": "org", "access_rights": { "a": { "allowed_urls": urls } } }));
    for (target, expected) in [("/a/open", 200), ("/a/closed", 403), ("/b/open", 403)] {
        assert_eq!(call(&gateway, target).await.status, expected, "{target}");
    }
    assert_eq!(gateway.get("/a/open").header("Authorization", "nobody").send().await.status, 403);
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn policies_change_with_a_reload_and_a_broken_file_changes_nothing() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policies.json");
    write_policies(&file, 7);
    let gateway = build(&redis, |config| config.policies.policy_record_name = file.display().to_string())
        .api(guarded("a", &upstream))
        .start()
        .await;
    put(&redis, &json!({ "org_id": "org", "apply_policies": ["gold"] }));
    let limit = async |gateway: &Gateway| {
        let answer = call(gateway, "/a/x").await;
        (answer.status, answer.header("x-ratelimit-limit").map(str::to_owned))
    };
    assert_eq!(limit(&gateway).await, (200, Some("7".to_owned())));

    fs::write(&file, "{ broken").unwrap();
    gateway.put(&guarded("b", &upstream));
    let report = gateway.reload().await;
    assert_eq!(report.live, 1);
    let problem = &report.problems[0];
    assert_eq!(problem.place, file.display().to_string());
    assert!(problem.message.ends_with("policies and APIs stay as they are"), "{problem}");
    assert_eq!(limit(&gateway).await, (200, Some("7".to_owned())));
    assert_eq!(call(&gateway, "/b/x").await.status, 404);

    write_policies(&file, 50);
    gateway.reload().await;
    assert_eq!(limit(&gateway).await, (200, Some("50".to_owned())));
}

#[test]
fn the_check_names_what_is_wrong_with_policies() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("apps")).unwrap();
    fs::create_dir(at("policies")).unwrap();
    fs::write(at("policies/a.json"), r#"{ "id": "a", "rate": "fast" }"#).unwrap();
    fs::write(at("policies/b.json"), r#"{ "id": "b", "ratte": 1 }"#).unwrap();
    fs::write(at("map.json"), "[]").unwrap();
    let check = |policies: Value| {
        let config = json!({ "secret": "something", "app_path": at("apps"), "policies": policies });
        fs::write(at("conf.json"), config.to_string()).unwrap();
        let output = program::pinhook().args(["check", "--conf"]).arg(at("conf.json")).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = check(json!({ "policy_path": at("policies") }));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("a.json:1: rate: ") && text.contains("b.json: ratte: unknown member"), "{text}");
    let (code, text) = check(json!({ "policy_record_name": at("map.json") }));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("map.json"), "{text}");
}

#[tokio::test]
async fn an_edit_elsewhere_counts_as_soon_as_it_is_announced() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let [one, other] = [(); 2].map(|()| build(&redis, |_| {}).api(guarded("a", &upstream)));
    let (one, other) = (one.start().await, other.start().await);
    let mut state = json!({ "org_id": "org", "access_rights": { "a": { "versions": ["Default"] } } });
    put(&redis, &state);
    assert_eq!(call(&one, "/a/x").await.status, 200);
    state["is_inactive"] = json!(true);
    // A notice that is sent before the other one listens is lost, so the edit is repeated.
    let started = Instant::now();
    until("the edit to be known", async || {
        let edit = other.control("PUT", &format!("/tyk/keys/{KEY}")).body(state.to_string()).send().await;
        assert_eq!(edit.status, 200, "{}", edit.text());
        call(&one, "/a/x").await.status == 403
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(9), "the cache ran out by itself");
}

#[tokio::test]
async fn without_the_store_known_keys_work_and_others_are_unknown() {
    let (mut redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let gateway = build(&redis, |_| {}).api(guarded("a", &upstream)).start().await;
    put(&redis, &json!({ "org_id": "org", "access_rights": { "a": {} } }));
    assert_eq!(call(&gateway, "/a/x").await.status, 200);
    redis.kill();
    assert_eq!(call(&gateway, "/a/x").await.status, 200);
    let unknown = gateway.get("/a/x").header("Authorization", "orgbob-0123456789").send().await;
    assert_eq!(unknown.error(), (403, "Access to this API has been disallowed".to_owned()));
    redis.restart();
    put(&redis, &json!({ "org_id": "org" }));
    until("Redis to be back", async || {
        let bob = json!({ "org_id": "org", "access_rights": { "a": {} } }).to_string();
        redis.ask::<()>(&["SET", "apikey-orgbob-0123456789", &bob]);
        gateway.get("/a/x").header("Authorization", "orgbob-0123456789").send().await.status == 200
    })
    .await;
}

#[tokio::test]
async fn quota_numbers_reach_the_stored_key_soon_and_nothing_else_does() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let gateway = build(&redis, |_| {}).api(guarded("a", &upstream)).start().await;
    let state = json!({ "org_id": "org", "quota_max": 1000, "quota_renewal_rate": 60, "x-own": [1],
        "access_rights": { "a": { "versions": ["Default"] } } });
    put(&redis, &state);
    let remaining = || stored(&redis).map(|state| state["quota_remaining"].clone());
    assert_eq!(call(&gateway, "/a/x").await.status, 200);
    until("the first number", async || remaining() == Some(json!(999))).await;
    for _ in 0..20 {
        assert_eq!(call(&gateway, "/a/x").await.status, 200);
    }
    let last = Instant::now();
    until("the last number", async || remaining() == Some(json!(979))).await;
    assert!(last.elapsed() < Duration::from_secs(5), "{:?}", last.elapsed());
    let mut after = stored(&redis).unwrap();
    for name in ["quota_remaining", "quota_renews"] {
        assert!(after.as_object_mut().unwrap().remove(name).is_some(), "{name}");
    }
    assert_eq!(after, state);

    assert_eq!(call(&gateway, "/a/x").await.status, 200);
    redis.ask::<()>(&["DEL", &format!("apikey-{KEY}")]);
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(stored(&redis), None, "a deleted key stays deleted");
}

#[tokio::test]
async fn the_last_quota_numbers_are_written_at_the_end() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let gateway = build(&redis, |_| {}).api(guarded("a", &upstream)).start().await;
    put(&redis, &json!({ "org_id": "org", "quota_max": 9, "quota_renewal_rate": 60 }));
    for _ in 0..3 {
        assert_eq!(call(&gateway, "/a/x").await.status, 200);
    }
    gateway.stop().await;
    assert_eq!(stored(&redis).unwrap()["quota_remaining"], 6);
}

#[tokio::test]
async fn records_tell_of_the_key_and_a_key_may_ask_for_details() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    let gateway = build(&redis, |config| {
        config.enable_analytics = true;
        config.pinhook.analytics.sink = SinkKind::File;
        config.pinhook.analytics.path = file.display().to_string();
    })
    .api(guarded("a", &upstream))
    .start()
    .await;
    put(
        &redis,
        &json!({ "org_id": "org", "alias": "ann", "oauth_client_id": "client", "tags": ["t"],
        "meta_data": { "tyk_developer_id": "d" }, "enable_detailed_recording": true }),
    );
    assert_eq!(call(&gateway, "/a/x").await.status, 200);
    assert_eq!(gateway.get("/a/x").send().await.status, 401);
    gateway.stop().await;
    let lines = fs::read_to_string(&file).unwrap();
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [known, unknown] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(
        (&known["api_key"], &known["alias"], &known["oauth_id"]),
        (&json!(KEY), &json!("ann"), &json!("client"))
    );
    assert_eq!(known["tags"], json!(["dev-d", "t", format!("key-{KEY}"), "org-org", "api-a"]));
    assert_ne!(known["raw_request"], "");
    assert_ne!(known["raw_response"], "");
    assert_eq!((&unknown["api_key"], &unknown["raw_request"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn no_log_ever_shows_a_key() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let storage = redis.storage();
    let mut program = Program::build()
        .set("storage", json!({ "type": "redis", "host": storage.host, "port": storage.port }))
        .set("access_logs.enabled", true)
        .set("log_level", "debug")
        .set("pinhook.session_cache_entries", 0)
        .api(guarded("a", &upstream))
        .start()
        .await;
    let states = [
        json!({ "org_id": "org", "access_rights": { "other": {} } }),
        json!({ "org_id": "org", "apply_policies": ["gone"] }),
        json!(["no", "state"]),
        json!({ "org_id": "org", "expires": 5 }),
        json!({ "org_id": "org" }),
    ];
    for state in states {
        put(&redis, &state);
        program.get("/a/x").header("Authorization", KEY).send().await;
        program.get(&format!("/a/x?k={}", program.id())).header("Authorization", KEY).send().await;
    }
    program.signal(rustix::process::Signal::TERM);
    program.end().await;
    let log = program.log();
    assert!(log.contains("****6789"), "{log}");
    assert!(!log.contains(KEY) && !log.contains("alice-"), "{log}");
}
