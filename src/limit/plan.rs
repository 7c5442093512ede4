//! What the store is asked about a request, and how its answers are read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Checked, QuotaAsk, QuotaNumbers, RateNumbers, Refusal};
use crate::{
    error::{Error, Result},
    session::{Smoothing, unix_now},
    store::{Count, Counted, If, Store},
};

/// Nanoseconds between the first day of the year 1, from which Go counts windows, and the unix epoch.
const EPOCH: i128 = 62_135_596_800 * 1_000_000_000;

/// What the store is asked about a rate.
pub(super) enum Plan<'a> {
    /// Nothing.
    Free,
    Rolling(Log<'a>),
    Sentinel(Log<'a>, String),
    Window {
        key: String,
        rest: Duration,
        limit: u64,
        rate: i64,
    },
}

/// A rolling log.
pub(super) struct Log<'a> {
    pub(super) key: String,
    pub(super) limit: u64,
    pub(super) per: u64,
    pub(super) now: u64,
    pub(super) smoothing: Option<&'a Smoothing>,
}

/// Counts in the log, and raises the flag when the next request would be one too many.
pub(super) async fn raise(store: &dyn Store, log: &Log<'_>, flag: &str, allow: impl FnOnce(u64) -> u64) {
    let raised = async {
        let counted = store.count(&[log.count(u64::MAX)]).await?;
        let Some(counted) = counted.first() else { return Ok(false) };
        if counted.value.saturating_add(2) <= allow(counted.value) {
            return Ok(false);
        }
        store.set(flag, b"1", Some(Duration::from_secs(log.per.max(1))), If::Absent).await
    };
    if let Err(error) = raised.await {
        let error: Error = error;
        tracing::debug!(error = error.chain(), "the sentinel could not count a request");
    }
}

impl Log<'_> {
    pub(super) fn count(&self, limit: u64) -> Count<'_> {
        Count::Rolling { key: &self.key, now: self.now, per: self.per, limit }
    }

    /// The same for longer than a request; without smoothing.
    pub(super) fn detached(&self) -> Log<'static> {
        Log { key: self.key.clone(), limit: self.limit, per: self.per, now: self.now, smoothing: None }
    }
}

/// Reads the store's answers (outage: sessions reference 12).
pub(super) fn settle(
    plan: &Plan<'_>,
    quota: Option<QuotaAsk>,
    counted: Result<Vec<Counted>>,
    checked: &mut Checked,
) {
    let mut counted = match counted {
        Ok(counted) => counted.into_iter(),
        Err(error) => {
            tracing::debug!(error = error.chain(), "a request could not be counted");
            checked.refused = match plan {
                Plan::Rolling(_) => Some(Refusal::Rate),
                Plan::Window { .. } => Some(Refusal::Fault(error)),
                Plan::Sentinel(..) | Plan::Free => quota.map(|_| Refusal::Quota),
            };
            return;
        }
    };
    if !matches!(plan, Plan::Free) {
        let Some(rate) = counted.next() else { return };
        checked.rate = Some(plan.numbers(&rate));
        if !rate.passed {
            checked.refused = Some(Refusal::Rate);
            return;
        }
    }
    if let (Some(quota), Some(count)) = (quota, counted.next()) {
        let value = i64::try_from(count.value).unwrap_or(i64::MAX);
        let remaining = if count.passed { quota.limit.saturating_sub(value) } else { 0 };
        let renews = i64::try_from(count.left.as_secs()).unwrap_or_default().saturating_add(unix_now());
        checked.quota = Some(QuotaNumbers { limit: quota.limit, remaining, renews });
        checked.refused = (!count.passed).then_some(Refusal::Quota);
    }
}

impl Plan<'_> {
    fn numbers(&self, counted: &Counted) -> RateNumbers {
        let (limit, remaining) = match self {
            Self::Rolling(log) => (log.limit as i64, log.limit.saturating_sub(counted.value + 1) as i64),
            Self::Sentinel(log, _) => (log.limit as i64, 0),
            Self::Window { rate, .. } => (*rate, 0),
            Self::Free => (0, 0),
        };
        let wait = match self {
            Self::Window { .. } if counted.passed => Duration::ZERO,
            _ if remaining > 0 => Duration::ZERO,
            _ => counted.left,
        };
        RateNumbers { limit, remaining, wait }
    }
}

/// Start of the fixed window that a moment lies in, unix nanoseconds, and how long it still lasts.
pub(super) fn window(now: u64, per: u64) -> Option<(i128, Duration)> {
    let length = i128::from(per) * 1_000_000_000;
    if length == 0 {
        return None;
    }
    let into = (i128::from(now) + EPOCH) % length;
    let rest = u64::try_from(length - into).unwrap_or(u64::MAX);
    Some((i128::from(now) - into, Duration::from_nanos(rest)))
}

pub(super) fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
