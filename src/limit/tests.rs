use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{
    Ask, EndpointRates, KeyLimits, Limiter, Move, QuotaAsk, RateAsk, Refusal, Run,
    buckets::{Buckets, Draw},
    plan::window,
    smoothing::Allowances,
};
use crate::{
    cluster::Members,
    config::Config,
    session::{EndpointLimits, SessionState, Smoothing},
    store::{MemoryStore, Store},
};

const SECOND: Duration = Duration::from_secs(1);

fn draw(rate: f64, per: u64) -> Draw {
    Draw { rate, per: Duration::from_secs(per), gateways: 1, dry: false }
}

#[test]
fn a_bucket_is_a_window_that_begins_with_the_first_request() {
    let (buckets, start) = (Buckets::default(), Instant::now());
    let id = buckets.id("k");
    let at = |seconds: u64| buckets.draw(id, &draw(2.0, 10), start + SECOND * seconds as u32);
    assert_eq!((at(0).passed, at(9).remaining, at(9).passed), (true, 0, false));
    assert_eq!(at(9).wait, SECOND, "what does not pass does not move the window");
    // All at once, so that twice the rate may pass around the boundary.
    assert!(at(10).passed && at(10).passed && !at(10).passed);
}

#[test]
fn every_gateway_grants_its_share_and_at_least_one_request() {
    let (buckets, now) = (Buckets::default(), Instant::now());
    let passes = |name: &str, rate, gateways| {
        let id = buckets.id(name);
        (0..100).filter(|_| buckets.draw(id, &Draw { gateways, ..draw(rate, 60) }, now).passed).count()
    };
    assert_eq!(passes("alone", 30.0, 1), 30);
    assert_eq!(passes("of three", 30.0, 3), 10);
    assert_eq!(passes("of many", 30.0, 1000), 1);
    assert_eq!(passes("a fraction", 0.5, 1), 1);
    assert_eq!(passes("and a half", 2.5, 1), 2);
}

#[test]
fn looking_takes_nothing() {
    let (buckets, now) = (Buckets::default(), Instant::now());
    let id = buckets.id("k");
    let look = Draw { dry: true, ..draw(1.0, 60) };
    assert!(buckets.draw(id, &look, now).passed && buckets.draw(id, &look, now).passed);
    assert!(buckets.draw(id, &draw(1.0, 60), now).passed);
    assert!(!buckets.draw(id, &look, now).passed);
}

#[test]
fn a_lower_rate_counts_at_once() {
    let (buckets, now) = (Buckets::default(), Instant::now());
    let id = buckets.id("k");
    assert_eq!(buckets.draw(id, &draw(100.0, 60), now).remaining, 99);
    assert_eq!(buckets.draw(id, &draw(5.0, 60), now).remaining, 4);
}

#[test]
fn idle_buckets_are_forgotten() {
    let (buckets, start) = (Buckets::default(), Instant::now());
    for key in 0..10_000 {
        buckets.draw(buckets.id(("", key)), &draw(5.0, 1), start);
    }
    assert_eq!(buckets.len(), 10_000);
    for key in 10_000..12_000 {
        buckets.draw(buckets.id(("", key)), &draw(5.0, 1), start + SECOND * 601);
    }
    assert_eq!(buckets.len(), 2000);
}

proptest! {
    /// Within its documented tolerance: never more than the rate in one window, never more than twice in any period.
    #[test]
    fn a_bucket_never_grants_more_than_twice_its_rate_in_a_period(
        rate in 1u32..20,
        per in 1u64..10,
        pauses in prop::collection::vec(0u64..2000, 1..300),
    ) {
        let (buckets, mut now) = (Buckets::default(), Instant::now());
        let id = buckets.id("k");
        let mut passed = Vec::new();
        for pause in pauses {
            now += Duration::from_millis(pause);
            if buckets.draw(id, &draw(f64::from(rate), per), now).passed {
                passed.push(now);
            }
        }
        for end in &passed {
            let span = passed.iter().filter(|at| *at <= end && **at + Duration::from_secs(per) > *end).count();
            prop_assert!(span <= 2 * rate as usize, "{span} of {rate}");
        }
    }
}

fn smoothing() -> Smoothing {
    Smoothing { enabled: true, threshold: 5, trigger: 0.5, step: 5, delay: 10, ..Smoothing::default() }
}

#[test]
fn an_allowance_follows_the_traffic_step_by_step() {
    let (allowances, start) = (Allowances::default(), Instant::now());
    let at = |seconds: u64, count| {
        allowances.allow("k", &smoothing(), (count, 12), start + SECOND * seconds as u32)
    };
    assert_eq!(at(0, 0), (5, None));
    assert_eq!(at(9, 5), (5, None), "it rests for the delay");
    assert_eq!(at(10, 2), (5, None), "not enough traffic");
    assert_eq!(at(11, 3), (10, Some(Move::Up)), "half a step below what is allowed");
    assert_eq!(at(12, 11), (10, None), "it rests again");
    assert_eq!(at(21, 9), (12, Some(Move::Up)), "up to the rate and no further");
    assert_eq!(at(31, 12), (12, None));
    assert_eq!(at(41, 4), (7, Some(Move::Down)));
    assert_eq!(at(51, 0), (7, None), "a step less and half a step are more than it has");
}

