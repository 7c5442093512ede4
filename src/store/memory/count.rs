//! Counting in memory: what `redis/count.lua` does, under one lock.

use std::{
    collections::{HashMap, VecDeque},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Entry, MemoryStore, Value, after};
use crate::{
    error::{Error, Result},
    store::count::{Count, Counted},
};

/// Keys below which nobody looks for expired ones.
const FEW: usize = 1024;

type Entries = HashMap<String, Entry>;

impl MemoryStore {
    pub(super) fn counted(&self, counts: &[Count<'_>]) -> Result<Vec<Counted>> {
        let mut all = Vec::with_capacity(counts.len());
        let now = Instant::now();
        let mut entries = self.locked();
        self.sweep(&mut entries, now);
        for count in counts {
            let counted = match *count {
                Count::Rolling { key, now: moment, per, limit } => {
                    rolling(&mut entries, key, now, (moment, per, limit))?
                }
                Count::Flag { key } => {
                    let left = live(&mut entries, key, now).map(|entry| left(entry, now));
                    Counted { passed: left.is_none(), value: 0, left: left.unwrap_or_default() }
                }
                Count::Window { key, rest, limit } => {
                    let (value, _) = add(&mut entries, key, now, Some(rest), false)?;
                    Counted { passed: value <= limit, value, left: rest }
                }
                Count::Quota { key, limit, renewal } => {
                    let renewal = (renewal > 0).then(|| Duration::from_secs(renewal));
                    let (value, left) = add(&mut entries, key, now, renewal, true)?;
                    Counted { passed: value <= limit, value, left }
                }
            };
            all.push(counted);
            if !counted.passed {
                break;
            }
        }
        Ok(all)
    }

    /// Removes what has expired once the keys have doubled: windows are never looked at again.
    fn sweep(&self, entries: &mut Entries, now: Instant) {
        if entries.len() < self.sweep_at.load(Ordering::Relaxed).max(FEW) {
            return;
        }
        entries.retain(|_, entry| entry.expires.is_none_or(|at| at > now));
        self.sweep_at.store(entries.len() * 2, Ordering::Relaxed);
    }
}

fn live<'e>(entries: &'e mut Entries, key: &str, now: Instant) -> Option<&'e mut Entry> {
    let expired = entries.get(key).and_then(|entry| entry.expires).is_some_and(|at| at <= now);
    if expired {
        entries.remove(key);
    }
    entries.get_mut(key)
}

fn left(entry: &Entry, now: Instant) -> Duration {
    entry.expires.map(|at| at.saturating_duration_since(now)).unwrap_or_default()
}

/// One more in a number, and how long it lives. A new one lives for `ttl`; with `renews`, so does one without an end.
fn add(
    entries: &mut Entries,
    key: &str,
    now: Instant,
    ttl: Option<Duration>,
    renews: bool,
) -> Result<(u64, Duration)> {
    let found = live(entries, key, now).filter(|entry| !(renews && ttl.is_some() && entry.expires.is_none()));
    let Some(entry) = found else {
        let expires = ttl.and_then(after);
        entries.insert(key.to_owned(), Entry { value: Value::Text(Bytes::from_static(b"1")), expires });
        return Ok((1, ttl.unwrap_or_default()));
    };
    let text = if let Value::Text(text) = &entry.value { std::str::from_utf8(text).ok() } else { None };
    let value = text.and_then(|text| text.parse::<u64>().ok()).ok_or_else(|| wrong(key))?.saturating_add(1);
    entry.value = Value::Text(Bytes::copy_from_slice(itoa::Buffer::new().format(value).as_bytes()));
    Ok((value, left(entry, now)))
}

fn rolling(
    entries: &mut Entries,
    key: &str,
    now: Instant,
    (moment, per, limit): (u64, u64, u64),
) -> Result<Counted> {
    let span = per.saturating_mul(1_000_000_000);
    if per == 0 {
        // Redis deletes a key that is to live for no time.
        entries.remove(key);
        return Ok(Counted { passed: limit > 0, value: 0, left: Duration::ZERO });
    }
    if live(entries, key, now).is_none() {
        entries.insert(key.to_owned(), Entry { value: Value::Log(VecDeque::new()), expires: None });
    }
    let Some(Entry { value: Value::Log(log), expires }) = entries.get_mut(key) else {
        return Err(wrong(key));
    };
    let from = moment.saturating_sub(span);
    while log.front().is_some_and(|first| *first <= from) {
        log.pop_front();
    }
    let value = log.len() as u64;
    // Requests come nearly in order of their moments.
    let place = log.iter().rposition(|other| *other <= moment).map_or(0, |before| before + 1);
    log.insert(place, moment);
    *expires = after(Duration::from_secs(per));
    let first = usize::try_from(limit).ok().and_then(|limit| log.len().checked_sub(limit.max(1)));
    let left = match first.and_then(|at| log.get(at)) {
        Some(first) if value >= limit => first.saturating_add(span).saturating_sub(moment),
        _ => 0,
    };
    Ok(Counted { passed: value < limit, value, left: Duration::from_nanos(left) })
}

fn wrong(key: &str) -> Error {
    Error::Store(format!("{key} holds another kind of value").into())
}
