//! Series by API: requests, times, upstream faults.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::Method;

use super::{
    histogram::{FAST, Histogram, SLOW},
    statuses::Statuses,
    table::Table,
    text::Family,
};
use crate::error::UpstreamError;

/// Where the time of one request went.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From the request's arrival to the end of the answer.
    pub total: Duration,
    /// The round trip until the upstream's response head; `None` when no upstream answered.
    pub upstream: Option<Duration>,
}

/// The handle of one API: kept with it, used by all its requests at once. Its memory (about 600 bytes) is taken
/// with the first request.
pub struct ApiMetrics {
    id: Arc<str>,
    series: OnceLock<Box<Series>>,
    home: Arc<Table<Arc<str>, ApiMetrics>>,
}

struct Series {
    requests: Statuses,
    total: Histogram,
    upstream: Histogram,
    gateway: Histogram,
    faults: [AtomicU64; FAULTS.len()],
    cache: [AtomicU64; CACHE.len()],
}

/// Labels of `kind`, in the order of [`fault_index`].
const FAULTS: [&str; 4] = ["unresolved", "connection", "timeout", "client_gone"];

/// What the response cache did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheEvent {
    /// It had the answer.
    Hit,
    /// It did not, or could not be asked.
    Miss,
    /// It took an answer.
    Stored,
    /// It could not take an answer: too long, too many at once, or the store did not.
    Unstored,
}

/// Labels of `result`, in the order of [`CacheEvent`].
const CACHE: [&str; 4] = ["hit", "miss", "stored", "unstored"];

fn fault_index(fault: &UpstreamError) -> usize {
    match fault {
        UpstreamError::Unresolved { .. } => 0,
        UpstreamError::Connection(_) => 1,
        UpstreamError::Timeout(_) => 2,
        UpstreamError::ClientGone(_) => 3,
    }
}

impl ApiMetrics {
    pub(super) fn new(id: Arc<str>, home: Arc<Table<Arc<str>, Self>>) -> Self {
        Self { id, series: OnceLock::new(), home }
    }

    /// Counts one finished request: a handful of atomic adds.
    pub fn request(&self, method: &Method, status: u16, times: Times) {
        let series = self.series();
        series.requests.count(method, status);
        series.total.observe(&SLOW, times.total);
        let mut gateway = times.total;
        if let Some(upstream) = times.upstream {
            series.upstream.observe(&SLOW, upstream);
            gateway = gateway.saturating_sub(upstream);
        }
        series.gateway.observe(&FAST, gateway);
    }

    /// Counts a request that got no usable answer from its upstream.
    pub fn upstream_fault(&self, fault: &UpstreamError) {
        if let Some(count) = self.series().faults.get(fault_index(fault)) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Counts what the response cache did for one request.
    pub fn cache(&self, event: CacheEvent) {
        if let Some(count) = self.series().cache.get(event as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn series(&self) -> &Series {
        self.series.get_or_init(|| {
            Box::new(Series {
                requests: Statuses::new(),
                total: Histogram::new(),
                upstream: Histogram::new(),
                gateway: Histogram::new(),
                faults: Default::default(),
                cache: Default::default(),
            })
        })
    }
}

impl Drop for ApiMetrics {
    fn drop(&mut self) {
        self.home.forget(&self.id, self);
    }
}

/// One of the three histograms.
type Pick = fn(&Series) -> &Histogram;

/// Prints the families of all APIs that had a request.
pub(super) fn render(apis: &[Arc<ApiMetrics>], out: &mut String) {
    let live: Vec<(&str, &Series)> =
        apis.iter().filter_map(|api| Some((&*api.id, &**api.series.get()?))).collect();
    requests(&live, out);
    let times: [(_, _, _, Pick); 3] = [
        (
            "pinhook_request_duration_seconds",
            "Time from a request's arrival to the end of its answer.",
            &SLOW,
            |s| &s.total,
        ),
        ("pinhook_upstream_duration_seconds", "Time until the upstream's response head.", &SLOW, |s| {
            &s.upstream
        }),
        ("pinhook_gateway_duration_seconds", "Request time without the upstream's part.", &FAST, |s| {
            &s.gateway
        }),
    ];
    for (name, help, bounds, histogram) in times {
        let mut family = Family::start(out, name, "histogram", help);
        for (id, series) in &live {
            histogram(series).render(bounds, &mut family, &[("api", id)]);
        }
    }
    faults(&live, out);
    cache(&live, out);
}

fn requests(live: &[(&str, &Series)], out: &mut String) {
    let mut family = Family::start(out, "pinhook_requests_total", "counter", "Finished requests.");
    for (id, series) in live {
        series.requests.each(|method, status, count| {
            let labels = family.labels(&[("api", id), ("method", method), ("status", status)]);
            family.counter(&labels, count);
        });
    }
}

fn faults(live: &[(&str, &Series)], out: &mut String) {
    let help = "Requests that got no usable answer from their upstream.";
    let mut family = Family::start(out, "pinhook_upstream_errors_total", "counter", help);
    for (id, series) in live {
        counted(&mut family, id, "kind", FAULTS.iter().zip(&series.faults));
    }
}

fn cache(live: &[(&str, &Series)], out: &mut String) {
    let help = "What the response cache did: requests it had an answer for or not, answers it took or not.";
    let mut family = Family::start(out, "pinhook_response_cache_total", "counter", help);
    for (id, series) in live {
        counted(&mut family, id, "result", CACHE.iter().zip(&series.cache));
    }
}

/// What an API has counted by the values of one label; what never happened is no line.
fn counted<'a>(
    family: &mut Family<'_>,
    api: &str,
    label: &str,
    counts: impl Iterator<Item = (&'a &'static str, &'a AtomicU64)>,
) {
    for (value, count) in counts {
        let count = count.load(Relaxed);
        if count > 0 {
            let labels = family.labels(&[("api", api), (label, value)]);
            family.counter(&labels, count);
        }
    }
}
