//! Sticky sessions where a service of yours knows the address.
//!
//! The hook asks that service which backend this client belongs to, and either sets the header `Service-Address`, for
//! a URL rewrite trigger to use (`"mode": "header"`, the default), or sends the request there itself
//! (`"mode": "target"`), which needs no rewrite.
//!
//! ```json
//! {"sticky_service": {"url": "http://stickiness:8085/address", "mode": "target", "key_header": "X-User",
//!                     "timeout_ms": 500, "ttl_seconds": 30, "max_entries": 10000,
//!                     "fallback": "http://greeter-lb:8080"}}
//! ```
//!
//! - The service is asked `GET /address?api=…&key=…&method=…&path=…&client=…`; `key` is the value of `key_header`, or
//!   of the cookie `sticky`, or the client's address. It answers 200 with the address as text; anything else means
//!   that it knows none.
//! - Answers are kept for `ttl_seconds`, at most `max_entries` of them ([`cache`]).
//! - When the service fails, the last known address is used, then `fallback`, then the API's usual target. It is asked
//!   again after a second, so a dead service does not slow every request down.

mod ask;
mod cache;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cache::Cache;
use pinhook_plugin::{Config, Flow, Gateway, Level, Request, Result, hooks, on_reload};
use serde::Deserialize;

// No NON_BLOCKING: this hook waits for an answer, so the gateway runs it on a thread of its pool.
hooks! {
    GetStickyServiceAddress = get_sticky_service_address;
}

// A reload of the gateway is also how to say: forget what the service said.
on_reload!(forget);

fn forget(gateway: &mut Gateway<'_>) -> Result<()> {
    *CACHES.lock().unwrap_or_else(PoisonError::into_inner) = None;
    gateway.log(Level::Debug, "addresses are asked for again");
    Ok(())
}

/// How long a failure is remembered.
const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct ConfigData {
    sticky_service: Settings,
}

#[derive(Deserialize)]
struct Settings {
    url: String,
    #[serde(default)]
    mode: Mode,
    key_header: Option<String>,
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
    #[serde(default = "ttl_seconds")]
    ttl_seconds: u64,
    #[serde(default = "max_entries")]
    max_entries: usize,
    fallback: Option<String>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Header,
    Target,
}

fn timeout_ms() -> u64 {
    500
}

fn ttl_seconds() -> u64 {
    30
}

fn max_entries() -> usize {
    10_000
}

static SETTINGS: Config<ConfigData> = Config::new(|json| Ok(serde_json::from_str(json)?));

// One cache per API: two APIs may ask different services.
static CACHES: Mutex<Option<HashMap<String, Arc<Mutex<Cache>>>>> = Mutex::new(None);

fn get_sticky_service_address(request: &mut Request<'_>) -> Result<Flow> {
    let config = SETTINGS.get(request)?;
    let settings = &config.sticky_service;
    let known = address(request, settings);
    if let Some(address) = known.as_deref().or(settings.fallback.as_deref()) {
        match settings.mode {
            Mode::Header => request.set_header("Service-Address", address)?,
            Mode::Target => request.set_target(address)?,
        }
    }
    Ok(Flow::Next)
}

/// The address for this client: from the cache, else from the service.
fn address(request: &Request<'_>, settings: &Settings) -> Option<String> {
    let key = key(request, settings);
    let cache = cache_of(request.api_id());
    let now = Instant::now();
    if let Some(fresh) = lock(&cache).fresh(&key, now) {
        return fresh;
    }
    // The lock is free while the service is asked: one slow answer must not hold up all other clients.
    let question = [
        ("api", request.api_id()),
        ("key", &key),
        ("method", request.method()),
        ("path", request.request_target()),
        ("client", request.client_address().unwrap_or_default()),
    ];
    match ask::ask(&settings.url, &question, Duration::from_millis(settings.timeout_ms)) {
        Ok(address) => {
            let until = now + Duration::from_secs(settings.ttl_seconds);
            lock(&cache).put(key, address.clone(), until, settings.max_entries);
            address
        }
        Err(error) => {
            request.log(Level::Warn, &format!("{} gave no answer: {error}", settings.url));
            lock(&cache).keep_stale(key, now + RETRY_AFTER, settings.max_entries)
        }
    }
}

fn key(request: &Request<'_>, settings: &Settings) -> String {
    let header = settings.key_header.as_deref().and_then(|name| request.header(name));
    header
        .or_else(|| request.cookie("sticky"))
        .or_else(|| request.client_address())
        .unwrap_or_default()
        .to_owned()
}

fn cache_of(api_id: &str) -> Arc<Mutex<Cache>> {
    let mut caches = lock(&CACHES);
    let caches = caches.get_or_insert_default();
    if !caches.contains_key(api_id) {
        caches.insert(api_id.to_owned(), Arc::default());
    }
    caches.get(api_id).map(Arc::clone).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
