use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::Notify;

use super::*;
use crate::{
    config::{self, Config},
    definition,
    error::Problem,
    hook::{Hooks, Host, drivers::DriverSettings},
    metrics::Metrics,
    store::{MemoryStore, Store},
};

/// What an API with these `events` makes of them, and what is noted.
fn compiled(events: Value) -> (Events, Vec<Problem>) {
    let wishes: definition::EventHandlers = serde_json::from_value(json!({ "events": events })).unwrap();
    let mut problems = Vec::new();
    let events = compile_api(&wishes, &owner(), &maker().0, "d", &mut problems);
    (events, problems)
}

fn owner() -> Owner {
    Owner { spec: Arc::default(), driver: "goplugin".to_owned(), server: None }
}

fn maker() -> (Maker, Worker, Flusher) {
    maker_with(Metrics::new(true).unwrap())
}

/// One that counts there.
pub(super) fn maker_with(metrics: Arc<Metrics>) -> (Maker, Worker, Flusher) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let config = Config { enable_jsvm: true, ..Config::default() };
    let host = Arc::new(Host::new(Arc::default(), store.clone(), 1 << 20));
    let hooks = Arc::new(Hooks::start(&DriverSettings::new(&config, host)));
    open(Arc::default(), store, metrics, hooks, "")
}

fn named(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
}

#[test]
fn names_are_tyks() {
    assert_eq!(EventKind::named("RatelimitExceeded"), Some(EventKind::RateLimitExceeded));
    assert_eq!(EventKind::named("OrgRateLimitExceeded"), Some(EventKind::OrgRateLimitExceeded));
    assert_eq!(EventKind::named("RateLimitExceeded"), None);
    for kind in EventKind::ALL {
        assert_eq!(EventKind::named(kind.name()), Some(kind));
    }
}

#[test]
fn handlers_are_wanted_for_their_event_unless_disabled() {
    let hook = |more: Value| {
        let mut meta = json!({ "method": "POST", "target_path": "http://h/x", "event_timeout": 1 });
        meta.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "handler_name": "eh_web_hook_handler", "handler_meta": meta })
    };
    let (events, problems) = compiled(json!({
        "AuthFailure": [hook(json!({})), { "handler_name": "eh_log_handler", "handler_meta": { "prefix": "p" } }],
        "KeyExpired": [hook(json!({ "disabled": true }))],
    }));
    assert_eq!(named(&problems), Vec::<String>::new());
    assert!(events.wants(EventKind::AuthFailure) && !events.wants(EventKind::KeyExpired));
    assert!(!Events::default().wants(EventKind::AuthFailure));
}

#[test]
fn what_cannot_be_used_is_dropped_and_named() {
    let hook = |meta: Value| json!([{ "handler_name": "eh_web_hook_handler", "handler_meta": meta }]);
    for (events, parts) in [
        (
            json!({ "AuthFailure": [{ "handler_name": "eh_pager" }] }),
            ["[0].handler_name", "Failed to init event handler"],
        ),
        (
            json!({ "AuthFailure": hook(json!({ "target_path": "not a url" })) }),
            ["[0].handler_meta", "Failed to init"],
        ),
        (
            json!({ "AuthFailure": hook(json!({ "target_path": "http://h", "event_timeout": "1m" })) }),
            ["event_timeout", "Failed"],
        ),
        (
            json!({ "AuthFailure": hook(json!({ "target_path": "http://h", "header_map": { "a": 1 } })) }),
            ["header_map.a", "Failed"],
        ),
        (
            json!({ "AuthFailure": [{ "handler_name": "eh_dynamic_handler" }] }),
            ["[0].handler_meta", "name is missing"],
        ),
        (
            json!({ "AuthFailure": [{ "handler_name": "cp_dynamic_handler" }] }),
            ["[0].handler_meta", "name is missing"],
        ),
        (
            json!({ "TokenCreated": [{ "handler_name": "eh_log_handler" }] }),
            ["TokenCreated", "gateway config"],
        ),
        (
            json!({ "TriggerExceeded": [{ "handler_name": "eh_log_handler" }] }),
            ["TriggerExceeded", "monitor"],
        ),
        (
            json!({ "RateLimitExceeded": [{ "handler_name": "eh_log_handler" }] }),
            ["RateLimitExceeded", "no event of this name"],
        ),
    ] {
        let (compiled, problems) = compiled(events.clone());
        let named = named(&problems);
        assert_eq!(named.len(), 1, "{events}: {named:?}");
        assert!(parts.iter().all(|part| named[0].contains(part)), "{named:?}");
        assert!(EventKind::ALL.iter().all(|kind| !compiled.wants(*kind)), "{events}");
    }
}

#[test]
fn what_is_odd_is_named_and_kept() {
    let (events, problems) = compiled(json!({ "AuthFailure": [{
        "handler_name": "eh_web_hook_handler",
        "handler_meta": { "_id": "1", "target_path": "http://h", "method": "FETCH", "header_map": { "Host": "h" },
            "template_path": "/no/such.json", "event_timeout": 0, "retries": 3 }
    }] }));
    let named = named(&problems).join("\n");
    for part in ["retries", "method", "Host", "/no/such.json", "never sent again"] {
        assert!(named.to_lowercase().contains(&part.to_lowercase()), "{part}: {named}");
    }
    assert!(events.wants(EventKind::AuthFailure));
}

