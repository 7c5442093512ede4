//! Analytics: one record per request, for Tyk Pump or as lines of JSON.
//!
//! The way of a record: the request's thread fills an [`Observed`] and hands it to a [`RecordSink`], the front of a
//! bounded queue. One task at its other end finishes records (hash, tags, slashes, ids in paths), encodes them
//! and writes batches to the sink of the settings. That task alone waits for Redis. A full queue drops and counts,
//! where Tyk's gateway blocks all traffic; so does a batch that its sink does not take in time. A record whose API has
//! an `analytics_plugin` makes a detour through its hook, off the task.
//!
//! Decided 2026-11: one task, not Tyk's `pool_size`. It finishes and encodes far more records per second than one
//! gateway serves, and it is not woken per record: it sleeps until the queue is half full or 200 ms are over.

pub mod detail;
mod edits;
mod fields;
mod finish;
mod image;
pub mod json;
pub mod msgpack;
mod normalise;
pub mod protobuf;
mod queue;
mod record;
mod settings;
mod sinks;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use detail::{Detail, Sample};
pub use edits::RecordHook;
pub use finish::{Finish, rfc3339};
pub use image::request as request_image;
pub use queue::{Flusher, Worker};
pub use record::{Latency, Moment, Observed, Record, RecordedApi};
pub use settings::{Settings, problems, storage};

use crate::{error::Result, metrics::Metrics, store::Store};

/// Takes what requests leave behind. Never blocks, never fails: a full queue drops and counts.
pub trait RecordSink: Send + Sync {
    /// Hands over one request. Costs the move of one struct and a few atomic operations.
    fn record(&self, observed: Observed);
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

/// Opens the sink of the settings; `None` for the sink `none`. `store` is what [`storage`] describes, if that is a
/// Redis. Connects to nothing and needs no runtime: records
/// may be handed over at once, and [`Worker::run`] is spawned after the server's fork.
pub fn open(
    settings: &Settings,
    store: Option<Arc<dyn Store>>,
    metrics: &Arc<Metrics>,
) -> Result<Option<Analytics>> {
    let sink = sinks::open(settings, store)?;
    Ok(sink.map(|sink| queue::open(settings, sink, metrics)))
}
