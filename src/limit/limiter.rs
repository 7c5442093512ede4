//! [`Limiter`]: asks the algorithm that the config chose.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    Move, QuotaNumbers, RateNumbers,
    buckets::{Buckets, Draw},
    plan::{Log, Plan, raise, settle, unix_nanos, window},
    smoothing::{self, Allowances},
};
use crate::{
    cluster::Members,
    config::Config,
    error::{Error, Result},
    session::Smoothing,
    store::{Count, Counted, Store, keys},
};

/// How rates are counted (sessions reference 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    FixedWindow,
    Sentinel,
    Rolling,
    Distributed,
}

/// Counts requests against rates and quotas.
pub struct Limiter {
    store: Arc<dyn Store>,
    algorithm: Algorithm,
    smooths: bool,
    /// Requests per second and gateway below which the store counts for several gateways.
    threshold: f64,
    /// What the store lets pass of such a rate is one less.
    one_less: bool,
    buckets: Buckets,
    allowances: Arc<Allowances>,
    members: Arc<Members>,
    generations: AtomicU64,
}

/// A rate that a request is counted against. Nothing above zero is no limit.
#[derive(Debug, Clone, Copy)]
pub struct RateAsk<'a> {
    /// Requests in `per` seconds.
    pub rate: f64,
    /// Seconds.
    pub per: f64,
    /// Rate that follows the traffic.
    pub smoothing: Option<&'a Smoothing>,
    /// Hash of the endpoint that it is for; empty for all.
    pub endpoint: &'a str,
    /// Another text makes a new bucket in memory: `last_updated`.
    pub generation: &'a str,
}

/// A quota that a request is counted against.
#[derive(Debug, Clone, Copy)]
pub struct QuotaAsk {
    /// Requests in a period; nothing above zero is no quota.
    pub limit: i64,
    /// Seconds; nothing above zero never renews.
    pub renewal: i64,
}

/// Who is counted, against what.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Whose counters; empty shares them.
    pub scope: &'a str,
    /// What stands for the caller in counters.
    pub id: &'a str,
    /// Comes first.
    pub rate: Option<RateAsk<'a>>,
    /// Counts only what the rate let pass.
    pub quota: Option<QuotaAsk>,
}

/// Whether a bucket is drawn from or only looked at. Counts of the store are made in both cases, as Tyk makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// For a request.
    Real,
    /// To see whether a request would pass.
    Dry,
}

/// Why a request may not go on.
#[derive(Debug)]
pub enum Refusal {
    /// It is over the rate, or the store that counts it did not answer.
    Rate,
    /// The quota is used up, or the store did not answer.
    Quota,
    /// The store of a fixed window did not answer.
    Fault(Error),
}

/// What came of an [`Ask`].
#[derive(Debug, Default)]
pub struct Checked {
    /// The request may not go on.
    pub refused: Option<Refusal>,
    /// Where it stands in the rate; nothing when there is none.
    pub rate: Option<RateNumbers>,
    /// Where it stands in the quota; nothing when it was not counted.
    pub quota: Option<QuotaNumbers>,
    /// Smoothing moved the allowed rate.
    pub moved: Option<Move>,
}

impl Limiter {
    /// The algorithm that the config asks for. `members` share each rate.
    pub fn new(config: &Config, store: Arc<dyn Store>, members: Arc<Members>) -> Self {
        let algorithm = if config.enable_fixed_window_rate_limiter {
            Algorithm::FixedWindow
        } else if config.enable_sentinel_rate_limiter {
            Algorithm::Sentinel
        } else if config.enable_redis_rolling_limiter {
            Algorithm::Rolling
        } else {
            Algorithm::Distributed
        };
        Self {
            store,
            algorithm,
            smooths: config.enable_rate_limit_smoothing,
            threshold: if config.drl_threshold == 0.0 { 5.0 } else { config.drl_threshold },
            one_less: config.drl_enable_sentinel_rate_limiter,
            buckets: Buckets::default(),
            allowances: Arc::default(),
            members,
            generations: AtomicU64::new(0),
        }
    }

    /// A text that no bucket has in its name yet.
    pub fn generation(&self) -> String {
        self.generations.fetch_add(1, Ordering::Relaxed).to_string()
    }

    /// Counts a request, in at most one round trip; a smoothed rate needs one more.
    pub async fn check(&self, ask: &Ask<'_>, run: Run) -> Checked {
        let mut checked = Checked::default();
        let plan = match &ask.rate {
            Some(rate) if rate.rate > 0.0 => self.plan(ask, rate, run, &mut checked),
            _ => Plan::Free,
        };
        let quota = ask.quota.filter(|quota| quota.limit > 0);
        if checked.refused.is_some() || (matches!(plan, Plan::Free) && quota.is_none()) {
            return checked;
        }
        let key = quota.map(|_| keys::quota(ask.scope, ask.id)).unwrap_or_default();
        let count = quota.map(|quota| Count::Quota {
            key: &key,
            limit: quota.limit.unsigned_abs(),
            renewal: u64::try_from(quota.renewal).unwrap_or_default(),
        });
        let counted = self.count(&plan, count, &mut checked).await;
        settle(&plan, quota, counted, &mut checked);
        checked
    }

