//! Counting in Redis. A batch is one `EVALSHA` of `count.lua`. What is asked most often needs no script: a quota whose
//! expiry this process knows is one `INCR`, a flag alone is one `PTTL` (decisions 3: Redis is the dear part).

use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use redis::{ErrorKind, RedisError, Script, ServerErrorKind, cmd};

use super::RedisStore;
use crate::{
    error::{Error, Result},
    store::count::{Count, Counted, LONGEST},
};

const SCRIPT: &str = include_str!("count.lua");
/// Quotas whose end is remembered.
const MOST_KNOWN: usize = 100_000;

/// What counting keeps beside the connection.
pub(super) struct Counting {
    script: Script,
    /// Counters that certainly exist with an expiry, and until when.
    known: Cache<Box<str>, Instant>,
}

impl Default for Counting {
    fn default() -> Self {
        Self { script: Script::new(SCRIPT), known: Cache::new(MOST_KNOWN) }
    }
}

impl RedisStore {
    pub(super) async fn counted(&self, counts: &[Count<'_>]) -> Result<Vec<Counted>> {
        if let [count] = counts
            && let Some(counted) = self.plain(count).await?
        {
            return Ok(vec![counted]);
        }
        if !self.clustered {
            return self.batch(counts).await;
        }
        // No two keys of ours lie in one slot on purpose.
        let mut all = Vec::with_capacity(counts.len());
        for count in counts {
            all.extend(self.batch(std::slice::from_ref(count)).await?);
            if all.last().is_none_or(|last| !last.passed) {
                break;
            }
        }
        Ok(all)
    }

    /// Counts that a single command can do.
    async fn plain(&self, count: &Count<'_>) -> Result<Option<Counted>> {
        match *count {
            Count::Flag { key } => {
                let left: i64 = self.ask(cmd("PTTL").arg(key)).await?;
                Ok(Some(Counted { passed: left == -2, value: 0, left: millis(left) }))
            }
            Count::Quota { key, limit, renewal: 0 } => {
                let value: u64 = self.ask(cmd("INCR").arg(key)).await?;
                if value == 1 {
                    // A new counter, and without an end.
                    self.counting.known.remove(key);
                }
                Ok(Some(Counted { passed: value <= limit, value, left: Duration::ZERO }))
            }
            Count::Quota { key, limit, renewal } => {
                let ends = self.counting.known.get(key);
                let Some(left) = ends.and_then(|ends| ends.checked_duration_since(Instant::now())) else {
                    return Ok(None);
                };
                let value: u64 = self.ask(cmd("INCR").arg(key)).await?;
                let left = if value == 1 { self.renew(key, renewal).await? } else { left };
                Ok(Some(Counted { passed: value <= limit, value, left }))
            }
            Count::Rolling { .. } | Count::Window { .. } => Ok(None),
        }
    }

    /// Gives a counter its expiry that was thought to have one: somebody has reset it.
    async fn renew(&self, key: &str, renewal: u64) -> Result<Duration> {
        self.counting.known.remove(key);
        let arguments = ["renewed".into(), renewal.min(LONGEST).to_string(), String::new(), String::new()];
        let found = self.run(&[key], &arguments).await?;
        Ok(millis(found.get(2).copied().unwrap_or_default()))
    }

    async fn batch(&self, counts: &[Count<'_>]) -> Result<Vec<Counted>> {
        let asked = Instant::now();
        let keys: Vec<&str> = counts.iter().map(Count::key).collect();
        let arguments: Vec<String> = counts.iter().flat_map(arguments).collect();
        let found = self.run(&keys, &arguments).await?;
        let (triples, _) = found.as_chunks::<3>();
        let read = counts.iter().zip(triples).map(|(count, triple)| {
            let counted = read(count, *triple);
            if let Count::Quota { key, renewal: 1.., .. } = count
                && !counted.left.is_zero()
                && let Some(ends) = asked.checked_add(counted.left)
            {
                // Earlier than the truth by the way there: whoever trusts it finds the counter.
                self.counting.known.insert((*key).into(), ends);
            }
            counted
        });
        Ok(read.collect())
    }

    async fn run(&self, keys: &[&str], arguments: &[String]) -> Result<Vec<i64>> {
        let call = |name: &str, script: &str| {
            let mut call = cmd(name);
            call.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            call
        };
        match self.ask(&call("EVALSHA", self.counting.script.get_hash())).await {
            Err(error) if is_unknown_script(&error) => self.ask(&call("EVAL", SCRIPT)).await,
            done => done,
        }
    }
}

impl Count<'_> {
    fn key(&self) -> &str {
        match self {
            Self::Rolling { key, .. }
            | Self::Flag { key }
            | Self::Window { key, .. }
            | Self::Quota { key, .. } => key,
        }
    }
}

/// What `count.lua` reads of a count.
fn arguments(count: &Count<'_>) -> [String; 4] {
    let none = String::new;
    match *count {
        Count::Rolling { now, per, limit, .. } => {
            let per = per.min(LONGEST);
            let from = now.saturating_sub(per * 1_000_000_000);
            ["rolling".into(), format!("{now},{from}"), per.to_string(), limit.to_string()]
        }
        Count::Flag { .. } => ["flag".into(), none(), none(), none()],
        Count::Window { rest, limit, .. } => {
            ["window".into(), rest.as_millis().max(1).to_string(), limit.to_string(), none()]
        }
        Count::Quota { limit, renewal, .. } => {
            ["quota".into(), renewal.min(LONGEST).to_string(), limit.to_string(), none()]
        }
    }
}

fn read(count: &Count<'_>, [passed, value, third]: [i64; 3]) -> Counted {
    let left = match *count {
        Count::Rolling { now, per, .. } => {
            let first = u64::try_from(third).unwrap_or_default();
            let frees = first.saturating_add(per.saturating_mul(1_000_000_000));
            if first == 0 { Duration::ZERO } else { Duration::from_nanos(frees.saturating_sub(now)) }
        }
        _ => millis(third),
    };
    Counted { passed: passed == 1, value: u64::try_from(value).unwrap_or_default(), left }
}

fn millis(left: i64) -> Duration {
    Duration::from_millis(u64::try_from(left).unwrap_or_default())
}

fn is_unknown_script(error: &Error) -> bool {
    let Error::Store(cause) = error else { return false };
    let kind = cause.downcast_ref::<RedisError>().map(RedisError::kind);
    kind == Some(ErrorKind::Server(ServerErrorKind::NoScript))
}
