//! Smoothing: the rate that is allowed moves with the traffic between a threshold and the limit (sessions reference 5.7).
//!
//! The state is this process' own. Tyk writes it to Redis as well, but reads it once: gateways do not follow each
//! other there either, and what they decide by, the log of requests, is shared.

use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use crate::session::Smoothing;

/// Limits whose state is kept.
const MOST: usize = 50_000;

/// The allowed rate moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// More is allowed.
    Up,
    /// Less is allowed.
    Down,
}

#[derive(Debug, Clone, Copy)]
struct State {
    allowed: u64,
    /// Not moved again before.
    rests: Instant,
}

/// The allowed rates of all limits that are smoothed.
pub(super) struct Allowances(Cache<Box<str>, State>);

impl Default for Allowances {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

/// The settings, if they switch it on.
pub(super) fn is_on(smoothing: &Smoothing) -> bool {
    smoothing.enabled
        && smoothing.threshold > 0
        && smoothing.trigger > 0.0
        && smoothing.step > 0
        && smoothing.delay > 0
}

impl Allowances {
    /// The rate that is allowed now, after `count` requests in the period, and whether it has just moved. `limit` is the
    /// highest.
    pub(super) fn allow(
        &self,
        key: &str,
        smoothing: &Smoothing,
        (count, limit): (u64, u64),
        now: Instant,
    ) -> (u64, Option<Move>) {
        let threshold = smoothing.threshold.unsigned_abs();
        let rest = now + Duration::from_secs(smoothing.delay.unsigned_abs());
        let Some(state) = self.0.get(key) else {
            let allowed = threshold.min(limit);
            self.0.insert(key.into(), State { allowed, rests: rest });
            return (allowed, None);
        };
        let allowed = state.allowed.min(limit);
        if now < state.rests {
            return (allowed, None);
        }
        let step = smoothing.step.unsigned_abs();
        let margin = smoothing.trigger * step as f64;
        let (moved, to) = if count as f64 >= allowed as f64 - margin {
            (Move::Up, allowed.saturating_add(step).min(limit))
        } else if count as f64 <= allowed as f64 - step as f64 - margin {
            (Move::Down, allowed.saturating_sub(step).max(threshold.min(limit)))
        } else {
            return (allowed, None);
        };
        if to == allowed {
            return (allowed, None);
        }
        self.0.insert(key.into(), State { allowed: to, rests: rest });
        (to, Some(moved))
    }
}