fn state(json: serde_json::Value) -> SessionState {
    serde_json::from_value(json).unwrap()
}

#[test]
fn limits_of_an_api_replace_all_of_the_keys_own() {
    let state = state(serde_json::json!({
        "rate": 10, "per": 1, "quota_max": 100, "throttle_retry_limit": 3,
        "access_rights": {
            "own": { "limit": { "rate": 2, "per": 5 }, "allowance_scope": "own" },
            "none": { "limit": { "smoothing": { "enabled": true } } },
        },
    }));
    let own = KeyLimits::of(&state, "own").unwrap();
    assert_eq!((own.rate, own.per, own.quota_max, own.throttle_retry_limit), (2.0, 5.0, 0, 0));
    assert_eq!((own.scope, own.of_api), ("own", true));
    let none = KeyLimits::of(&state, "none").unwrap();
    assert_eq!((none.rate, none.quota_max, none.scope, none.of_api), (10.0, 100, "", false));
    assert!(KeyLimits::of(&state, "other").is_none());
    assert!(KeyLimits::of(&SessionState::default(), "any").is_some(), "no rights at all are all rights");
}

#[test]
fn the_first_endpoint_that_has_the_method_and_fits_counts() {
    let endpoints: Vec<EndpointLimits> = serde_json::from_value(serde_json::json!([
        { "path": "(", "methods": [{ "name": "GET", "limit": { "rate": 1 } }] },
        { "path": "/api/v1/users", "methods": [{ "name": "GET", "limit": { "rate": 2 } }] },
        { "path": "/api", "methods": [{ "name": "get", "limit": { "rate": 3 } }] },
    ]))
    .unwrap();
    let rates = EndpointRates::new(|path| regex::Regex::new(path).ok());
    let found = |method, path| rates.find(&endpoints, method, path).map(|(limit, hash)| (limit.rate, hash));
    assert_eq!(found("GET", "/api/v1/users/7"), Some((2.0, "e0a415db".to_owned())));
    assert_eq!(found("GET", "/api/x").unwrap().0, 3.0);
    assert_eq!(found("POST", "/api/v1/users"), None);
    assert_eq!(found("GET", "/other"), None);
}

#[test]
fn fixed_windows_begin_where_tyks_do() {
    let now = 1_700_000_123_456_789_012;
    let second = 1_000_000_000i128;
    let minute = (1_700_000_100 * second, Duration::from_nanos(36_543_210_988));
    assert_eq!(window(now, 60), Some(minute));
    // Go counts from the first day of the year 1, a Monday.
    assert_eq!(window(now, 604_800).unwrap().0, 1_699_833_600 * second);
    assert_eq!(window(now, 0), None);
}

/// A limiter over a memory store, by this config.
fn limiter(change: impl FnOnce(&mut Config)) -> (Limiter, Arc<Members>) {
    let mut config = Config::default();
    change(&mut config);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let members = Arc::new(Members::new(&config));
    (Limiter::new(&config, store, members.clone()), members)
}

fn rate(rate: f64, per: f64) -> RateAsk<'static> {
    RateAsk { rate, per, smoothing: None, endpoint: "", generation: "" }
}

fn ask<'a>(rate: Option<RateAsk<'a>>, quota: i64) -> Ask<'a> {
    Ask { scope: "", id: "k", rate, quota: Some(QuotaAsk { limit: quota, renewal: 60 }) }
}

/// How many of so many requests pass.
async fn passing(limiter: &Limiter, ask: &Ask<'_>, requests: usize) -> usize {
    let mut passed = 0;
    for _ in 0..requests {
        passed += usize::from(limiter.check(ask, Run::Real).await.refused.is_none());
    }
    passed
}

#[tokio::test]
async fn each_algorithm_lets_the_rate_pass() {
    type Change = fn(&mut Config);
    let algorithms: [(&str, Change); 3] = [
        ("drl", |_| ()),
        ("rolling", |config| config.enable_redis_rolling_limiter = true),
        ("window", |config| config.enable_fixed_window_rate_limiter = true),
    ];
    for (name, change) in algorithms {
        let limiter = limiter(change).0;
        // A century: no window ends meanwhile.
        assert_eq!(passing(&limiter, &ask(Some(rate(3.0, 3e9)), 0), 10).await, 3, "{name}");
        assert_eq!(passing(&limiter, &ask(Some(rate(0.0, 1.0)), 0), 10).await, 10, "{name}: unlimited");
        assert_eq!(passing(&limiter, &ask(Some(rate(-1.0, 1.0)), 0), 10).await, 10, "{name}: unlimited");
    }
}

