//! What exists once per process, or a few times: in a `prometheus` registry of our own.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector,
};

use crate::error::{Problem, Severity};

pub(super) struct Process {
    registry: Registry,
    pub(super) hook_threads: HookThreadMetrics,
    pub(super) analytics: AnalyticsMetrics,
    pub(super) access_log: AccessLogMetrics,
    pub(super) events: EventMetrics,
    pub(super) config: ConfigMetrics,
    open: IntGaugeVec,
    accepted: IntCounterVec,
}

/// Threads that run hooks which may block.
pub struct HookThreadMetrics {
    /// Threads that run such hooks.
    pub threads: IntGauge,
    /// Threads whose call outlived its timeout and cannot be cut off.
    pub stuck: IntGauge,
    /// Native libraries loaded since the start; they are never unloaded.
    pub libraries: IntGauge,
}

/// Why an analytics record was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The queue was full when the request ended.
    QueueFull,
    /// Its batch could not be written in time.
    Sink,
}

/// The way of analytics records.
pub struct AnalyticsMetrics {
    /// Records between a request and the sink's writer.
    pub queue_length: IntGauge,
    /// Records that the sink took.
    pub written: IntCounter,
    dropped: [IntCounter; 2],
}

impl AnalyticsMetrics {
    /// Counts `count` lost records.
    pub fn dropped(&self, reason: DropReason, count: u64) {
        self.dropped_by(reason).inc_by(count);
    }

    /// How many records were lost for this reason since the start.
    pub fn dropped_by(&self, reason: DropReason) -> &IntCounter {
        let [full, sink] = &self.dropped;
        match reason {
            DropReason::QueueFull => full,
            DropReason::Sink => sink,
        }
    }
}

/// The way of access log lines.
pub struct AccessLogMetrics {
    /// Bytes between a request and standard error.
    pub waiting: IntGauge,
    /// Lines lost, since standard error did not take them in time.
    pub dropped: IntCounter,
}

/// The way of events to their handlers.
pub struct EventMetrics {
    /// Events lost, each counted once per handler, since too many waited.
    pub dropped: IntCounter,
    /// Calls of web hooks that were refused or got no answer.
    pub webhook_failures: IntCounter,
}

/// Reloads, and what the last one found.
pub struct ConfigMetrics {
    reloads_ok: IntCounter,
    reloads_failed: IntCounter,
    reload_time: Histogram,
    warnings: IntGauge,
    errors: IntGauge,
}

impl ConfigMetrics {
    /// Counts one reload. `ok` is false when nothing of it went live.
    pub fn reloaded(&self, ok: bool, time: Duration) {
        if ok { &self.reloads_ok } else { &self.reloads_failed }.inc();
        self.reload_time.observe(time.as_secs_f64());
    }

    /// Sets the number of problems in config and definitions that are live now.
    pub fn problems(&self, problems: &[Problem]) {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        self.errors.set(i64::try_from(errors).unwrap_or(i64::MAX));
        self.warnings.set(i64::try_from(problems.len() - errors).unwrap_or(i64::MAX));
    }
}

/// The connections of one listener.
#[derive(Clone)]
pub struct ListenerMetrics {
    /// Connections open now.
    pub open: IntGauge,
    /// Connections accepted since the start.
    pub accepted: IntCounter,
}

/// Registers metrics in one registry; every name starts with `pinhook_`.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn add<C: Collector + Clone + 'static>(&self, metric: C) -> prometheus::Result<C> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.add(IntGauge::new(name, help)?)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.add(IntCounter::new(name, help)?)
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> prometheus::Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(Opts::new(name, help), &[label])?)
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> prometheus::Result<IntCounterVec> {
        self.add(IntCounterVec::new(Opts::new(name, help), &[label])?)
    }
}

impl Process {
    pub(super) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let make = Maker(&registry);
        let build = make.gauges("pinhook_build_info", "Always 1; the label says what runs.", "version")?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let hook_threads = HookThreadMetrics {
            threads: make.gauge("pinhook_hook_threads", "Threads that run hooks which may block.")?,
            stuck: make
                .gauge("pinhook_hook_threads_stuck", "Hook threads whose call outlived its timeout.")?,
            libraries: make.gauge(
                "pinhook_native_libraries_loaded",
                "Native libraries loaded; none is ever unloaded.",
            )?,
        };
        let (analytics, config) = (analytics(&make)?, config(&make)?);
        let access_log = AccessLogMetrics {
            waiting: make
                .gauge("pinhook_access_log_waiting_bytes", "Bytes of access log lines not yet written.")?,
            dropped: make.counter("pinhook_access_log_lines_dropped_total", "Access log lines lost.")?,
        };
        let events = EventMetrics {
            dropped: make.counter("pinhook_events_dropped_total", "Events lost, per handler.")?,
            webhook_failures: make
                .counter("pinhook_webhook_failures_total", "Web hook calls refused or without an answer.")?,
        };
        let open = make.gauges("pinhook_connections_open", "Connections open now.", "listener")?;
        let accepted = make.counters("pinhook_connections_total", "Connections accepted.", "listener")?;
        Ok(Self { registry, hook_threads, analytics, access_log, events, config, open, accepted })
    }

    pub(super) fn listener(&self, name: &str) -> ListenerMetrics {
        ListenerMetrics {
            open: self.open.with_label_values(&[name]),
            accepted: self.accepted.with_label_values(&[name]),
        }
    }

    pub(super) fn render(&self) -> String {
        let mut out = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "metrics cannot be printed");
        }
        out
    }
}

fn analytics(make: &Maker<'_>) -> prometheus::Result<AnalyticsMetrics> {
    let dropped =
        make.counters("pinhook_analytics_records_dropped_total", "Analytics records lost.", "reason")?;
    Ok(AnalyticsMetrics {
        queue_length: make
            .gauge("pinhook_analytics_queue_length", "Analytics records waiting for their sink.")?,
        written: make
            .counter("pinhook_analytics_records_written_total", "Analytics records that the sink took.")?,
        dropped: ["queue_full", "sink"].map(|reason| dropped.with_label_values(&[reason])),
    })
}

fn config(make: &Maker<'_>) -> prometheus::Result<ConfigMetrics> {
    let reloads = make.counters("pinhook_reloads_total", "Reloads of config and definitions.", "result")?;
    let problems = make.gauges(
        "pinhook_config_problems",
        "Problems in config and definitions, found by the last load.",
        "severity",
    )?;
    let time = HistogramOpts::new("pinhook_reload_duration_seconds", "Time of a reload.")
        .buckets(vec![0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 30.0]);
    Ok(ConfigMetrics {
        reloads_ok: reloads.with_label_values(&["ok"]),
        reloads_failed: reloads.with_label_values(&["failed"]),
        reload_time: make.add(Histogram::with_opts(time)?)?,
        warnings: problems.with_label_values(&["warning"]),
        errors: problems.with_label_values(&["error"]),
    })
}
