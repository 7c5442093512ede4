//! What both stores count: one suite over Redis and memory.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pinhook::store::{Count, Counted, If, MemoryStore, RedisStore, Store};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::support::redis::{Redis, cluster::Cluster};

const SECOND: u64 = 1_000_000_000;

fn rolling(key: &str, now: u64, per: u64, limit: u64) -> Count<'_> {
    Count::Rolling { key, now, per, limit }
}

fn quota(key: &str, limit: u64, renewal: u64) -> Count<'_> {
    Count::Quota { key, limit, renewal }
}

async fn one(store: &dyn Store, count: Count<'_>) -> Counted {
    let all = store.count(&[count]).await.unwrap();
    assert_eq!(all.len(), 1);
    all[0]
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

async fn counts(store: &dyn Store) {
    logs(store).await;
    windows_and_flags(store).await;
    quotas(store).await;
    batches(store).await;
}

async fn logs(store: &dyn Store) {
    let start = now();
    let at = async |seconds: u64| one(store, rolling("log", start + seconds * SECOND, 10, 2)).await;
    assert_eq!(at(0).await, Counted { passed: true, value: 0, left: Duration::ZERO });
    assert!(at(4).await.passed);
    // What does not pass stands in the log as well and so extends the block (trap 21).
    let third = at(6).await;
    assert_eq!((third.passed, third.value, third.left), (false, 2, Duration::from_secs(8)));
    assert!(!at(11).await.passed);
    assert!(!at(15).await.passed);
    assert!(at(30).await.passed);
    let ttl = store.ttl("log").await.unwrap().unwrap();
    assert!((8..=10).contains(&ttl.as_secs()), "{ttl:?}");
    // Two requests of one moment are two.
    let same = async || one(store, rolling("same", start, 10, 3)).await;
    let values = [same().await.value, same().await.value, same().await.value, same().await.value];
    assert_eq!(values, [0, 1, 2, 3]);
    assert!(!same().await.passed);
    assert!(!one(store, rolling("never", start, 10, 0)).await.passed);
    assert!(!one(store, rolling("never", start, 10, 0)).await.passed);
    for _ in 0..3 {
        assert!(one(store, rolling("no time", start, 0, 1)).await.passed);
    }
    assert_eq!(store.scan("no time").await.unwrap(), Vec::<String>::new());
}

async fn windows_and_flags(store: &dyn Store) {
    let window = |rest| Count::Window { key: "window", rest, limit: 2 };
    let rest = Duration::from_millis(400);
    assert_eq!(one(store, window(rest)).await, Counted { passed: true, value: 1, left: rest });
    assert!(one(store, window(rest)).await.passed);
    assert_eq!(one(store, window(rest)).await, Counted { passed: false, value: 3, left: rest });
    assert!(one(store, Count::Flag { key: "flag" }).await.passed);
    store.set("flag", b"1", Some(Duration::from_secs(60)), If::Absent).await.unwrap();
    let raised = one(store, Count::Flag { key: "flag" }).await;
    assert!(!raised.passed && raised.left > Duration::from_secs(50), "{raised:?}");
    tokio::time::sleep(rest).await;
    assert_eq!(one(store, window(rest)).await.value, 1, "the window is over");
}

async fn quotas(store: &dyn Store) {
    let ask = async || one(store, quota("quota", 2, 60)).await;
    let first = ask().await;
    assert_eq!((first.passed, first.value), (true, 1));
    assert!((59..=60).contains(&first.left.as_secs()), "{first:?}");
    let second = ask().await;
    assert!(second.passed && second.left > Duration::from_secs(55), "{second:?}");
    let (third, fourth) = (ask().await, ask().await);
    assert_eq!((third.passed, third.value, fourth.value), (false, 3, 4), "what is blocked is counted");
    assert_eq!(store.get_many(&["quota"]).await.unwrap()[0].as_deref(), Some(&b"4"[..]));
    // Reset by somebody else: the period begins anew, with its end.
    store.delete(&["quota"]).await.unwrap();
    assert_eq!(ask().await.value, 1);
    let ttl = store.ttl("quota").await.unwrap().expect("an expiry");
    assert!((58..=60).contains(&ttl.as_secs()), "{ttl:?}");
    assert_eq!(ask().await.value, 2);
    // One without an end starts anew as soon as there is a renewal.
    for value in 1..=3 {
        assert_eq!(one(store, quota("endless", 5, 0)).await.value, value);
    }
    assert_eq!(store.ttl("endless").await.unwrap(), None);
    assert_eq!(one(store, quota("endless", 5, 60)).await.value, 1);
    assert!(store.ttl("endless").await.unwrap().is_some());
    // Its period is fixed when it begins, and is over in time.
    assert!(one(store, quota("short", 1, 1)).await.passed);
    assert!(!one(store, quota("short", 1, 1)).await.passed);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(one(store, quota("short", 1, 1)).await.passed);
    assert!(one(store, quota("for ever", 1, u64::MAX)).await.passed);
    store.set("text", b"no number", None, If::Always).await.unwrap();
    assert!(store.count(&[quota("text", 1, 0)]).await.is_err());
}

async fn batches(store: &dyn Store) {
    let both = [rolling("both", now(), 60, 1), quota("both quota", 9, 60)];
    let first = store.count(&both).await.unwrap();
    assert_eq!((first.len(), first[1].value), (2, 1));
    let second = store.count(&both).await.unwrap();
    assert_eq!(second.len(), 1, "what is over its rate costs no quota");
    assert_eq!(store.get_many(&["both quota"]).await.unwrap()[0].as_deref(), Some(&b"1"[..]));
    assert_eq!(store.count(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn memory_counts() {
    counts(&MemoryStore::default()).await;
}

#[tokio::test]
async fn redis_counts() {
    let redis = Redis::start();
    let store = RedisStore::new(&redis.storage()).unwrap();
    counts(&store).await;
    // A restarted server knows no script.
    redis.ask::<()>(&["SCRIPT", "FLUSH"]);
    redis.ask::<()>(&["FLUSHALL"]);
    counts(&store).await;
    let members: Vec<String> = redis.ask(&["ZRANGE", "same", "0", "-1"]);
    assert!(members.iter().all(|member| member.len() == 19 && member.parse::<u64>().is_ok()), "{members:?}");
}

#[tokio::test]
async fn a_cluster_counts() {
    let cluster = Cluster::start();
    // Keys of one batch lie on several nodes.
    counts(&RedisStore::new(&cluster.storage()).unwrap()).await;
}

#[tokio::test]
async fn another_gateways_counter_goes_on() {
    let redis = Redis::start();
    let store = RedisStore::new(&redis.storage()).unwrap();
    redis.ask::<()>(&["SET", "quota-k", "7", "EX", "30"]);
    let counted = one(&store, quota("quota-k", 9, 3600)).await;
    assert_eq!(counted.value, 8);
    assert!(counted.left <= Duration::from_secs(30), "the period is the one that has begun: {counted:?}");
    redis.ask::<()>(&["INCRBY", "quota-k", "5"]);
    assert!(!one(&store, quota("quota-k", 9, 3600)).await.passed);
}

#[tokio::test]
async fn a_known_quota_is_one_command() {
    let redis = Redis::start();
    let store = RedisStore::new(&redis.storage()).unwrap();
    one(&store, quota("k", 1000, 3600)).await;
    let calls = || {
        let text: String = redis.ask(&["INFO", "commandstats"]);
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")))?;
            line.split(',').next()?.parse::<u64>().ok()
        };
        (of("incr").unwrap_or(0), of("evalsha").unwrap_or(0), of("pttl").unwrap_or(0))
    };
    let before = calls();
    for _ in 0..50 {
        one(&store, quota("k", 1000, 3600)).await;
    }
    let after = calls();
    assert_eq!((after.0 - before.0, after.1 - before.1, after.2 - before.2), (50, 0, 0));
}

/// Requests of several clients at once never pass in greater number than the limit.
async fn at_once(store: Arc<dyn Store>, count: fn(u64) -> Count<'static>) -> usize {
    let clients = (0..16).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut passed = 0;
            for _ in 0..20 {
                passed += usize::from(store.count(&[count(now())]).await.unwrap()[0].passed);
            }
            passed
        })
    });
    let mut passed = 0;
    for client in clients.collect::<Vec<_>>() {
        passed += client.await.unwrap();
    }
    passed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_under_concurrency() {
    let redis = Redis::start();
    let stores: [Arc<dyn Store>; 2] =
        [Arc::new(MemoryStore::default()), Arc::new(RedisStore::new(&redis.storage()).unwrap())];
    for store in stores {
        let log = at_once(store.clone(), |now| rolling("log", now, 600, 50)).await;
        let window =
            at_once(store.clone(), |_| Count::Window { key: "w", rest: Duration::from_secs(600), limit: 50 });
        let quota = at_once(store.clone(), |_| quota("q", 50, 600));
        assert_eq!((log, window.await, quota.await), (50, 50, 50));
    }
}

#[test]
fn no_span_ever_holds_more_than_the_limit() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let strategy = (1u64..6, 1u64..5, prop::collection::vec(0u64..1500, 1..120));
    TestRunner::default()
        .run(&strategy, |(limit, per, pauses)| {
            let store = MemoryStore::default();
            let mut at = now();
            let mut passed: Vec<u64> = Vec::new();
            for pause in pauses {
                at += pause * 1_000_000;
                if runtime.block_on(one(&store, rolling("k", at, per, limit))).passed {
                    passed.push(at);
                }
            }
            for end in &passed {
                let span = passed.iter().filter(|at| *at <= end && **at + per * SECOND > *end).count() as u64;
                prop_assert!(span <= limit, "{span} of {limit}");
            }
            Ok(())
        })
        .unwrap();
}
