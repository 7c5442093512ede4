//! Rate limits and quotas of whole gateways, with a real Redis.

use std::{net::SocketAddr, time::Duration};

use pinhook::config::Config;
use serde_json::{Value, json};

use crate::support::{
    client::{Request, Response},
    definition::{Definition, api},
    gateway::{self, Gateway},
    program::Program,
    redis::Redis,
    until,
    upstream::Upstream,
};

/// A period that does not end while a test runs.
const LONG: f64 = 3e9;

fn keyed(id: &str, upstream: &Upstream) -> Definition {
    let tokens = json!({ "authToken": { "auth_header_name": "Authorization" } });
    api(id)
        .target(upstream)
        .set("use_keyless", false)
        .set("use_standard_auth", true)
        .set("auth_configs", tokens)
}

fn key(redis: &Redis, name: &str, mut state: Value) {
    state["org_id"] = "org".into();
    redis.ask::<()>(&["SET", &format!("apikey-org{name}"), &state.to_string()]);
}

fn build(redis: &Redis, change: impl FnOnce(&mut Config)) -> gateway::Builder {
    let storage = redis.storage();
    Gateway::build().config(|config| {
        config.storage = storage;
        config.hash_keys = false;
        change(config);
    })
}

async fn get(address: SocketAddr, target: &str, key: &str) -> Response {
    Request::new(address, "GET", target).header("Authorization", format!("org{key}")).send().await
}

