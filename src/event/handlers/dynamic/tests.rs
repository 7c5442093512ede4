use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::{Duration, SystemTime},
};

use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::*;
use crate::{
    error::HookError,
    event::{EventKind, tests::maker_with},
    hook::{Failure, Needs},
};

/// A function that waits for a permit and then does as it is told.
struct Fake {
    go_on: Semaphore,
    heard: Mutex<Vec<Value>>,
    at_once: AtomicUsize,
    fails: bool,
    breaks: bool,
}

#[async_trait]
impl Hook for Fake {
    fn may_be_abandoned(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    async fn dispatch(&self, kind: HookKind, object: Box<Object>) -> Result<Box<Object>, Failure> {
        assert_eq!(kind, HookKind::Event);
        assert_eq!(self.at_once.fetch_add(1, SeqCst), 0, "told of two events at once");
        self.go_on.acquire().await.unwrap().forget();
        self.at_once.fetch_sub(1, SeqCst);
        let event: Value = serde_json::from_str(object.event.as_deref().unwrap()).unwrap();
        self.heard.lock().unwrap().push(event);
        assert!(!self.breaks, "broken on purpose");
        if self.fails {
            return Err(Failure::new(HookError::Failed { name: "f".into(), code: -1 }, object));
        }
        Ok(object)
    }
}

fn handler(fails: bool, breaks: bool) -> (Arc<Dynamic>, Arc<Fake>, Arc<Metrics>) {
    let metrics = Metrics::new(true).unwrap();
    let (go_on, heard, at_once) = (Semaphore::new(0), Mutex::default(), AtomicUsize::new(0));
    let fake = Arc::new(Fake { go_on, heard, at_once, fails, breaks });
    let labels = HookLabels { api: "a".into(), hook: "event", driver: "fake", function: "f".into() };
    let dynamic = Dynamic {
        hook: fake.clone(),
        name: "f".into(),
        spec: Arc::default(),
        calls: metrics.hook(labels),
        metrics: metrics.clone(),
        line: Mutex::default(),
    };
    (Arc::new(dynamic), fake, metrics)
}

fn event(key: usize) -> Event {
    let mut meta = Map::new();
    meta.insert("Key".into(), key.into());
    Event { name: EventKind::AuthFailure.name().into(), meta, at: SystemTime::now() }
}

fn keys(fake: &Fake) -> Vec<u64> {
    fake.heard.lock().unwrap().iter().map(|event| event["Meta"]["Key"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn events_are_told_one_after_the_other_and_a_failure_stops_none() {
    let (handler, fake, metrics) = handler(true, false);
    let first = tokio::spawn({
        let handler = handler.clone();
        async move { handler.handle(&event(0)).await }
    });
    tokio::task::yield_now().await;
    for key in 1..4 {
        // Whoever comes later only joins the line: it waits for nothing.
        tokio::time::timeout(Duration::from_secs(5), handler.handle(&event(key))).await.unwrap();
    }
    assert!(keys(&fake).is_empty());
    fake.go_on.add_permits(4);
    first.await.unwrap();
    assert_eq!(keys(&fake), [0, 1, 2, 3]);
    let heard = fake.heard.lock().unwrap()[0].clone();
    assert_eq!(heard["Type"], "AuthFailure");
    assert!(heard["TimeStamp"].as_str().unwrap().starts_with("20"), "{heard}");
    assert!(metrics.render().contains("pinhook_events_dropped_total 0"));
}

#[tokio::test]
async fn what_a_slow_handler_has_no_time_for_is_dropped_and_counted() {
    let (handler, fake, metrics) = handler(false, false);
    let first = tokio::spawn({
        let handler = handler.clone();
        async move { handler.handle(&event(0)).await }
    });
    tokio::task::yield_now().await;
    for key in 1..=ROOM + 5 {
        handler.handle(&event(key)).await;
    }
    assert_eq!(metrics.events().dropped.get(), 5);
    fake.go_on.add_permits(ROOM + 1);
    first.await.unwrap();
    assert_eq!(keys(&fake).len(), ROOM + 1);
}

#[tokio::test]
async fn a_handler_that_breaks_hears_of_the_next_event() {
    let (handler, fake, _) = handler(false, true);
    fake.go_on.add_permits(2);
    for key in 0..2 {
        let handler = handler.clone();
        let told = tokio::spawn(async move { handler.handle(&event(key)).await });
        assert!(told.await.unwrap_err().is_panic());
    }
    assert_eq!(keys(&fake), [0, 1]);
}

#[test]
fn what_cannot_be_called_is_named() {
    let (maker, ..) = maker_with(Metrics::new(true).unwrap());
    let owner = |driver: &str| Owner { spec: Arc::default(), driver: driver.to_owned(), server: None };
    let settings = |all: Value| all.as_object().unwrap().clone();
    let refused = |built: Result<Built, String>| match built {
        Err(why) => why,
        Ok(_) => panic!("it was built"),
    };
    let named = settings(json!({ "name": "f", "path": "/nowhere/f.js" }));
    let build =
        |settings: &Settings, owner: Option<&Owner>| build_script(settings, &maker, owner, &mut |_, _| {});
    assert!(refused(build(&named, None)).contains("Handler not found"));
    assert!(
        refused(build(&settings(json!({ "path": "x.js" })), Some(&owner("")))).contains("name is missing")
    );
    assert!(refused(build(&named, Some(&owner("")))).contains("hook f"));
    let off = settings(json!({ "disabled": true, "name": "f" }));
    assert!(matches!(build(&off, Some(&owner(""))), Ok(Built::Disabled)));
    let rich = build_rich(&named, &maker, Some(&owner("brainfuck")), &mut |_, _| {});
    assert_eq!(refused(rich), "no plugin driver is available");
}
