//! What is written, when, and for how long.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::json;
use tokio::time::sleep;

use super::{
    super::*,
    support::{Bench, named},
};
use crate::store::{If, Store};

const HOUR: ApiLifetime = ApiLifetime { seconds: 3600, respects_expiry: false };

#[tokio::test]
async fn a_key_from_the_store_is_only_written_over_itself() {
    // Trap 25.
    let bench = Bench::new(|_| {});
    bench.put("org1alice", named("before")).await;
    let mut key = bench.find("alice").await.unwrap();
    key.edit().alias = "after".to_owned();
    assert!(key.modified);
    assert!(bench.sessions.save(&key, HOUR).await.unwrap());
    assert_eq!(bench.alias("alice").await.as_deref(), Some("after"), "the cache knows");
    let left = bench.store.ttl("apikey-org1alice").await.unwrap().unwrap();
    assert!(left > Duration::from_secs(3590), "{left:?}");

    assert!(bench.sessions.save(&key, ApiLifetime::default()).await.unwrap());
    assert_eq!(bench.store.ttl("apikey-org1alice").await.unwrap(), None, "no lifetime takes an expiry away");

    assert_eq!(bench.sessions.delete(&["org1alice"]).await.unwrap(), 1);
    assert!(bench.find("alice").await.is_none());
    assert!(!bench.sessions.save(&key, HOUR).await.unwrap());
    assert_eq!(bench.stored("org1alice").await, None);
}

#[tokio::test]
async fn a_new_key_is_written_whatever_is_there() {
    let bench = Bench::new(|config| config.hash_keys = true);
    let state = SessionState { alias: "made".to_owned(), ..SessionState::default() };
    let key = bench.sessions.new_key("org1token", state);
    assert!(!key.stored && key.modified);
    assert!(bench.sessions.save(&key, HOUR).await.unwrap());
    assert_eq!(bench.alias("org1token").await.as_deref(), Some("made"));
    assert_eq!(bench.sessions.hashes().await.unwrap(), [hash::token("org1token")]);
}

#[tokio::test]
async fn organisations_have_names_of_their_own() {
    let bench = Bench::new(|config| config.hash_keys = true);
    assert!(bench.sessions.find_organisation("org1").await.unwrap().is_none());
    let state = SessionState { quota_max: 5, ..SessionState::default() };
    bench.sessions.write_organisation("org1", &state, Lifetime::Unset, If::Always).await.unwrap();
    let found = bench.sessions.find_organisation("org1").await.unwrap().unwrap();
    assert_eq!(found.quota_max, 5);
    assert_eq!(bench.sessions.organisations().await.unwrap(), ["org1"]);
    assert_eq!(bench.store.scan("").await.unwrap(), ["orgkey.org1"]);
    let reads = bench.reads();
    assert!(bench.sessions.find_organisation("org1").await.unwrap().is_some());
    assert_eq!(bench.reads(), reads);
    assert!(bench.sessions.delete_organisation("org1").await.unwrap());
    assert!(bench.sessions.find_organisation("org1").await.unwrap().is_none());
}

fn left(remaining: i64) -> QuotaLeft<'static> {
    QuotaLeft { scope: "", remaining, renews: 99 }
}

/// Waits until the stored number is this one.
async fn until(bench: &Bench, remaining: i64) {
    for _ in 0..300 {
        if bench.stored("org1alice").await.is_some_and(|state| state["quota_remaining"] == remaining) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", bench.stored("org1alice").await);
}

#[tokio::test(start_paused = true)]
async fn quota_numbers_are_written_at_once_and_then_once_a_second() {
    let bench = Bench::new(|_| {});
    bench.put("org1alice", json!({ "org_id": "org1", "quota_max": 1000, "unheard-of": { "kept": 1 } })).await;
    let key = bench.find("alice").await.unwrap();
    let tending = tokio::spawn(bench.sessions.clone().tend());
    bench.sessions.quota_used(&key, HOUR, left(999));
    until(&bench, 999).await;
    let writes = bench.store.writes.load(Ordering::Relaxed);
    for remaining in (500..900).rev() {
        bench.sessions.quota_used(&key, HOUR, left(remaining));
    }
    assert_eq!(bench.store.writes.load(Ordering::Relaxed), writes);
    std::thread::sleep(Duration::from_millis(1050));
    until(&bench, 500).await;
    assert_eq!(bench.store.writes.load(Ordering::Relaxed), writes + 1);
    let stored = bench.stored("org1alice").await.unwrap();
    assert_eq!((&stored["quota_renews"], &stored["unheard-of"]), (&json!(99), &json!({ "kept": 1 })));
    let reads = bench.reads();
    assert!(bench.find("alice").await.is_some());
    assert_eq!(bench.reads(), reads, "numbers alone do not empty the cache");
    tending.abort();
}

#[tokio::test]
async fn the_last_numbers_are_written_at_the_end() {
    let bench = Bench::new(|_| {});
    bench.put("org1alice", json!({ "org_id": "org1", "quota_max": 10 })).await;
    let key = bench.find("alice").await.unwrap();
    for remaining in [9, 8, 7] {
        bench.sessions.quota_used(&key, HOUR, left(remaining));
        bench.sessions.flush(Duration::from_secs(1)).await;
        assert_eq!(bench.stored("org1alice").await.unwrap()["quota_remaining"], remaining);
    }
}

#[tokio::test]
async fn numbers_of_a_deleted_or_edited_key_change_nothing_else() {
    let bench = Bench::new(|_| {});
    bench.put("org1alice", json!({ "org_id": "org1", "quota_max": 10 })).await;
    let key = bench.find("alice").await.unwrap();
    bench.sessions.quota_used(&key, HOUR, left(9));
    bench.put("org1alice", json!({ "org_id": "org1", "quota_max": 10, "is_inactive": true })).await;
    bench.sessions.flush(Duration::from_secs(1)).await;
    let stored = bench.stored("org1alice").await.unwrap();
    assert_eq!((&stored["is_inactive"], &stored["quota_remaining"]), (&json!(true), &json!(9)));

    bench.sessions.quota_used(&key, HOUR, left(8));
    bench.sessions.delete(&["org1alice"]).await.unwrap();
    bench.sessions.flush(Duration::from_secs(1)).await;
    assert_eq!(bench.stored("org1alice").await, None);
}

#[tokio::test]
async fn a_scope_has_numbers_of_its_own() {
    let bench = Bench::new(|_| {});
    let rights =
        |scope: &str, quota: i64| json!({ "allowance_scope": scope, "limit": { "quota_max": quota } });
    let state = json!({ "org_id": "org1", "quota_remaining": 77, "access_rights": {
        "a": rights("gold", 10), "b": rights("gold", 10), "c": rights("gold", 0), "d": rights("", 5),
    } });
    bench.put("org1alice", state).await;
    let key = bench.find("alice").await.unwrap();
    bench.sessions.quota_used(&key, HOUR, QuotaLeft { scope: "gold", remaining: 4, renews: 99 });
    bench.sessions.flush(Duration::from_secs(1)).await;
    let stored = bench.stored("org1alice").await.unwrap();
    let of = |api: &str| stored["access_rights"][api]["limit"]["quota_remaining"].clone();
    assert_eq!([of("a"), of("b"), of("c"), of("d")], [json!(4), json!(4), json!(null), json!(null)]);
    assert_eq!(stored["quota_remaining"], 77);
}
