//! What operators can count and time: every metric of the process and its Prometheus text.
//!
//! Two homes, by how many series there can be. What exists once per process lives in a `prometheus` registry.
//! What exists once per API or per hook is ours ([`ApiMetrics`], [`HookMetrics`]): one `prometheus` histogram
//! with its labels takes above 1 KiB and its lookup takes a lock, ours takes 112 bytes, and a request costs
//! atomic adds on a handle that its `Api` keeps. Nothing here is a static: one [`Metrics`] is shared.
//!
//! Cardinality is bounded: nine method names and `other`, status codes 100 to 599 and `other`, histograms by API
//! only. An API's series appear with its first request and go with its last handle. With per-API labels off, all
//! APIs share the series of `api=""`.

mod api;
mod histogram;
mod hook;
mod process;
mod samples;
mod statuses;
mod table;
mod text;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use api::{ApiMetrics, CacheEvent, Times};
pub use hook::{HookLabels, HookMetrics};
pub use process::{
    AccessLogMetrics, AnalyticsMetrics, ConfigMetrics, DropReason, EventMetrics, HookThreadMetrics,
    ListenerMetrics,
};

pub use samples::{ApiSamples, HealthValues, Refused};
pub use worker::{WorkerLabels, WorkerMetrics};

use process::Process;
use table::Table;

use crate::error::Error;

/// Every metric of one process. Cheap to clone through its `Arc`.
pub struct Metrics {
    per_api: bool,
    apis: Arc<Table<Arc<str>, ApiMetrics>>,
    hooks: Arc<Table<HookLabels, HookMetrics>>,
    samples: Arc<Table<Arc<str>, ApiSamples>>,
    workers: Arc<Table<WorkerLabels, WorkerMetrics>>,
    process: Process,
}

impl Metrics {
    /// An empty set. `per_api` false folds all APIs into the series of `api=""`.
    pub fn new(per_api: bool) -> Result<Arc<Self>, Error> {
        let process = Process::new().map_err(|error| Error::Internal(Box::new(error)))?;
        Ok(Arc::new(Self {
            per_api,
            apis: Arc::default(),
            hooks: Arc::default(),
            samples: Arc::default(),
            workers: Arc::default(),
            process,
        }))
    }

    /// The handle of an API. Two generations of one API share it, so a reload resets nothing; the series go
    /// when the last handle is dropped.
    pub fn api(&self, id: &str) -> Arc<ApiMetrics> {
        let id: Arc<str> = if self.per_api { id.into() } else { "".into() };
        self.apis.get(id, ApiMetrics::new)
    }

    /// The handle of one hook of an API; shared and dropped as [`Metrics::api`] says.
    pub fn hook(&self, mut labels: HookLabels) -> Arc<HookMetrics> {
        if !self.per_api {
            labels.api = "".into();
        }
        self.hooks.get(labels, HookMetrics::new)
    }

    /// How the requests of an API went within the last `window` seconds; shared and dropped as [`Metrics::api`] says.
    pub fn samples(&self, api_id: &str, window: u64) -> Arc<ApiSamples> {
        self.samples.get(api_id.into(), |id, home| ApiSamples::new(id, window, home))
    }

    /// The handle of the workers of one plugin; shared and dropped as [`Metrics::api`] says.
    pub fn workers(&self, labels: WorkerLabels) -> Arc<WorkerMetrics> {
        self.workers.get(labels, WorkerMetrics::new)
    }

    /// Threads that run hooks which may block, and libraries that were loaded for them.
    pub fn hook_threads(&self) -> &HookThreadMetrics {
        &self.process.hook_threads
    }

    /// The way of analytics records.
    pub fn analytics(&self) -> &AnalyticsMetrics {
        &self.process.analytics
    }

    /// The way of access log lines.
    pub fn access_log(&self) -> &AccessLogMetrics {
        &self.process.access_log
    }

    /// The way of events to their handlers.
    pub fn events(&self) -> &EventMetrics {
        &self.process.events
    }

    /// Reloads and the problems that the last one found.
    pub fn config(&self) -> &ConfigMetrics {
        &self.process.config
    }

    /// The handle of one listener, named by its address or port. Made once when it opens.
    pub fn listener(&self, name: &str) -> ListenerMetrics {
        self.process.listener(name)
    }

    /// All metrics in Prometheus' text format 0.0.4. With thousands of APIs this is megabytes and tens of
    /// milliseconds of work, so callers keep it off threads that serve requests.
    pub fn render(&self) -> String {
        let mut out = self.process.render();
        api::render(&self.apis.all(), &mut out);
        hook::render(&self.hooks.all(), &mut out);
        worker::render(&self.workers.all(), &mut out);
        out
    }
}
