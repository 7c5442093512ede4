//! What `/tyk/health` says of an API: how its last requests went. Kept only while `health_check` is on.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::table::Table;

/// The last requests of one API, summed up by second: a lock and some additions each.
pub struct ApiSamples {
    id: Arc<str>,
    home: Arc<Table<Arc<str>, Self>>,
    window: u64,
    began: Instant,
    seconds: Mutex<VecDeque<Second>>,
}

#[derive(Default)]
struct Second {
    at: u64,
    requests: u64,
    upstream_ms: u64,
    throttled: u64,
    over_quota: u64,
    key_failures: u64,
}

/// Why a request was refused, as far as `/tyk/health` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Over its rate.
    Throttled,
    /// Over its quota.
    Quota,
    /// Its key does not count.
    Key,
}

/// Averages over the window; cut after two decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HealthValues {
    /// Requests over their rate, by second.
    pub throttled: f64,
    /// Requests over their quota, by second.
    pub over_quota: f64,
    /// Requests whose key did not count, by second.
    pub key_failures: f64,
    /// Milliseconds that the upstream took.
    pub upstream_ms: f64,
    /// Requests that an upstream answered, by second.
    pub requests: f64,
}

impl ApiSamples {
    /// `window`: for how many seconds a sample counts, at least one.
    pub(super) fn new(id: Arc<str>, window: u64, home: Arc<Table<Arc<str>, Self>>) -> Self {
        Self { id, home, window: window.max(1), began: Instant::now(), seconds: Mutex::default() }
    }

    /// An upstream answered in this time.
    pub fn answered(&self, upstream: Duration) {
        let took = u64::try_from(upstream.as_millis()).unwrap_or(u64::MAX);
        self.note(self.now(), |second| {
            second.requests += 1;
            second.upstream_ms = second.upstream_ms.saturating_add(took);
        });
    }

    /// A request was refused.
    pub fn refused(&self, why: Refused) {
        self.note(self.now(), |second| {
            let count = match why {
                Refused::Throttled => &mut second.throttled,
                Refused::Quota => &mut second.over_quota,
                Refused::Key => &mut second.key_failures,
            };
            *count += 1;
        });
    }

    /// The averages as they are now.
    pub fn values(&self) -> HealthValues {
        self.values_at(self.now())
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    fn note(&self, now: u64, edit: impl FnOnce(&mut Second)) {
        let mut seconds = self.live(now);
        if seconds.back().is_none_or(|last| last.at < now) {
            seconds.push_back(Second { at: now, ..Second::default() });
        }
        if let Some(last) = seconds.back_mut() {
            edit(last);
        }
    }

    fn live(&self, now: u64) -> MutexGuard<'_, VecDeque<Second>> {
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        while seconds.front().is_some_and(|first| first.at + self.window <= now) {
            seconds.pop_front();
        }
        seconds
    }

    fn values_at(&self, now: u64) -> HealthValues {
        let seconds = self.live(now);
        let sum = |of: fn(&Second) -> u64| seconds.iter().map(of).fold(0, u64::saturating_add);
        let each = |sum: u64, count: u64| {
            if count == 0 { 0.0 } else { (sum as f64 / count as f64 * 100.0).trunc() / 100.0 }
        };
        let requests = sum(|second| second.requests);
        HealthValues {
            throttled: each(sum(|second| second.throttled), self.window),
            over_quota: each(sum(|second| second.over_quota), self.window),
            key_failures: each(sum(|second| second.key_failures), self.window),
            upstream_ms: each(sum(|second| second.upstream_ms), requests),
            requests: each(requests, self.window),
        }
    }
}

impl Drop for ApiSamples {
    fn drop(&mut self) {
        self.home.forget(&self.id, self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(window: u64) -> ApiSamples {
        ApiSamples::new("a".into(), window, Arc::default())
    }

    #[test]
    fn values_are_averages_over_the_window() {
        let samples = samples(3);
        assert_eq!(samples.values_at(0), HealthValues::default());
        for (at, took) in [(10, 7), (10, 8), (12, 5)] {
            samples.note(at, |second| {
                second.requests += 1;
                second.upstream_ms += took;
                second.over_quota += 2;
            });
        }
        let values = samples.values_at(12);
        assert_eq!((values.requests, values.upstream_ms, values.over_quota), (1.0, 6.66, 2.0));
        assert_eq!((values.throttled, values.key_failures), (0.0, 0.0));
        assert_eq!(samples.values_at(13).requests, 0.33);
        assert_eq!(samples.values_at(15), HealthValues::default());
    }

    #[test]
    fn each_refusal_has_its_own_value() {
        let samples = samples(1);
        samples.refused(Refused::Throttled);
        samples.refused(Refused::Quota);
        samples.refused(Refused::Quota);
        samples.refused(Refused::Key);
        let HealthValues { throttled, over_quota, key_failures, .. } = samples.values();
        assert_eq!((throttled, over_quota, key_failures), (1.0, 2.0, 1.0));
    }
}
