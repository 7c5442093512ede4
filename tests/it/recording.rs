//! Analytics of a whole gateway: which requests leave a record, and that records never cost a request anything.

use std::{
    fs,
    time::{Duration, Instant},
};

use pinhook::{
    config::{Config, SinkKind},
    store::keys::analytics_list,
};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    analytics::{hex, pump_decode},
    support::{
        client::Connection,
        definition::{Definition, api},
        free_port,
        gateway::Gateway,
        plugins::build,
        program::Program,
        redis::Redis,
        until,
        upstream::Upstream,
    },
};

const DROPPED: [&str; 2] = [
    r#"pinhook_analytics_records_dropped_total{reason="queue_full"}"#,
    r#"pinhook_analytics_records_dropped_total{reason="sink"}"#,
];

fn to_redis(redis: &Redis) -> impl FnOnce(&mut Config) {
    let storage = redis.storage();
    |config| {
        config.storage = storage;
        config.enable_analytics = true;
        config.pinhook.analytics.sink = SinkKind::Redis;
    }
}

/// All records so far, as Tyk Pump decodes them.
fn records(redis: &Redis) -> Vec<Value> {
    let written: Vec<Vec<u8>> = redis.ask(&["LRANGE", &analytics_list(None, false), "0", "-1"]);
    pump_decode(&written.iter().map(|record| hex(record)).collect::<Vec<_>>())
}

fn dropped(gateway: &Gateway) -> f64 {
    DROPPED.iter().filter_map(|series| gateway.metric(series)).sum()
}

fn written(gateway: &Gateway) -> f64 {
    gateway.metric("pinhook_analytics_records_written_total").unwrap()
}

/// APIs that end requests in every way, by the id that says which.
fn apis(upstream: &Upstream) -> Vec<Definition> {
    let blocked = json!([{ "path": "/x", "method_actions": { "GET": { "action": "no_action" } } }]);
    vec![
        api("proxied").target(upstream),
        api("refused").target(upstream).endpoints("black_list", blocked),
        api("failed").target_url(format!("http://127.0.0.1:{}", free_port())),
        api("answered")
            .target(upstream)
            .hook("pre", &build("maintenance"), "Maintenance")
            .set("config_data", json!({ "maintenance": { "on": true } })),
        api("broken").target(upstream).hook("pre", std::path::Path::new("/nowhere.so"), "X"),
        api("untracked").target(upstream).set("do_not_track", true),
        api("partly")
            .target(upstream)
            .endpoints("do_not_track_endpoints", json!([{ "path": "/quiet", "method": "GET" }])),
    ]
}

#[tokio::test]
async fn every_request_that_reaches_an_api_leaves_one_record() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let mut builder = Gateway::build().config(to_redis(&redis));
    for definition in apis(&upstream) {
        builder = builder.api(definition);
    }
    let gateway = builder.start().await;
    let expected = [
        ("proxied", "/proxied/x?a=b", 200),
        ("refused", "/refused/x", 403),
        ("failed", "/failed/x", 500),
        ("answered", "/answered/x", 503),
        ("broken", "/broken/x", 500),
        ("partly", "/partly/loud", 200),
    ];
    for (_, target, status) in expected {
        let response = gateway.get(target).header("User-Agent", "test/1").send().await;
        assert_eq!(response.status, status, "{target}");
    }
    for (target, status) in
        [("/untracked/x", 200), ("/partly/quiet", 200), ("/none", 404), ("/hello", 200), ("/tyk/apis", 403)]
    {
        assert_eq!(gateway.get(target).send().await.status, status, "{target}");
    }
    gateway.stop().await;

    let records = records(&redis);
    assert_eq!(records.len(), expected.len(), "{records:#?}");
    for ((id, target, status), record) in expected.iter().zip(&records) {
        let path = target.split('?').next().unwrap();
        assert_eq!(record["APIID"], *id);
        assert_eq!(record["ResponseCode"], *status, "{id}");
        assert_eq!(record["OriginalPath"], path, "{id}");
        assert_eq!(record["ListenPath"], format!("/{id}/"));
        assert_eq!((&record["Method"], &record["UserAgent"]), (&json!("GET"), &json!("test/1")), "{id}");
        assert_eq!((&record["OrgID"], &record["IPAddress"]), (&json!("org"), &json!("127.0.0.1")), "{id}");
    }
    assert_eq!(written(&gateway), expected.len() as f64);
}

