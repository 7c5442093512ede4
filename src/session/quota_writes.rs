//! Quota numbers on their way into stored states. They are for information, the counter is a key of its own, so they
//! may be late: a key's first change is written at once, then its latest at most once a second (decisions 3), and
//! nobody is told. What is written is what stands in the store with these numbers in it: a key that was edited or
//! deleted meanwhile stays edited or deleted.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use tokio::{sync::Notify, time::sleep};

use super::{ApiLifetime, KeyState, SessionState, Sessions};
use crate::store::If;

/// Least time between two writes of a key.
const PAUSE: Duration = Duration::from_secs(1);
/// How often keys that were counted again are looked for: with [`PAUSE`], a number is never older than 1.2 s.
const TICK: Duration = Duration::from_millis(100);
/// How often the cache gives memory back.
const SWEEP: Duration = Duration::from_secs(10);
/// Keys that wait at most, in each shard; those beyond lose a number that nobody decides by.
const MOST_WAITING: usize = 8192;
/// Writes under way at once.
const AT_ONCE: usize = 16;
const SHARDS: usize = 16;

/// What a request left of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLeft<'a> {
    /// Whose counter it was: `allowance_scope`, or nothing.
    pub scope: &'a str,
    /// Requests left.
    pub remaining: i64,
    /// Unix seconds at which the period ends.
    pub renews: i64,
}

/// Numbers that wait.
pub(super) struct QuotaWrites {
    shards: [Mutex<HashMap<Arc<str>, Waiting>>; SHARDS],
    hasher: RandomState,
    news: Notify,
}

impl Default for QuotaWrites {
    fn default() -> Self {
        Self { shards: Default::default(), hasher: RandomState::new(), news: Notify::new() }
    }
}

struct Waiting {
    api: ApiLifetime,
    counters: Vec<Counter>,
    /// When it was written last.
    written: Option<Instant>,
    /// Counted since.
    changed: bool,
}

struct Counter {
    scope: Box<str>,
    remaining: i64,
    renews: i64,
}

impl Waiting {
    fn note(&mut self, left: QuotaLeft<'_>) {
        self.changed = true;
        match self.counters.iter_mut().find(|counter| *counter.scope == *left.scope) {
            Some(counter) => (counter.remaining, counter.renews) = (left.remaining, left.renews),
            None => self.counters.push(Counter {
                scope: left.scope.into(),
                remaining: left.remaining,
                renews: left.renews,
            }),
        }
    }

    fn rests(&self) -> bool {
        self.written.is_some_and(|at| at.elapsed() < PAUSE)
    }
}

/// One write.
struct Due {
    hash: Arc<str>,
    api: ApiLifetime,
    counters: Vec<Counter>,
}

impl QuotaWrites {
    fn shard(&self, hash: &str) -> Option<MutexGuard<'_, HashMap<Arc<str>, Waiting>>> {
        let index = usize::try_from(self.hasher.hash_one(hash) % SHARDS as u64).unwrap_or_default();
        let shard = self.shards.get(index)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, hash: &Arc<str>, api: ApiLifetime, left: QuotaLeft<'_>) {
        let Some(mut shard) = self.shard(hash) else { return };
        if let Some(waiting) = shard.get_mut(hash) {
            waiting.note(left);
            return;
        }
        if shard.len() >= MOST_WAITING {
            return;
        }
        let mut waiting = Waiting { api, counters: Vec::with_capacity(1), written: None, changed: false };
        waiting.note(left);
        shard.insert(hash.clone(), waiting);
        drop(shard);
        self.news.notify_one();
    }

    /// Takes what may be written now, or with `all` everything. Keys that rest are dropped.
    fn due(&self, all: bool) -> Vec<Due> {
        let mut due = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|hash, waiting| {
                if waiting.rests() && !all {
                    return true;
                }
                if waiting.changed {
                    waiting.changed = false;
                    waiting.written = Some(Instant::now());
                    let counters = std::mem::take(&mut waiting.counters);
                    due.push(Due { hash: hash.clone(), api: waiting.api, counters });
                    return true;
                }
                false
            });
        }
        due
    }

    fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).is_empty())
    }
}

impl Sessions {
    /// A request was counted against a quota of a key that an API wrote or would write. Never waits.
    pub fn quota_used(&self, key: &KeyState, api: impl Into<ApiLifetime>, left: QuotaLeft<'_>) {
        if key.stored {
            self.quotas.note(&key.hash, api.into(), left);
        }
    }

    /// Works beside the requests until it is dropped: writes quota numbers and gives back the cache's memory.
    pub async fn tend(self: Arc<Self>) {
        let mut swept = Instant::now();
        loop {
            if self.quotas.is_empty() {
                tokio::select! {
                    () = self.quotas.news.notified() => {}
                    () = sleep(SWEEP) => {}
                }
            } else {
                tokio::select! {
                    () = self.quotas.news.notified() => {}
                    () = sleep(TICK) => {}
                }
            }
            self.write_quotas(false).await;
            if swept.elapsed() >= SWEEP {
                self.sweep();
                swept = Instant::now();
            }
        }
    }

    /// Writes what waits, for at most `limit`.
    pub async fn flush(&self, limit: Duration) {
        // What does not get through in time is lost: the counters themselves are not.
        let _ = tokio::time::timeout(limit, self.write_quotas(true)).await;
    }

    async fn write_quotas(&self, all: bool) {
        let due = self.quotas.due(all);
        stream::iter(due).for_each_concurrent(AT_ONCE, |due| self.write_quota(due)).await;
    }

    async fn write_quota(&self, due: Due) {
        let mut state = match self.read(&due.hash).await {
            Ok(Some(state)) => state,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(error = error.chain(), "quota numbers of a key are lost");
                return;
            }
        };
        due.counters.iter().for_each(|counter| counter.put(&mut state));
        let lifetime = self.lifetime(&state, due.api);
        if let Err(error) = self.write_quietly(&due.hash, &state, lifetime, If::Exists).await {
            tracing::debug!(error = error.chain(), "quota numbers of a key are lost");
        }
    }
}

impl Counter {
    /// Into every entry of the same scope that has limits of its own; without a scope into the root as well.
    fn put(&self, state: &mut SessionState) {
        for rights in state.access_rights.values_mut() {
            if rights.allowance_scope == *self.scope && !rights.limit.is_empty() {
                rights.limit.quota_remaining = self.remaining;
                rights.limit.quota_renews = self.renews;
            }
        }
        if self.scope.is_empty() {
            state.quota_remaining = self.remaining;
            state.quota_renews = self.renews;
        }
    }
}
