use std::{
    fs,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderValue, Method};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{finish::Finish, *};
use crate::{
    config::{Config, NormaliseUrls, SinkKind},
    error::Error,
    metrics::DropReason,
    session::KeyState,
    store::keys::analytics_list,
};

mod faulty;

use faulty::Faulty;

fn observed() -> Observed {
    let api = RecordedApi {
        name: "An API #shop".to_owned(),
        id: "api1".to_owned(),
        org_id: "org1".to_owned(),
        listen_path: "/shop/".to_owned(),
        tags: vec!["api-tag".to_owned()],
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
        original_path: "/shop/get".to_owned(),
        content_length: 0,
        user_agent: Some(HeaderValue::from_static("golden/1.0")),
        status: 200,
        caller: None,
        version: None,
        total: Duration::from_micros(6_900),
        upstream: Duration::from_micros(5_950),
        client: Some([127, 0, 0, 1].into()),
        tags: vec!["pol-p".to_owned()],
        cached: false,
        detail: None,
    }
}

/// The key `hello` with this state.
fn caller(state: Value) -> KeyState {
    let state = Arc::new(serde_json::from_value(state).unwrap());
    KeyState { id: "hello".into(), hash: "ef13efcd".into(), state, stored: true, modified: false }
}

fn settings() -> Settings {
    let mut config = Config::default();
    config.pinhook.analytics.sink = SinkKind::Redis;
    config.analytics_config.storage_expiration_time = 60;
    Settings { patience: Duration::from_millis(300), ..Settings::new(&config) }
}

