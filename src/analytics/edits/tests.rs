use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use http::Method;
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::{sync::Semaphore, time::sleep};

use super::*;
use crate::{
    analytics::{self, Flusher, RecordSink, RecordedApi, Settings},
    config::{Config, SinkKind},
    error::HookError,
    hook::{Needs, Value},
    metrics::{DropReason, HookLabels, Metrics},
    session::{KeyState, SessionState},
};

/// A hook that writes `edited` into the alias and the key, and adds a tag.
struct Editor {
    /// A call waits for a permit; one that gets none in 200 ms times out.
    permits: Semaphore,
    fails: bool,
    seen: std::sync::Mutex<BTreeMap<&'static str, Value>>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Editor {
    fn new(permits: usize, fails: bool) -> Arc<Self> {
        let (seen, running, most) = (Default::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { permits: Semaphore::new(permits), fails, seen, running, most })
    }
}

#[async_trait]
impl Hook for Editor {
    fn may_be_abandoned(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    async fn dispatch(&self, kind: HookKind, mut object: Box<Object>) -> Result<Box<Object>, Failure> {
        assert_eq!(kind, HookKind::Analytics);
        let name = || "Editor".to_owned();
        self.most.fetch_max(self.running.fetch_add(1, SeqCst) + 1, SeqCst);
        let limit = Duration::from_millis(200);
        let permit = tokio::time::timeout(limit, self.permits.acquire()).await;
        self.running.fetch_sub(1, SeqCst);
        let Ok(permit) = permit else {
            return Err(Failure::lost(HookError::Timeout { name: name(), limit }));
        };
        permit.unwrap().forget();
        let record = object.record.as_mut().unwrap();
        *self.seen.lock().unwrap() = record.fields().map(|(name, value)| (name, value.clone())).collect();
        for field in ["alias", "api_key"] {
            *record.edit(field).unwrap() = Value::Text("edited".to_owned());
        }
        let Some(Value::Texts(tags)) = record.edit("tags") else { panic!("no tags") };
        tags.push("added".to_owned());
        if self.fails {
            return Err(Failure::new(HookError::Failed { name: name(), code: -1 }, object));
        }
        Ok(object)
    }
}

struct Running {
    folder: TempDir,
    api: Arc<RecordedApi>,
    metrics: Arc<Metrics>,
    records: Arc<dyn RecordSink>,
    flusher: Flusher,
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("records.jsonl")
}

/// Analytics with this hook on the records of the API `api1`.
fn start(hook: Arc<Editor>, change: impl FnOnce(&mut Settings)) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(&Config::default());
    settings.sink = SinkKind::File;
    settings.file = file(&folder);
    change(&mut settings);
    let metrics = Metrics::new(true).unwrap();
    let opened = analytics::open(&settings, None, &metrics).unwrap().unwrap();
    tokio::spawn(opened.worker.run());
    let spec = Spec {
        api_id: "api1".into(),
        org_id: "".into(),
        api_name: "".into(),
        config_data: "{}".into(),
        ..Spec::default()
    };
    let labels = HookLabels {
        api: "api1".into(),
        hook: HookKind::Analytics.name(),
        driver: "goplugin",
        function: "Editor".into(),
    };
    let hook = RecordHook { hook, spec: Arc::new(spec), metrics: metrics.hook(labels) };
    let api = RecordedApi { id: "api1".to_owned(), hook: Some(Arc::new(hook)), ..Default::default() };
    Running { folder, api: Arc::new(api), metrics, records: opened.records, flusher: opened.flusher }
}

fn observed(api: &Arc<RecordedApi>) -> Observed {
    Observed {
        api: api.clone(),
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_354_778),
        method: Method::GET,
        host: "u:1".into(),
        path: "no/slash".to_owned(),
        tracked: None,
        original_path: String::new(),
        content_length: 0,
        user_agent: None,
        status: 200,
        caller: Some(KeyState {
            id: "clear".into(),
            hash: "hash".into(),
            state: Arc::new(SessionState { alias: "ann".to_owned(), ..SessionState::default() }),
            stored: true,
            modified: false,
        }),
        version: None,
        total: Duration::ZERO,
        upstream: Duration::ZERO,
        client: Some([192, 0, 2, 1].into()),
        tags: vec!["given".to_owned()],
        cached: false,
        detail: None,
    }
}

