//! Series by plugin that runs in workers: restarts, calls.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use super::{table::Table, text::Family};

/// What tells one plugin from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkerLabels {
    /// Name of the driver.
    pub driver: &'static str,
    /// The plugin's file.
    pub plugin: Arc<str>,
}

/// The handle of one plugin's workers.
pub struct WorkerMetrics {
    labels: WorkerLabels,
    up: AtomicI64,
    restarts: AtomicU64,
    in_flight: AtomicI64,
    waiting: AtomicI64,
    home: Arc<Table<WorkerLabels, WorkerMetrics>>,
}

impl WorkerMetrics {
    pub(super) fn new(labels: WorkerLabels, home: Arc<Table<WorkerLabels, Self>>) -> Self {
        Self {
            labels,
            up: AtomicI64::new(0),
            restarts: AtomicU64::new(0),
            in_flight: AtomicI64::new(0),
            waiting: AtomicI64::new(0),
            home,
        }
    }

    /// One that no page shows.
    pub fn uncounted(labels: WorkerLabels) -> Self {
        Self::new(labels, Arc::default())
    }

    /// A worker began to take calls, or ceased to.
    pub fn up(&self, up: bool) {
        self.up.fetch_add(if up { 1 } else { -1 }, Relaxed);
    }

    /// Counts a worker that died and is started anew.
    pub fn restarted(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    /// Counts calls that a worker got, or with a negative number those that ended.
    pub fn in_flight(&self, change: i64) {
        self.in_flight.fetch_add(change, Relaxed);
    }

    /// Counts calls that began to wait for a worker, or with a negative number those that no longer do.
    pub fn waiting(&self, change: i64) {
        self.waiting.fetch_add(change, Relaxed);
    }
}

impl Drop for WorkerMetrics {
    fn drop(&mut self) {
        self.home.forget(&self.labels, self);
    }
}

/// Prints the families of all plugins.
pub(super) fn render(plugins: &[Arc<WorkerMetrics>], out: &mut String) {
    type Pick = fn(&WorkerMetrics) -> u64;
    let families: [(_, _, _, Pick); 4] = [
        ("pinhook_workers", "gauge", "Worker processes that take calls.", |plugin| held(&plugin.up)),
        ("pinhook_worker_restarts_total", "counter", "Workers that died and were started anew.", |plugin| {
            plugin.restarts.load(Relaxed)
        }),
        ("pinhook_worker_calls_in_flight", "gauge", "Calls that workers have.", |plugin| {
            held(&plugin.in_flight)
        }),
        ("pinhook_worker_calls_waiting", "gauge", "Calls that wait for a worker.", |plugin| {
            held(&plugin.waiting)
        }),
    ];
    for (name, kind, help, value) in families {
        let mut family = Family::start(out, name, kind, help);
        for plugin in plugins {
            let WorkerLabels { driver, plugin: file } = &plugin.labels;
            let labels = family.labels(&[("driver", driver), ("plugin", file)]);
            family.counter(&labels, value(plugin));
        }
    }
}

fn held(value: &AtomicI64) -> u64 {
    u64::try_from(value.load(Relaxed)).unwrap_or_default()
}