fn finished<T>(settings: &Settings, observed: &Observed, look: impl FnOnce(Record<'_>) -> T) -> T {
    look(Finish::new(settings).record(observed).unwrap())
}

#[test]
fn a_record_is_finished_by_tyks_rules() {
    let seen = observed();
    finished(&settings(), &seen, |record| {
        assert_eq!((record.path.as_ref(), record.raw_path.as_ref()), ("/up/get", "/up/get"));
        assert_eq!(record.latency, Latency { total: 6, upstream: 5, gateway: 1 });
        assert_eq!(record.request_time, 6);
        assert_eq!(record.api_version, "Non Versioned");
        assert_eq!(record.expire_at, Moment { seconds: 4_948_954_778, nanos: 835_652_914 });
        assert_eq!(record.tags, ["pol-p", "api-tag", "org-org1", "api-api1"]);
        assert_eq!((record.year, record.month), (2026, 11));
        assert_eq!(record.api_key, "");
        assert_eq!(record.raw_request, "");
    });
}

#[test]
fn keys_are_hashed_even_when_empty_and_tagged() {
    let hashing = Settings { hash_keys: true, node_tags: vec!["eu".to_owned()], ..settings() };
    finished(&hashing, &observed(), |record| {
        assert_eq!(record.api_key, "00000000");
        assert_eq!(record.tags, ["pol-p", "api-tag", "eu", "key-00000000", "org-org1", "api-api1"]);
    });
    let seen = Observed { caller: Some(caller(json!({}))), ..observed() };
    finished(&hashing, &seen, |record| assert_eq!(record.api_key, "ef13efcd"));
    finished(&settings(), &seen, |record| {
        assert_eq!(record.api_key, "hello");
        assert!(record.tags.contains(&"key-hello".into()));
    });
}

#[test]
fn a_key_leaves_its_alias_its_client_and_its_tags() {
    let state = json!({ "alias": "ann", "oauth_client_id": "client", "tags": ["t1", "t2"],
        "apply_policies": ["p1", "p2"], "apply_policy_id": "old", "meta_data": { "tyk_developer_id": "d" } });
    let seen = Observed { caller: Some(caller(state)), tags: vec!["x-a-1".to_owned()], ..observed() };
    finished(&settings(), &seen, |record| {
        assert_eq!((&*record.alias, &*record.oauth_id), ("ann", "client"));
        let expected = [
            "pol-p1",
            "pol-p2",
            "dev-d",
            "t1",
            "t2",
            "x-a-1",
            "api-tag",
            "key-hello",
            "org-org1",
            "api-api1",
        ];
        assert_eq!(record.tags, expected);
    });
    let older = json!({ "apply_policy_id": "old", "meta_data": { "tyk_developer_id": 7 } });
    let seen = Observed { caller: Some(caller(older)), tags: Vec::new(), ..observed() };
    finished(&settings(), &seen, |record| assert_eq!(record.tags[..2], ["pol-old", "api-tag"]));
}

#[test]
fn paths_get_a_slash_a_template_or_placeholders() {
    let seen = Observed { path: String::new(), original_path: "x".to_owned(), ..observed() };
    finished(&settings(), &seen, |record| {
        assert_eq!((record.path.as_ref(), record.raw_path.as_ref()), ("/", "/"));
        assert_eq!(record.original_path, "/x");
        assert!(!record.track_path);
    });
    let seen = Observed { tracked: Some("/items/{id}".into()), path: "/items/7".to_owned(), ..observed() };
    finished(&settings(), &seen, |record| {
        assert_eq!((record.path.as_ref(), record.raw_path.as_ref()), ("/items/{id}", "/items/7"));
        assert!(record.track_path);
    });
    let numbers = NormaliseUrls { normalise_numbers: true, ..NormaliseUrls::default() };
    let folding = Settings { normalise: Some(numbers), ..settings() };
    finished(&folding, &Observed { path: "/items/7".to_owned(), ..observed() }, |record| {
        assert_eq!((record.path.as_ref(), record.raw_path.as_ref()), ("/items/{id}", "/items/7"));
    });
}

#[test]
fn an_ignored_address_leaves_no_record_and_v4_is_printed_as_v4() {
    let mut finish = Finish::new(&Settings { ignored_ips: vec!["10.0.0.1".to_owned()], ..settings() });
    let ignored = Observed { client: Some("::ffff:10.0.0.1".parse().unwrap()), ..observed() };
    assert_eq!(finish.record(&ignored), None);
    let nobody = Observed { client: None, ..observed() };
    assert_eq!(finish.record(&nobody).unwrap().ip_address, "");
}

#[test]
fn images_are_base64_and_a_strange_user_agent_stays_text() {
    let user_agent = Some(HeaderValue::from_bytes(b"a\xffb").unwrap());
    let request = detail::RequestHead {
        method: Method::GET,
        uri: "/".to_owned(),
        host: "h".to_owned(),
        version: http::Version::HTTP_11,
        headers: [(http::header::USER_AGENT, HeaderValue::from_static(""))].into_iter().collect(),
        proxied: true,
    };
    let detail = Some(Box::new(Detail { request: Some(request), ..Detail::new(0) }));
    let seen = Observed { detail, user_agent, ..observed() };
    finished(&settings(), &seen, |record| {
        assert_eq!(record.raw_request, "R0VUIC8gSFRUUC8xLjENCkhvc3Q6IGgNCg0K");
        assert_eq!(record.raw_response, "");
        assert_eq!(record.user_agent, "a\u{fffd}b");
    });
}

struct Running {
    store: Arc<Faulty>,
    metrics: Arc<Metrics>,
    records: Arc<dyn RecordSink>,
    flusher: Flusher,
    worker: Option<Worker>,
}

fn opened(settings: &Settings) -> Running {
    let (store, metrics) = (Arc::new(Faulty::default()), Metrics::new(true).unwrap());
    let Analytics { records, worker, flusher } =
        open(settings, Some(store.clone()), &metrics).unwrap().unwrap();
    Running { store, metrics, records, flusher, worker: Some(worker) }
}

impl Running {
    fn start(mut self) -> Self {
        tokio::spawn(self.worker.take().unwrap().run());
        self
    }
    fn dropped(&self, reason: DropReason) -> u64 {
        self.metrics.analytics().dropped_by(reason).get()
    }
    fn queued(&self) -> i64 {
        self.metrics.analytics().queue_length.get()
    }
    async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            assert!(start.elapsed() < Duration::from_secs(10), "never: {what}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_record_is_written_without_a_flush() {
    let running = opened(&settings()).start();
    running.records.record(observed());
    running.until("written", |running| running.metrics.analytics().written.get() == 1).await;
    let list = running.store.inner.take(&analytics_list(None, false));
    let mut expected = Vec::new();
    finished(&settings(), &observed(), |record| msgpack::encode(&record, &mut expected));
    assert_eq!(list, [expected]);
    running.until("queue empty", |running| running.queued() == 0).await;
}

#[tokio::test]
async fn a_full_queue_drops_and_counts() {
    let running = opened(&Settings { room: 1_000, ..settings() });
    for _ in 0..1_003 {
        running.records.record(observed());
    }
    assert_eq!(running.dropped(DropReason::QueueFull), 3);
    assert_eq!(running.queued(), 1_000);
    let running = running.start();
    assert!(running.flusher.flush(Duration::from_secs(5)).await);
    assert_eq!(running.store.inner.take(&analytics_list(None, false)).len(), 1_000);
}

#[tokio::test]
async fn a_stalled_store_slows_no_request_and_recording_comes_back() {
    let running = opened(&Settings { room: 1_000, ..settings() }).start();
    running.store.stalled.store(true, SeqCst);
    let start = Instant::now();
    for _ in 0..20_000 {
        running.records.record(observed());
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(running.dropped(DropReason::QueueFull) >= 18_000);
    running.until("a batch is given up", |running| running.dropped(DropReason::Sink) > 0).await;

    running.store.stalled.store(false, SeqCst);
    running.until("queue empty", |running| running.queued() == 0).await;
    let _ = running.store.inner.take(&analytics_list(None, false));
    running.records.record(observed());
    assert!(running.flusher.flush(Duration::from_secs(5)).await);
    assert_eq!(running.store.inner.take(&analytics_list(None, false)).len(), 1);
}

#[tokio::test]
async fn a_store_that_is_down_for_a_moment_costs_nothing() {
    let running = opened(&Settings { patience: Duration::from_secs(5), ..settings() }).start();
    running.store.refusing.store(true, SeqCst);
    running.records.record(observed());
    sleep(Duration::from_millis(400)).await;
    running.store.refusing.store(false, SeqCst);
    running.until("written", |running| running.metrics.analytics().written.get() == 1).await;
    assert_eq!(running.dropped(DropReason::Sink), 0);
}

#[tokio::test]
async fn a_flush_writes_all_and_gives_up_in_time() {
    let running = opened(&Settings { patience: Duration::from_secs(60), ..settings() }).start();
    for _ in 0..2_345 {
        running.records.record(observed());
    }
    let start = Instant::now();
    assert!(running.flusher.flush(Duration::from_secs(5)).await);
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(running.store.inner.take(&analytics_list(None, false)).len(), 2_345);

    running.store.stalled.store(true, SeqCst);
    running.records.record(observed());
    assert!(!running.flusher.flush(Duration::from_millis(300)).await);
}

#[tokio::test]
async fn a_list_gets_its_expiry_once_and_again_after_the_pump_took_it() {
    let running = opened(&settings()).start();
    let list = analytics_list(None, false);
    for _ in 0..2 {
        running.records.record(observed());
        let start = Instant::now();
        while running.store.inner.ttl(&list).await.unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_secs(5), "no expiry");
            sleep(Duration::from_millis(20)).await;
        }
        assert!(running.store.inner.ttl(&list).await.unwrap().unwrap() <= Duration::from_secs(60));
        assert_eq!(running.store.inner.take(&list).len(), 1);
    }
}

#[tokio::test]
async fn batches_go_round_the_ten_lists() {
    let running = opened(&Settings { multiple_lists: true, ..settings() }).start();
    for _ in 0..10 {
        running.records.record(observed());
        assert!(running.flusher.flush(Duration::from_secs(5)).await);
    }
    for shard in 0..10 {
        assert_eq!(running.store.inner.take(&analytics_list(Some(shard), false)).len(), 1, "{shard}");
    }
}

#[tokio::test]
async fn the_file_sink_appends_lines_and_survives_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.jsonl");
    let to_file = Settings { sink: SinkKind::File, file: file.clone(), ..settings() };
    let running = opened(&to_file).start();
    running.records.record(observed());
    running.records.record(Observed { status: 403, ..observed() });
    assert!(running.flusher.flush(Duration::from_secs(5)).await);
    let rotated = folder.path().join("records.1");
    fs::rename(&file, &rotated).unwrap();
    running.records.record(Observed { status: 500, ..observed() });
    assert!(running.flusher.flush(Duration::from_secs(5)).await);
    let codes = |path| -> Vec<i64> {
        let lines = fs::read_to_string(path).unwrap();
        let code = |line| serde_json::from_str::<Value>(line).unwrap()["response_code"].as_i64().unwrap();
        lines.lines().map(code).collect()
    };
    assert_eq!((codes(rotated), codes(file)), (vec![200, 403], vec![500]));
}