#[test]
fn the_gateway_hears_of_tokens_only() {
    let log = json!([{ "handler_name": "eh_log_handler", "handler_meta": {} }]);
    let wishes = BTreeMap::from([
        ("TokenCreated".to_owned(), log.clone()),
        ("AuthFailure".to_owned(), log),
        ("TokenDeleted".to_owned(), json!("no list")),
    ]);
    let mut problems = Vec::new();
    let events = compile_gateway(&wishes, &maker().0, "c", &mut problems);
    assert!(events.wants(EventKind::TokenCreated) && !events.wants(EventKind::AuthFailure));
    let named = named(&problems);
    assert!(
        named.iter().any(|text| text.contains("TokenDeleted: Failed to init event handler")),
        "{named:?}"
    );
    assert!(named.iter().any(|text| text.contains("of API definitions")), "{named:?}");
}

#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<Event>>,
    go_on: Notify,
    patient: bool,
}

#[async_trait]
impl EventHandler for Listener {
    async fn handle(&self, event: &Event) {
        if self.patient {
            self.go_on.notified().await;
        }
        self.heard.lock().unwrap().push(event.clone());
    }
}

fn listened(handlers: &[&Arc<Listener>], maker: &Maker) -> Events {
    let handlers =
        handlers.iter().map(|handler| (EventKind::KeyExpired, Arc::clone(handler) as Arc<dyn EventHandler>));
    Events { handlers: handlers.collect(), courier: Some(maker.courier.clone()), ..Events::default() }
}

#[tokio::test]
async fn an_event_reaches_every_handler_and_a_slow_one_holds_up_nobody() {
    let (maker, worker, flusher) = maker();
    let slow = Arc::new(Listener { patient: true, ..Listener::default() });
    let quick = Arc::<Listener>::default();
    let events = listened(&[&slow, &quick], &maker);
    let meta = json!({ "Key": "k" }).as_object().unwrap().clone();
    events.fire(EventKind::KeyExpired, meta.clone());
    events.fire(EventKind::AuthFailure, meta.clone());
    let worker = tokio::spawn(worker.run());
    let started = Instant::now();
    flusher.flush(Duration::from_millis(50)).await;
    assert!(started.elapsed() >= Duration::from_millis(50));
    let heard = quick.heard.lock().unwrap().clone();
    assert_eq!((heard.len(), &*heard[0].name, &heard[0].meta), (1, "KeyExpired", &meta));
    assert!(slow.heard.lock().unwrap().is_empty());
    slow.go_on.notify_one();
    flusher.flush(Duration::from_secs(5)).await;
    assert_eq!(slow.heard.lock().unwrap().len(), 1);
    drop((events, maker, flusher));
    worker.await.unwrap();
}

#[tokio::test]
async fn a_full_queue_drops_and_counts() {
    let metrics = Metrics::new(true).unwrap();
    let (maker, _worker, _flusher) = maker_with(metrics.clone());
    let events = listened(&[&Arc::default()], &maker);
    while metrics.events().dropped.get() < 3 {
        events.fire(EventKind::KeyExpired, Map::new());
    }
    assert!(metrics.render().contains("pinhook_events_dropped_total 3"));
}

#[tokio::test]
async fn the_monitor_tells_of_the_limits_that_are_reached() {
    let wish = |global| config::Monitor {
        enable_trigger_monitors: true,
        monitor_user_keys: true,
        global_trigger_limit: global,
        configuration: config::MonitorHook {
            target_path: "http://h".into(),
            event_timeout: 1,
            ..Default::default()
        },
        ..Default::default()
    };
    let (maker, _worker, _flusher) = maker();
    let told = |global: f64, limits: &[f64], remaining: i64, renews: i64| {
        let mut problems = Vec::new();
        let monitor = Monitor::new(&wish(global), &maker, "c", &mut problems);
        assert!(monitor.watches_keys() && !monitor.watches_organisations());
        let before = maker.courier.room();
        let usage = Usage { org_id: "o", key: "k", max: 100, remaining, renews, limits };
        monitor.key(usage);
        monitor.organisation(usage);
        before - maker.courier.room()
    };
    let later = i64::MAX;
    for (global, limits, remaining, renews, expected) in [
        (80.0, &[][..], 20, later, 1),
        (80.0, &[], 21, later, 0),
        (80.0, &[80.0, 50.0], 15, later, 1),
        (80.0, &[50.0, 90.0], 15, later, 2),
        (0.0, &[90.0], 0, later, 1),
        (80.0, &[], 0, 1, 0),
    ] {
        assert_eq!(
            told(global, limits, remaining, renews),
            expected,
            "{global} {limits:?} {remaining} {renews}"
        );
    }
    assert!(!Monitor::default().watches_keys());
}