/// How many of 64 clients' 256 requests to two gateways pass.
async fn passing(addresses: [SocketAddr; 2], key: &'static str) -> usize {
    let clients = (0..64).map(|client| {
        let address = addresses[client % 2];
        tokio::spawn(async move {
            let mut passed = 0;
            for _ in 0..4 {
                passed += usize::from(get(address, "/a/x", key).await.status == 200);
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

async fn process(redis: &Redis, upstream: &Upstream, limiter: Option<&str>) -> Program {
    let storage = redis.storage();
    let mut builder = Program::build()
        .api(keyed("a", upstream))
        .set("storage", json!({ "type": "redis", "host": storage.host, "port": storage.port }));
    if let Some(limiter) = limiter {
        builder = builder.set(limiter, true);
    }
    builder.start().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_never_let_more_pass_than_the_limit() {
    let upstream = Upstream::named("up").await;
    for limiter in ["enable_redis_rolling_limiter", "enable_fixed_window_rate_limiter"] {
        let redis = Redis::start();
        key(&redis, "rate", json!({ "rate": 100, "per": LONG }));
        key(&redis, "quota", json!({ "quota_max": 100, "quota_renewal_rate": 3600 }));
        let two = [
            process(&redis, &upstream, Some(limiter)).await,
            process(&redis, &upstream, Some(limiter)).await,
        ];
        let addresses = [two[0].address(), two[1].address()];
        assert_eq!(passing(addresses, "rate").await, 100, "{limiter}");
        assert_eq!(passing(addresses, "quota").await, 100, "quota");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_distributed_gateways_grant_their_shares() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    // 100 a second are above 2 gateways times 5: buckets of 50 each.
    key(&redis, "fast", json!({ "rate": 100, "per": 1 }));
    // 100 in a hundred years are not: the log in Redis, exactly.
    key(&redis, "slow", json!({ "rate": 100, "per": LONG }));
    let two = [process(&redis, &upstream, None).await, process(&redis, &upstream, None).await];
    let addresses = [two[0].address(), two[1].address()];
    // They have to hear of each other first.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(passing(addresses, "slow").await, 100);
    let begun = std::time::Instant::now();
    let passed = passing(addresses, "fast").await;
    let most = 100 * (1 + begun.elapsed().as_secs() as usize + 1);
    assert!((100..=most).contains(&passed), "{passed} of at most {most}");
}

/// Calls of a command since the server started.
fn calls(redis: &Redis, name: &str) -> u64 {
    let text: String = redis.ask(&["INFO", "commandstats"]);
    let prefix = format!("cmdstat_{name}:calls=");
    let calls = text.lines().find_map(|line| line.strip_prefix(&prefix)?.split(',').next()?.parse().ok());
    calls.unwrap_or(0)
}

#[tokio::test]
async fn a_cached_key_costs_one_round_trip() {
    let upstream = Upstream::named("up").await;
    for (rolling, evals, incrs) in [(false, 0, 20), (true, 20, 20)] {
        let redis = Redis::start();
        key(&redis, "k", json!({ "rate": 1000, "per": 60, "quota_max": 999, "quota_renewal_rate": 3600 }));
        let gateway = build(&redis, |config| config.enable_redis_rolling_limiter = rolling)
            .api(keyed("a", &upstream))
            .start()
            .await;
        assert_eq!(get(gateway.address(), "/a/x", "k").await.status, 200);
        let counted = || ["evalsha", "eval", "incr", "pttl", "mget"].map(|name| calls(&redis, name));
        let before = counted();
        for _ in 0..20 {
            assert_eq!(get(gateway.address(), "/a/x", "k").await.status, 200);
        }
        let spent: Vec<u64> = counted().iter().zip(before).map(|(after, before)| after - before).collect();
        // A script's own commands count as well: it looks at the quota's expiry.
        assert_eq!(spent, [evals, 0, incrs, evals, 0], "rolling: {rolling}");
    }
}

/// What a cached key gets while Redis is away.
async fn outage(state: Value, change: impl FnOnce(&mut Config)) -> (u16, String) {
    let (mut redis, upstream) = (Redis::start(), Upstream::named("up").await);
    key(&redis, "k", state);
    let gateway = build(&redis, change).api(keyed("a", &upstream)).start().await;
    assert_eq!(get(gateway.address(), "/a/x", "k").await.status, 200);
    redis.kill();
    let answer = get(gateway.address(), "/a/x", "k").await;
    if answer.status == 200 { (200, String::new()) } else { answer.error() }
}

#[tokio::test]
async fn without_redis_limits_do_what_the_table_says() {
    let rate = || json!({ "rate": 100, "per": 60 });
    let quota = || json!({ "quota_max": 100, "quota_renewal_rate": 3600 });
    assert_eq!(outage(rate(), |_| ()).await.0, 200, "buckets work");
    let (status, text) = outage(quota(), |_| ()).await;
    assert_eq!((status, text.as_str()), (403, "Quota exceeded"));
    let (status, text) = outage(rate(), |config| config.enable_redis_rolling_limiter = true).await;
    assert_eq!((status, text.as_str()), (429, "Rate Limit Exceeded"));
    assert_eq!(outage(rate(), |config| config.enable_sentinel_rate_limiter = true).await.0, 200);
    let (status, text) = outage(rate(), |config| config.enable_fixed_window_rate_limiter = true).await;
    assert_eq!((status, text.as_str()), (500, "there was a problem proxying the request"));
    assert_eq!(outage(json!({}), |config| config.enforce_org_quotas = true).await.0, 200);
}

#[tokio::test]
async fn without_redis_limits_of_an_api_do_what_the_table_says() {
    type Change = fn(&mut Config);
    let limiters: [(u16, Change); 4] = [
        (200, |_| ()),
        (429, |config| config.enable_redis_rolling_limiter = true),
        (200, |config| config.enable_sentinel_rate_limiter = true),
        (200, |config| config.enable_fixed_window_rate_limiter = true),
    ];
    for (expected, change) in limiters {
        let (mut redis, upstream) = (Redis::start(), Upstream::named("up").await);
        let limit = json!({ "rate": 100, "per": 60 });
        let definition = api("a").target(&upstream).set("global_rate_limit", limit);
        let gateway = build(&redis, change).api(definition).start().await;
        assert_eq!(gateway.get("/a/x").send().await.status, 200);
        redis.kill();
        assert_eq!(gateway.get("/a/x").send().await.status, expected);
    }
}

fn shown(answer: &Response) -> (u16, [Option<&str>; 2], Option<i64>) {
    let of = |name: &str| answer.header(&format!("X-RateLimit-{name}"));
    let reset = of("Reset").map(|reset| reset.parse().unwrap());
    (answer.status, [of("Limit"), of("Remaining")], reset)
}

fn in_seconds(seconds: i64) -> std::ops::RangeInclusive<i64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at = i64::try_from(now).unwrap() + seconds;
    at - 3..=at + 1
}

#[tokio::test]
async fn headers_tell_of_quotas_or_of_rates() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let state = json!({ "rate": 2, "per": 60, "quota_max": 9, "quota_renewal_rate": 3600 });
    key(&redis, "a", state.clone());
    key(&redis, "b", state);
    key(&redis, "free", json!({}));
    let gateway =
        build(&redis, |_| ()).api(keyed("a", &upstream)).api(api("open").target(&upstream)).start().await;
    let address = gateway.address();
    let first = get(address, "/a/x", "a").await;
    let (status, numbers, reset) = shown(&first);
    assert_eq!((status, numbers), (200, [Some("9"), Some("8")]));
    assert!(in_seconds(3600).contains(&reset.unwrap()), "{reset:?}");
    assert_eq!(shown(&get(address, "/a/x", "a").await).1, [Some("9"), Some("7")]);
    // Trap 23.
    assert_eq!(shown(&get(address, "/a/x", "a").await), (429, [None; 2], None));
    assert_eq!(shown(&gateway.get("/open/x").send().await), (200, [Some("0"); 2], Some(0)));
    assert_eq!(shown(&get(address, "/a/x", "free").await), (200, [Some("0"); 2], Some(0)));

    let gateway = build(&redis, |config| config.rate_limit_response_headers = "rate_limits".to_owned())
        .api(keyed("a", &upstream))
        .start()
        .await;
    let address = gateway.address();
    let answers =
        [get(address, "/a/x", "b").await, get(address, "/a/x", "b").await, get(address, "/a/x", "b").await];
    for (answer, (status, left)) in answers.iter().zip([(200, "1"), (200, "0"), (429, "0")]) {
        let (seen, numbers, reset) = shown(answer);
        assert_eq!((seen, numbers), (status, [Some("2"), Some(left)]));
        assert!(in_seconds(60).contains(&reset.unwrap()), "{reset:?}");
    }
    assert_eq!(shown(&get(address, "/a/x", "free").await), (200, [None; 2], None), "unlimited");
}

#[tokio::test]
async fn an_organisation_is_limited_as_a_whole() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let put = |state: Value| redis.ask::<()>(&["SET", "orgkey.org", &state.to_string()]);
    let text = |what: &str| {
        format!("This organisation {what} has been exceeded, please contact your API administrator")
    };
    put(json!({ "org_id": "org", "quota_max": 2, "quota_renewal_rate": 3600 }));
    let gateway = build(&redis, |config| config.enforce_org_quotas = true)
        .api(api("a").target(&upstream))
        .start()
        .await;
    let ask = async || gateway.get("/a/x").send().await;
    assert_eq!((ask().await.status, ask().await.status), (200, 200));
    assert_eq!(ask().await.error(), (403, text("quota")));
    assert_eq!(redis.ask::<i64>(&["GET", "quota-org"]), 3);

    put(json!({ "org_id": "org", "rate": 1, "per": 60 }));
    let gateway = build(&redis, |config| config.enforce_org_quotas = true)
        .api(api("a").target(&upstream))
        .start()
        .await;
    let ask = async || gateway.get("/a/x").send().await;
    assert_eq!(ask().await.status, 200);
    // Trap 16.
    assert_eq!(ask().await.error(), (403, text("rate limit")));

    put(json!({ "org_id": "org", "is_inactive": true }));
    let gateway = build(&redis, |config| {
        config.enforce_org_quotas = true;
        config.experimental_process_org_off_thread = true;
    })
    .api(api("a").target(&upstream))
    .start()
    .await;
    assert_eq!(gateway.get("/a/x").send().await.status, 200, "nobody waits for the first answer");
    let barred = "This organization access has been disabled or quota/rate limit is exceeded, please contact your API administrator";
    until("the organisation is barred", async || {
        let answer = gateway.get("/a/x").send().await;
        answer.status == 403 && answer.error().1 == barred
    })
    .await;
}
