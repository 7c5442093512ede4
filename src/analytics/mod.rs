//! Analytics: one record per request, for Tyk Pump or as lines of JSON.
//!
//! The way of a record: the request's thread fills an [`Observed`] and hands it to a [`RecordSink`], the front of a
//! bounded queue. One task at its other end finishes records (hash, tags, slashes, ids in paths), encodes them
//! and writes batches to the sink of the settings. That task alone waits for Redis. A full queue drops and counts,
//! where Tyk's gateway blocks all traffic; so does a batch that its sink does not take in time.
//!
//! Decided 2026-11: one task, not Tyk's `pool_size`. It finishes and encodes far more records per second than one
//! gateway serves, and it is not woken per record: it sleeps until the queue is half full or 200 ms are over.

mod finish;
pub mod json;
pub mod msgpack;
mod normalise;
pub mod protobuf;
mod queue;
mod record;
pub mod sinks;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc, time::Duration};

pub use normalise::NormaliseConfig;
pub use queue::{Flusher, Worker};
pub use record::{Latency, Moment, Observed, Record, RecordedApi};

use crate::{
    error::{Problem, Result},
    metrics::Metrics,
    store::Store,
};

/// Takes what requests leave behind. Never blocks, never fails: a full queue drops and counts.
pub trait RecordSink: Send + Sync {
    /// Hands over one request. Costs the move of one struct and a few atomic operations.
    fn record(&self, observed: Observed);
}

/// What the gateway's config says about analytics. The master switch `enable_analytics` is the caller's.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of an entry of [`sinks::SINKS`].
    pub sink: String,
    /// Where the sink `file` appends.
    pub file: PathBuf,
    /// `records_buffer_size`: room of the queue. Zero means 10,000, less than 1,000 means 1,000.
    pub queue_size: usize,
    /// `storage_expiration_time` of the lists in Redis, counted from the first record in one; `None` (-1) never.
    pub list_expiry: Option<Duration>,
    /// `enable_multiple_analytics_keys`.
    pub multiple_lists: bool,
    /// `serializer_type`: `protobuf`, or anything else for msgpack.
    pub serializer: String,
    /// `hash_keys`.
    pub hash_keys: bool,
    /// `ignored_ips`, compared as text.
    pub ignored_ips: Vec<String>,
    /// `normalise_urls`; `None` unless enabled.
    pub normalise: Option<NormaliseConfig>,
    /// Tags of a segmented node; else empty.
    pub node_tags: Vec<String>,
    /// How long a batch waits for its sink before it is dropped.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sink: "redis".to_owned(),
            file: PathBuf::new(),
            queue_size: 0,
            list_expiry: Some(Duration::from_secs(60)),
            multiple_lists: false,
            serializer: String::new(),
            hash_keys: false,
            ignored_ips: Vec::new(),
            normalise: None,
            node_tags: Vec::new(),
            patience: Duration::from_secs(5),
        }
    }
}

impl Settings {
    /// What will not do what its author may think, by its path in the config file `place`.
    pub fn problems(&self, place: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !["", "msgpack", "protobuf"].contains(&self.serializer.as_str()) {
            let message = format!("unknown serializer {:?}, records are written as msgpack", self.serializer);
            problems.push(
                Problem::warning(place, "analytics_config.serializer_type", message)
                    .hint("use msgpack or protobuf"),
            );
        }
        let broken = self.normalise.as_ref().map(|config| normalise::Normalise::compile(config).1);
        problems.extend(broken.into_iter().flatten().map(|(index, error)| {
            let path = format!("analytics_config.normalise_urls.custom_patterns[{index}]");
            Problem::warning(place, path, format!("this pattern is skipped: {error}"))
        }));
        problems
    }
}

/// Analytics of one process, opened but not yet running.
pub struct Analytics {
    /// The front of the queue.
    pub records: Arc<dyn RecordSink>,
    /// Runs until every [`Flusher`] and every handle of `records` is gone.
    pub worker: Worker,
    /// Empties the queue at shutdown.
    pub flusher: Flusher,
}

/// Opens the sink of the settings; `None` for the sink `none`. Connects to nothing and needs no runtime: records
/// may be handed over at once, and [`Worker::run`] is spawned after the server's fork.
pub fn open(
    settings: &Settings,
    store: Option<Arc<dyn Store>>,
    metrics: &Arc<Metrics>,
) -> Result<Option<Analytics>> {
    let sink = sinks::open(settings, store)?;
    Ok(sink.map(|sink| queue::open(settings, sink, metrics)))
}
