//! Records as Tyk Pump finds them: a real Redis, and the pump's codec (a Go program).

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderValue, Method};
use pinhook::{
    analytics::{self, Analytics, Observed, RecordedApi, Settings},
    config::{Config, SinkKind, StorageKind},
    metrics::{DropReason, Metrics},
    store::{RedisStore, keys::analytics_list},
};
use serde_json::Value;
use tokio::time::sleep;

use crate::support::redis::Redis;

fn fixtures() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures"].iter().collect()
}

/// Decodes records with the codec and field names of Tyk Pump.
pub(crate) fn pump_decode(records: &[String]) -> Vec<Value> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pump_decode");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(fixtures().join("pump_decode"))
            .status()
            .expect("go is installed");
        assert!(built.success(), "pump_decode builds");
        program
    });
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all((records.join("\n") + "\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the pump's codec refused a record");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn golden(name: &str) -> String {
    let file = fixtures().join("analytics").join(name).with_extension("hex");
    fs::read_to_string(file).unwrap().trim().to_owned()
}

/// What the request of the golden record `keyless-success` leaves behind.
fn keyless_success() -> Observed {
    let api = RecordedApi {
        name: "Golden keyless".to_owned(),
        id: "keyless".to_owned(),
        org_id: "org-golden".to_owned(),
        listen_path: "/keyless/".to_owned(),
        tags: Vec::new(),
        expire_after: None,
        hook: None,
        lacks_hook: false,
    };
    Observed {
        api: Arc::new(api),
        at: SystemTime::UNIX_EPOCH + Duration::new(1_795_354_778, 835_652_914),
        method: Method::GET,
        host: "127.0.0.1:7120".into(),
        path: "/up/get".to_owned(),
        tracked: None,
        original_path: "/keyless/get".to_owned(),
        content_length: 0,
        user_agent: Some(HeaderValue::from_static("golden/1.0")),
        status: 200,
        caller: None,
        version: None,
        total: Duration::from_millis(6),
        upstream: Duration::from_millis(5),
        client: Some([127, 0, 0, 1].into()),
        tags: Vec::new(),
        cached: false,
        detail: None,
    }
}

struct Gateway {
    metrics: Arc<Metrics>,
    analytics: Analytics,
}

fn config(redis: &Redis) -> Config {
    let mut config = Config { storage: redis.storage(), ..Config::default() };
    config.pinhook.analytics.sink = SinkKind::Redis;
    config.analytics_config.storage_expiration_time = 60;
    assert_eq!(config.storage.kind, StorageKind::Redis);
    config
}

fn open(config: &Config) -> Gateway {
    let metrics = Metrics::new(true).unwrap();
    let store = Arc::new(RedisStore::new(analytics::storage(config)).unwrap());
    let analytics = analytics::open(&Settings::new(config), Some(store), &metrics).unwrap().unwrap();
    Gateway { metrics, analytics }
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(15), "never: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_pump_reads_our_record_as_it_reads_tyks() {
    let redis = Redis::start();
    let Gateway { analytics: Analytics { records, worker, flusher }, .. } = open(&config(&redis));
    tokio::spawn(worker.run());
    records.record(keyless_success());
    assert!(flusher.flush(Duration::from_secs(5)).await);

    let list = analytics_list(None, false);
    let written: Vec<Vec<u8>> = redis.ask(&["LRANGE", &list, "0", "-1"]);
    assert_eq!(written.len(), 1);
    let decoded = pump_decode(&[hex(&written[0]), golden("keyless-success")]);
    let [ours, tyks] = decoded.as_slice() else { panic!("{decoded:?}") };
    let (ours, tyks) = (ours.as_object().unwrap(), tyks.as_object().unwrap());
    assert_eq!(ours.len(), 35);
    for (field, tyks) in tyks {
        match field.as_str() {
            // Tyk takes the time once more for it, and the local zone is the machine's.
            "ExpireAt" => assert_eq!(ours[field], "2126-10-29T13:39:38.835652914Z"),
            "Day" | "Hour" => {}
            _ => assert_eq!(&ours[field], tyks, "{field}"),
        }
    }
}

#[test]
fn the_pumps_codec_reads_every_golden_record_as_described() {
    let mut names: Vec<String> = fs::read_dir(fixtures().join("analytics"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let decoded = pump_decode(&names.iter().map(|name| golden(name)).collect::<Vec<_>>());
    assert_eq!(decoded.len(), 35);
    for (name, decoded) in names.iter().zip(decoded) {
        let file = fixtures().join("analytics").join(format!("{name}.json"));
        let described: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        for (field, value) in described.as_object().unwrap() {
            match field.as_str() {
                "TimeStamp" | "ExpireAt" => assert!(decoded[field].is_string(), "{name}: {field}"),
                "Geo" => assert_eq!(decoded[field]["Country"], value["Country"], "{name}: {field}"),
                _ => assert_eq!(&decoded[field], value, "{name}: {field}"),
            }
        }
    }
}

#[tokio::test]
async fn a_list_in_redis_gets_its_expiry() {
    let redis = Redis::start();
    let Gateway { analytics: Analytics { records, worker, flusher: _flusher }, .. } = open(&config(&redis));
    tokio::spawn(worker.run());
    records.record(keyless_success());
    let list = analytics_list(None, false);
    until("expiry", || redis.ask::<i64>(&["TTL", &list]) > 0).await;
    assert!(redis.ask::<i64>(&["TTL", &list]) <= 60);
}

#[tokio::test]
async fn a_frozen_redis_costs_records_and_no_time() {
    let redis = Redis::start();
    let Gateway { metrics, analytics: Analytics { records, worker, flusher } } = open(&config(&redis));
    tokio::spawn(worker.run());
    records.record(keyless_success());
    assert!(flusher.flush(Duration::from_secs(5)).await);

    redis.freeze();
    let start = Instant::now();
    for _ in 0..1_000 {
        records.record(keyless_success());
    }
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    let dropped = metrics.analytics().dropped_by(DropReason::Sink);
    until("a batch is given up", || dropped.get() > 0).await;
    redis.thaw();
    until("the queue is empty", || metrics.analytics().queue_length.get() == 0).await;

    let counted = dropped.get() + metrics.analytics().written.get();
    assert_eq!(counted, 1_001, "every record is written or counted");
    records.record(keyless_success());
    assert!(flusher.flush(Duration::from_secs(5)).await);
    assert_eq!(metrics.analytics().written.get() + dropped.get(), 1_002);
    assert!(metrics.analytics().written.get() >= 2);
}

#[tokio::test]
async fn a_redis_that_restarts_loses_nothing_that_waits() {
    let mut redis = Redis::start();
    let mut config = config(&redis);
    config.storage.timeout = 10;
    let Gateway { metrics, analytics: Analytics { records, worker, flusher } } = open(&config);
    tokio::spawn(worker.run());
    records.record(keyless_success());
    assert!(flusher.flush(Duration::from_secs(5)).await);
    redis.kill();
    for _ in 0..700 {
        records.record(keyless_success());
    }
    sleep(Duration::from_millis(500)).await;
    redis.restart();
    let list = analytics_list(None, false);
    until("700 records", || redis.ask::<i64>(&["LLEN", &list]) == 700).await;
    assert_eq!(metrics.analytics().dropped_by(DropReason::Sink).get(), 0);
}
