//! When a plugin had no worker that takes calls. That time is not counted against calls that waited meanwhile: only
//! those that a worker had are lost with it.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::oneshot::{Receiver, error::RecvError},
    time::{error::Elapsed, timeout_at},
};

/// Outages that are remembered: calls live shorter than as many take.
const REMEMBERED: usize = 64;
/// What a call is given beyond its limit, at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// The outages of one plugin.
pub(super) struct Outages(Mutex<History>);

struct History {
    up: usize,
    /// Since when none is up.
    since: Option<Instant>,
    past: VecDeque<(Instant, Instant)>,
}

impl Outages {
    pub(super) fn new() -> Self {
        Self(Mutex::new(History { up: 0, since: Some(Instant::now()), past: VecDeque::new() }))
    }

    /// A worker takes calls from now on, or no more.
    pub(super) fn changed(&self, up: bool, now: Instant) {
        let mut history = self.history();
        if up {
            history.up += 1;
            if let Some(since) = history.since.take() {
                if history.past.len() == REMEMBERED {
                    history.past.pop_front();
                }
                history.past.push_back((since, now));
            }
        } else {
            history.up = history.up.saturating_sub(1);
            if history.up == 0 {
                history.since = Some(now);
            }
        }
    }

    /// Waits for the outcome of a call that came at `since`. Time in which no worker took calls does not count.
    pub(super) async fn wait<T>(
        &self,
        since: Instant,
        limit: Duration,
        outcome: Receiver<T>,
    ) -> Result<Result<T, RecvError>, Elapsed> {
        let mut outcome = pin!(outcome);
        let mut deadline = since + limit;
        loop {
            match timeout_at(deadline.into(), &mut outcome).await {
                Err(elapsed) => {
                    let later = since + limit + self.since(since, Instant::now());
                    if later <= deadline {
                        return Err(elapsed);
                    }
                    deadline = later;
                }
                outcome => return outcome,
            }
        }
    }

    /// What a call that came at `from` has to be given beyond its limit.
    fn since(&self, from: Instant, now: Instant) -> Duration {
        let history = self.history();
        let current = history.since.map(|since| (since, now));
        let all = history.past.iter().copied().chain(current);
        let lost: Duration = all.map(|(start, end)| end.saturating_duration_since(start.max(from))).sum();
        lost.min(PATIENCE)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn time_without_any_worker_is_not_counted() {
        let outages = Outages::new();
        let start = Instant::now() + 10 * MS;
        outages.changed(true, start);
        assert_eq!(outages.since(start, start + 500 * MS), Duration::ZERO);
        outages.changed(true, start);
        outages.changed(false, start + 100 * MS);
        assert_eq!(outages.since(start, start + 500 * MS), Duration::ZERO, "another one is up");
        outages.changed(false, start + 200 * MS);
        assert_eq!(outages.since(start, start + 300 * MS), 100 * MS, "it lasts");
        outages.changed(true, start + 400 * MS);
        assert_eq!(outages.since(start, start + 500 * MS), 200 * MS);
        assert_eq!(outages.since(start + 350 * MS, start + 500 * MS), 50 * MS, "it came later");
        assert_eq!(outages.since(start + 450 * MS, start + 500 * MS), Duration::ZERO);
    }

    #[test]
    fn nobody_waits_for_ever() {
        let outages = Outages::new();
        let now = Instant::now();
        assert_eq!(outages.since(now, now + 60_000 * MS), PATIENCE);
    }
}
