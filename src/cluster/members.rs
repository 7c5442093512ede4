//! [`Members`]: how many gateways share the limits (sessions-and-control reference 5.5).

use std::{
    collections::HashMap,
    fs,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::config::Config;

/// A gateway that has been silent for so long is gone; with rare messages, for two of them.
const LIFE: Duration = Duration::from_secs(4);

/// The gateways that are alive and serve the same tags, this one among them.
///
/// Each says so every [`Members::every`]; the others count who was heard of lately.
pub struct Members {
    id: String,
    host: String,
    tags: String,
    every: Option<Duration>,
    life: Duration,
    heard: Mutex<HashMap<String, Instant>>,
    live: AtomicUsize,
}

impl Members {
    /// A cluster of one.
    pub fn new(config: &Config) -> Self {
        let node = &config.db_app_conf_options;
        let every = Duration::from_secs(u64::try_from(config.drl_notification_frequency).unwrap_or(0).max(1));
        let counts = !config.management_node
            && !config.enable_fixed_window_rate_limiter
            && !config.enable_redis_rolling_limiter
            && !config.enable_sentinel_rate_limiter;
        Self {
            id: format!("solo-{}", uuid::Uuid::new_v4()),
            host: fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
            tags: if node.node_is_segmented { node.tags.concat() } else { String::new() },
            every: counts.then_some(every),
            life: LIFE.max(every * 2),
            heard: Mutex::default(),
            live: AtomicUsize::new(1),
        }
    }

    /// This gateway's name among the others; a new one at each start.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many gateways are alive: at least 1, for this one. One atomic read.
    pub fn count(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Pause between two messages; `None` when this gateway counts nobody: a management node, and one whose limits
    /// are all kept in Redis.
    pub fn every(&self) -> Option<Duration> {
        self.every
    }

    /// The payload that says that this gateway is alive. Everybody's share is the same, so its load is not measured.
    pub fn message(&self) -> String {
        json!({
            "HostName": self.host,
            "ID": self.id,
            "LoadPerSec": 1,
            "Percentage": 0,
            "TagHash": self.tags,
        })
        .to_string()
    }

    /// Notes a gateway that said so. Nobody is counted before this gateway has heard itself: until then it does not
    /// know whether it is heard at all.
    pub fn hear(&self, payload: &str) {
        self.hear_at(payload, Instant::now());
    }

    /// Forgets those who fell silent. Called now and then, for they do not say when they go.
    pub fn forget(&self) {
        self.forget_at(Instant::now());
    }

    pub(super) fn hear_at(&self, payload: &str, now: Instant) {
        let Ok(message) = serde_json::from_str::<Value>(payload) else { return };
        let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let id = text("ID");
        if id.is_empty() || text("TagHash") != self.tags {
            return;
        }
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert(id.to_owned(), now);
        self.count_again(&heard);
    }

    pub(super) fn forget_at(&self, now: Instant) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.retain(|_, at| now.saturating_duration_since(*at) < self.life);
        self.count_again(&heard);
    }

    fn count_again(&self, heard: &HashMap<String, Instant>) {
        let live = if heard.contains_key(&self.id) { heard.len() } else { 1 };
        self.live.store(live, Ordering::Relaxed);
    }
}