impl Running {
    fn record(&self, count: usize) {
        for _ in 0..count {
            self.records.record(observed(&self.api));
        }
    }

    fn written(&self) -> Vec<Json> {
        let lines = fs::read_to_string(file(&self.folder)).unwrap_or_default();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn flush(&self) -> Vec<Json> {
        assert!(self.flusher.flush(Duration::from_secs(10)).await);
        assert_eq!(self.metrics.analytics().queue_length.get(), 0);
        self.written()
    }
}

fn strings(value: &Json) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_hook_sees_a_record_before_the_last_steps_and_its_edits_count() {
    let editor = Editor::new(1, false);
    let running = start(editor.clone(), |settings| {
        settings.hash_keys = true;
        settings.node_tags = vec!["node".to_owned()];
    });
    running.record(1);
    let written = running.flush().await;
    let seen = editor.seen.lock().unwrap().clone();
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    assert_eq!(seen.get("api_key").cloned(), text("clear"));
    assert_eq!(seen.get("path").cloned(), text("no/slash"));
    assert_eq!(seen.get("tags"), Some(&Value::Texts(vec!["given".to_owned()])));

    let [record] = written.as_slice() else { panic!("{written:?}") };
    let hash = crate::session::hash::token("edited");
    assert_eq!((record["alias"].as_str(), record["api_key"].as_str()), (Some("edited"), Some(&*hash)));
    assert_eq!(record["path"], "/no/slash");
    let key = format!("key-{hash}");
    assert_eq!(strings(&record["tags"]), ["given", "added", "node", &key, "api-api1"]);
}

#[tokio::test]
async fn a_failure_leaves_the_record_as_it_was() {
    let running = start(Editor::new(1, true), |_| ());
    running.record(2);
    let written = running.flush().await;
    assert_eq!(written.len(), 2, "one failed, one timed out");
    for record in written {
        assert_eq!((record["alias"].as_str(), record["api_key"].as_str()), (Some("ann"), Some("clear")));
        assert_eq!(strings(&record["tags"]), ["given", "key-clear", "api-api1"]);
    }
}

#[tokio::test]
async fn a_hook_that_hangs_holds_up_no_other_record() {
    let running = start(Editor::new(0, false), |_| ());
    running.record(64);
    let other = Arc::new(RecordedApi { id: "other".to_owned(), ..Default::default() });
    running.records.record(observed(&other));
    let started = Instant::now();
    while !running.written().iter().any(|record| record["api_id"] == "other") {
        assert!(started.elapsed() < Duration::from_secs(10));
        sleep(Duration::from_millis(5)).await;
    }
    let hung = running.written().iter().filter(|record| record["api_id"] == "api1").count();
    assert!(hung < 64, "the other one was written while some still hung");
    assert_eq!(running.flush().await.len(), 65);
}

#[tokio::test]
async fn calls_at_once_are_few_and_what_waits_is_bounded() {
    let editor = Editor::new(0, false);
    let running = start(editor.clone(), |settings| settings.room = 100);
    for _ in 0..3 {
        running.record(100);
        sleep(Duration::from_millis(50)).await;
    }
    editor.permits.add_permits(1000);
    let written = running.flush().await.len();
    assert_eq!(editor.most.load(SeqCst), RUNNING);
    let dropped = running.metrics.analytics().dropped_by(DropReason::QueueFull).get();
    assert_eq!(written as u64 + dropped, 300);
    assert!(dropped > 0 && written >= 100, "{written} written, {dropped} dropped");
}

#[tokio::test]
async fn a_client_that_is_not_recorded_is_not_shown_either() {
    let editor = Editor::new(1, false);
    let running = start(editor.clone(), |settings| settings.ignored_ips = vec!["192.0.2.1".to_owned()]);
    running.record(1);
    assert!(running.flush().await.is_empty());
    assert!(editor.seen.lock().unwrap().is_empty());
}