#[tokio::test]
async fn without_enable_analytics_nothing_is_recorded() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let builder = Gateway::build().api(api("a").target(&upstream)).config(to_redis(&redis));
    let gateway = builder.config(|config| config.enable_analytics = false).start().await;
    assert_eq!(gateway.get("/a/x").send().await.status, 200);
    gateway.stop().await;
    assert_eq!(redis.ask::<i64>(&["DBSIZE"]), 0);
}

/// The slowest of a hundred requests, on kept connections, `clients` at a time.
async fn times(gateway: &Gateway, clients: usize, requests: usize) -> Vec<Duration> {
    let mut running = Vec::new();
    for _ in 0..clients {
        let mut connection = Connection::open(gateway.address()).await;
        running.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for _ in 0..requests {
                let start = Instant::now();
                connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
                assert_eq!(connection.response().await.status, 200);
                times.push(start.elapsed());
            }
            times
        }));
    }
    let mut times = Vec::new();
    for client in running {
        times.extend(client.await.unwrap());
    }
    times.sort();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_or_absent_redis_slows_no_request_and_drops_are_counted() {
    let upstream = Upstream::named("up").await;
    let mut redis = Redis::start();
    for absent in [false, true] {
        let builder = Gateway::build().api(api("a").target(&upstream)).config(to_redis(&redis));
        let gateway = builder.start().await;
        let at_ease = times(&gateway, 8, 25).await;
        until("all are written", async || written(&gateway) == 200.0).await;

        if absent {
            redis.kill()
        } else {
            redis.freeze()
        }
        let times = times(&gateway, 8, 250).await;

        let (usual, p99) = (at_ease[at_ease.len() * 99 / 100], times[times.len() * 99 / 100]);
        // The machine may be busy: what counts is that no time-out of Redis (1 s) shows.
        assert!(p99 < usual * 3 + Duration::from_millis(100), "{p99:?}, usually {usual:?}");
        assert!(times.last().unwrap() < &Duration::from_millis(900), "{:?}", times.last());
        until("what was lost is counted", async || dropped(&gateway) > 0.0).await;
        if !absent {
            redis.thaw();
        }
        gateway.stop().await;
        assert_eq!(dropped(&gateway) + written(&gateway), 2_200.0, "every record is written or counted");
    }
}

#[tokio::test]
async fn the_file_sink_writes_lines_of_json() {
    let upstream = Upstream::named("up").await;
    let builder = Gateway::build();
    let file = builder.folder().join("records.jsonl");
    let path = file.display().to_string();
    let builder = builder.api(api("a").target(&upstream)).config(|config| {
        config.enable_analytics = true;
        config.pinhook.analytics.sink = SinkKind::File;
        config.pinhook.analytics.path = path;
    });
    let gateway = builder.start().await;
    for number in 0..3 {
        gateway.get(&format!("/a/{number}")).send().await;
    }
    gateway.stop().await;

    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|line| (line["api_id"].as_str(), line["path"].as_str())).collect();
    assert_eq!(told, [(Some("a"), Some("/0")), (Some("a"), Some("/1")), (Some("a"), Some("/2"))]);
    assert_eq!(lines[0]["response_code"], 200);
}

#[tokio::test]
async fn nothing_is_lost_at_sigterm() {
    let (redis, upstream) = (Redis::start(), Upstream::named("up").await);
    let storage = redis.storage();
    let mut program = Program::build()
        .api(api("a").target(&upstream))
        .set("storage", json!({ "type": "redis", "host": storage.host, "port": storage.port }))
        .set("enable_analytics", true)
        .start()
        .await;
    let mut connection = program.connect().await;
    for _ in 0..500 {
        connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(connection.response().await.status, 200);
    }
    program.signal(Signal::TERM);
    assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
    assert_eq!(redis.ask::<i64>(&["LLEN", &analytics_list(None, false)]), 500);
}