#[tokio::test]
async fn fractions_are_cut_off_in_the_store_and_not_in_buckets() {
    let half = |per| Ask { id: "half", ..ask(Some(rate(0.5, per)), 0) };
    let short = Ask { id: "short", ..ask(Some(rate(2.0, 0.5)), 0) };
    let rolling = limiter(|config| config.enable_redis_rolling_limiter = true).0;
    assert_eq!((passing(&rolling, &half(60.0), 5).await, passing(&rolling, &short, 5).await), (0, 5));
    let window = limiter(|config| config.enable_fixed_window_rate_limiter = true).0;
    assert_eq!((passing(&window, &half(60.0), 5).await, passing(&window, &short, 5).await), (0, 5));
    let buckets = limiter(|_| ()).0;
    assert_eq!(passing(&buckets, &half(60.0), 5).await, 1);
}

#[tokio::test]
async fn the_sentinel_raises_its_flag_with_the_last_request_that_passes() {
    let limiter = limiter(|config| config.enable_sentinel_rate_limiter = true).0;
    let ask = ask(Some(rate(3.0, 60.0)), 0);
    for request in 1..=5 {
        let passed = limiter.check(&ask, Run::Real).await.refused.is_none();
        assert_eq!(passed, request <= 3, "request {request}");
        // The log is kept beside the request.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_smoothed_sentinel_lets_the_threshold_pass() {
    let limiter = limiter(|config| {
        config.enable_sentinel_rate_limiter = true;
        config.enable_rate_limit_smoothing = true;
    })
    .0;
    let smoothing = smoothing();
    let smooth = RateAsk { smoothing: Some(&smoothing), ..rate(12.0, 60.0) };
    assert_eq!(passing(&limiter, &ask(Some(smooth), 0), 20).await, 5);
}

#[tokio::test]
async fn what_is_over_its_rate_costs_no_quota() {
    for rolling in [true, false] {
        let limiter = limiter(|config| config.enable_redis_rolling_limiter = rolling).0;
        let both = ask(Some(rate(2.0, 3e9)), 9);
        assert_eq!(passing(&limiter, &both, 6).await, 2);
        let left = limiter.check(&ask(None, 9), Run::Real).await.quota.unwrap();
        assert_eq!((left.limit, left.remaining), (9, 6));
    }
}

#[tokio::test]
async fn a_used_up_quota_goes_on_counting_and_costs_rate() {
    let limiter = limiter(|config| config.enable_redis_rolling_limiter = true).0;
    let both = ask(Some(rate(3.0, 60.0)), 1);
    let refused = async || limiter.check(&both, Run::Real).await.refused;
    assert!(refused().await.is_none());
    assert!(matches!(refused().await, Some(Refusal::Quota)));
    assert!(matches!(refused().await, Some(Refusal::Quota)));
    assert!(matches!(refused().await, Some(Refusal::Rate)));
    let raised = limiter.check(&ask(None, 5), Run::Real).await.quota.unwrap();
    assert_eq!(raised.remaining, 1, "1 passed and 2 blocked were counted before");
}

#[tokio::test]
async fn low_rates_are_counted_by_the_store_once_there_are_several_gateways() {
    for (one_less, expected) in [(false, 6), (true, 5)] {
        let (limiter, members) = limiter(|config| config.drl_enable_sentinel_rate_limiter = one_less);
        members.hear(&members.message());
        members.hear(r#"{"HostName":"h","ID":"other","LoadPerSec":1,"Percentage":0,"TagHash":""}"#);
        assert_eq!(members.count(), 2);
        // 0.1 a second is not above 2 gateways times 5.
        assert_eq!(passing(&limiter, &ask(Some(rate(6.0, 60.0)), 0), 20).await, expected);
        // 20 a second is: this gateway's share is half of it.
        let fast = Ask { id: "fast", ..ask(Some(rate(20.0, 1.0)), 0) };
        assert_eq!(passing(&limiter, &fast, 20).await, 10);
    }
}

#[tokio::test]
async fn another_generation_is_another_bucket() {
    let limiter = limiter(|_| ()).0;
    let of = |generation| ask(Some(RateAsk { generation, ..rate(1.0, 60.0) }), 0);
    assert_eq!(passing(&limiter, &of("1"), 3).await, 1);
    assert_eq!(passing(&limiter, &of("2"), 3).await, 1);
    assert_eq!(passing(&limiter, &of("1"), 3).await, 0);
}

#[tokio::test]
async fn a_smoothed_rate_begins_at_its_threshold() {
    let limiter = limiter(|config| {
        config.enable_redis_rolling_limiter = true;
        config.enable_rate_limit_smoothing = true;
    })
    .0;
    let smoothing = smoothing();
    let smooth = RateAsk { smoothing: Some(&smoothing), ..rate(12.0, 60.0) };
    assert_eq!(passing(&limiter, &ask(Some(smooth), 100), 20).await, 5);
    assert_eq!(limiter.check(&ask(None, 100), Run::Real).await.quota.unwrap().remaining, 94);
}