    /// Draws from a bucket, or says what the store has to count.
    fn plan<'a>(&self, ask: &Ask<'_>, rate: &RateAsk<'a>, run: Run, checked: &mut Checked) -> Plan<'a> {
        if self.algorithm == Algorithm::Distributed {
            let gateways = self.members.count();
            if gateways == 1 || gateways as f64 * self.threshold < rate.rate / rate.per {
                self.draw(ask, rate, run, gateways, checked);
                return Plan::Free;
            }
        }
        let key = keys::rate_limit(ask.scope, ask.id, rate.endpoint);
        // Fractions are cut off.
        let (limit, per) = (rate.rate as u64, rate.per as u64);
        let smoothing = rate.smoothing.filter(|smoothing| self.smooths && smoothing::is_on(smoothing));
        let now = unix_nanos();
        match self.algorithm {
            Algorithm::FixedWindow => match window(now, per) {
                Some((start, rest)) => {
                    Plan::Window { key: keys::window(&key, start), rest, limit, rate: rate.rate as i64 }
                }
                // A window of no length holds one request.
                None => {
                    checked.refused = (limit == 0).then_some(Refusal::Rate);
                    Plan::Free
                }
            },
            Algorithm::Sentinel => {
                let flag = keys::blocked(&key);
                Plan::Sentinel(Log { key, limit, per, now, smoothing }, flag)
            }
            Algorithm::Rolling => Plan::Rolling(Log { key, limit, per, now, smoothing }),
            Algorithm::Distributed => {
                let limit = limit.saturating_sub(u64::from(self.one_less));
                Plan::Rolling(Log { key, limit, per, now, smoothing })
            }
        }
    }

    fn draw(&self, ask: &Ask<'_>, rate: &RateAsk<'_>, run: Run, gateways: usize, checked: &mut Checked) {
        let id = self.buckets.id((ask.scope, ask.id, rate.endpoint, rate.generation));
        let per = Duration::from_secs(rate.per as u64);
        let draw = Draw { rate: rate.rate, per, gateways: gateways as u64, dry: run == Run::Dry };
        let drawn = self.buckets.draw(id, &draw, Instant::now());
        checked.rate = Some(RateNumbers {
            limit: rate.rate as i64,
            remaining: i64::try_from(drawn.remaining).unwrap_or(i64::MAX),
            wait: drawn.wait,
        });
        checked.refused = (!drawn.passed).then_some(Refusal::Rate);
    }

    /// Asks the store. The answers are those of the rate, if there is one to be asked, and of the quota.
    async fn count(
        &self,
        plan: &Plan<'_>,
        quota: Option<Count<'_>>,
        checked: &mut Checked,
    ) -> Result<Vec<Counted>> {
        let first = match plan {
            Plan::Free => None,
            Plan::Rolling(log) => match log.smoothing {
                Some(smoothing) => return self.smoothed(log, smoothing, quota, checked).await,
                None => Some(log.count(log.limit)),
            },
            Plan::Sentinel(_, flag) => Some(Count::Flag { key: flag }),
            Plan::Window { key, rest, limit, .. } => Some(Count::Window { key, rest: *rest, limit: *limit }),
        };
        let counted = match (first, quota) {
            (Some(rate), Some(quota)) => self.store.count(&[rate, quota]).await,
            (Some(only), None) | (None, Some(only)) => self.store.count(&[only]).await,
            (None, None) => Ok(Vec::new()),
        };
        if let Plan::Sentinel(log, flag) = plan {
            self.look_later(log, flag, checked).await;
        }
        counted
    }

    /// The log is asked how many there are, and smoothing says how many there may be.
    async fn smoothed(
        &self,
        log: &Log<'_>,
        smoothing: &Smoothing,
        quota: Option<Count<'_>>,
        checked: &mut Checked,
    ) -> Result<Vec<Counted>> {
        let mut all = self.store.count(&[log.count(u64::MAX)]).await?;
        let Some(counted) = all.first_mut() else { return Ok(all) };
        let (allowed, moved) =
            self.allowances.allow(&log.key, smoothing, (counted.value, log.limit), Instant::now());
        checked.moved = moved;
        counted.passed = counted.value < allowed;
        if let (true, Some(quota)) = (counted.passed, quota) {
            all.extend(self.store.count(&[quota]).await?);
        }
        Ok(all)
    }

    /// The sentinel's other half: the log, beside the request, raises the flag for those to come. Where smoothing has
    /// something to say of it, the request waits for it.
    async fn look_later(&self, log: &Log<'_>, flag: &str, checked: &mut Checked) {
        let store = self.store.clone();
        if let Some(smoothing) = log.smoothing {
            let allowances = self.allowances.clone();
            let allow = |count| {
                let (allowed, moved) =
                    allowances.allow(&log.key, smoothing, (count, log.limit), Instant::now());
                checked.moved = moved;
                allowed
            };
            raise(&*store, log, flag, allow).await;
            return;
        }
        let (log, flag) = (log.detached(), flag.to_owned());
        tokio::spawn(async move { raise(&*store, &log, &flag, |_| log.limit).await });
    }
}