#[test]
fn sinks_are_opened_by_kind() {
    let metrics = Metrics::new(true).unwrap();
    let to = |sink| Settings { sink, ..settings() };
    assert!(open(&to(SinkKind::None), None, &metrics).unwrap().is_none());
    assert!(open(&to(SinkKind::Stdout), None, &metrics).unwrap().is_some());
    for (sink, expected) in [(SinkKind::File, "path of a file"), (SinkKind::Redis, "storage.type redis")] {
        let Err(Error::Input(problem)) = open(&to(sink), None, &metrics) else { panic!("{sink:?}") };
        assert!(problem.hint.unwrap().contains(expected), "{sink:?}");
    }
}

#[test]
fn what_analytics_cannot_do_is_named() {
    let mut config = Config { enable_analytics: true, enforce_org_data_age: true, ..Config::default() };
    config.analytics_config.kind = "rpc".to_owned();
    config.analytics_config.enable_geo_ip = true;
    config.analytics_config.serializer_type = "xml".to_owned();
    config.analytics_config.normalise_urls.enabled = true;
    config.analytics_config.normalise_urls.custom_patterns = vec!["ok".to_owned(), "(".to_owned()];
    let paths =
        |config: &Config| problems(config, "tyk.conf").into_iter().map(|p| p.path).collect::<Vec<_>>();
    assert_eq!(
        paths(&config),
        [
            "analytics_config.type",
            "analytics_config.enable_geo_ip",
            "enforce_org_data_age",
            "analytics_config.serializer_type",
            "analytics_config.normalise_urls.custom_patterns[1]",
        ]
    );
    config.enable_analytics = false;
    assert_eq!(paths(&config), [""; 0]);
}

#[test]
fn what_a_request_hands_over_stays_small() {
    assert!(size_of::<Observed>() <= 416, "{}", size_of::<Observed>());
}

#[test]
fn the_worker_may_be_kept_by_a_service_of_the_server() {
    fn shared<T: Send + Sync>() {}
    shared::<Worker>();
    shared::<Flusher>();
}

#[test]
fn a_time_is_printed_in_whole_seconds_with_its_zone() {
    let printed = rfc3339(SystemTime::UNIX_EPOCH + Duration::new(1_795_354_778, 835_652_914));
    let read = chrono::DateTime::parse_from_rfc3339(&printed).unwrap();
    assert_eq!((read.timestamp(), read.timestamp_subsec_nanos()), (1_795_354_778, 0));
}
