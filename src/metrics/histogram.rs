//! A histogram of durations in 112 bytes, observed with two atomic adds.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::text::Family;

const BUCKETS: usize = 12;

/// Upper bounds: microseconds, and the same in seconds as the text format prints it.
pub(super) type Bounds = [(u64, &'static str); BUCKETS];

/// For whole requests and upstreams: 1 ms to 30 s.
pub(super) const SLOW: Bounds = [
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
];

/// For the gateway's own time and hooks: 50 µs to 1 s.
pub(super) const FAST: Bounds = [
    (50, "0.00005"),
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (100_000, "0.1"),
    (500_000, "0.5"),
    (1_000_000, "1"),
];

/// Counts per bucket, not yet cumulated.
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    over: AtomicU64,
    sum_micros: AtomicU64,
}

impl Histogram {
    pub(super) const fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            over: AtomicU64::new(0),
            sum_micros: AtomicU64::new(0),
        }
    }

    pub(super) fn observe(&self, bounds: &Bounds, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = bounds.iter().zip(&self.buckets).find(|((bound, _), _)| micros <= *bound);
        bucket.map_or(&self.over, |(_, count)| count).fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(micros, Relaxed);
    }

    /// Prints the series of one label set; nothing when nothing was observed.
    pub(super) fn render(&self, bounds: &Bounds, family: &mut Family<'_>, labels: &[(&str, &str)]) {
        let mut total = 0;
        let counts: Vec<u64> = self.buckets.iter().map(|count| count.load(Relaxed)).collect();
        let all = counts.iter().sum::<u64>() + self.over.load(Relaxed);
        if all == 0 {
            return;
        }
        let prefix = family.labels(labels);
        for ((_, bound), count) in bounds.iter().zip(counts) {
            total += count;
            family.bucket(&prefix, bound, total);
        }
        family.bucket(&prefix, "+Inf", all);
        family.total(&prefix, self.sum_micros.load(Relaxed), all);
    }
}
