//! The store of one process: nothing to install, gone with it. Same contract as Redis.

mod count;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Count, Counted, If, Store};
use crate::error::{Error, Result};

/// Messages that a slow listener may leave waiting; one that leaves more is cut off.
const BACKLOG: usize = 1024;

/// Keys in memory. An expired one is removed when it is next looked at.
#[derive(Default)]
pub struct MemoryStore {
    entries: Mutex<HashMap<String, Entry>>,
    channels: Mutex<HashMap<String, Vec<mpsc::Sender<Bytes>>>>,
    /// Number of keys from which on counting looks for expired ones.
    sweep_at: AtomicUsize,
}

struct Entry {
    value: Value,
    expires: Option<Instant>,
}

enum Value {
    Text(Bytes),
    List(Vec<Bytes>),
    Set(BTreeSet<Bytes>),
    Sorted(HashMap<Bytes, f64>),
    /// Moments of requests, in order.
    Log(VecDeque<u64>),
}

impl MemoryStore {
    /// Takes all items off a list, as Tyk Pump does, and deletes it.
    pub fn take(&self, list: &str) -> Vec<Bytes> {
        match self.live(list).remove(list) {
            Some(Entry { value: Value::List(items), .. }) => items,
            _ => Vec::new(),
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self, key: &str) -> MutexGuard<'_, HashMap<String, Entry>> {
        let mut entries = self.locked();
        let expired = entries.get(key).and_then(|entry| entry.expires).is_some_and(|at| at <= Instant::now());
        if expired {
            entries.remove(key);
        }
        entries
    }

    /// Reads or edits the value of a key, which is made when it is missing.
    fn with<T>(&self, key: &str, empty: Value, work: impl FnOnce(&mut Value) -> Option<T>) -> Result<T> {
        let mut entries = self.live(key);
        let entry = entries.entry(key.to_owned()).or_insert(Entry { value: empty, expires: None });
        work(&mut entry.value)
            .ok_or_else(|| Error::Store(format!("{key} holds another kind of value").into()))
    }

    /// The same for a key that is left alone when it is missing.
    fn seen<T: Default>(&self, key: &str, work: impl FnOnce(&mut Value) -> Option<T>) -> Result<T> {
        match self.live(key).get_mut(key) {
            None => Ok(T::default()),
            Some(entry) => work(&mut entry.value)
                .ok_or_else(|| Error::Store(format!("{key} holds another kind of value").into())),
        }
    }
}

fn after(ttl: Duration) -> Option<Instant> {
    Instant::now().checked_add(ttl)
}

impl Value {
    fn list(&mut self) -> Option<&mut Vec<Bytes>> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    fn set(&mut self) -> Option<&mut BTreeSet<Bytes>> {
        if let Self::Set(members) = self { Some(members) } else { None }
    }

    fn sorted(&mut self) -> Option<&mut HashMap<Bytes, f64>> {
        if let Self::Sorted(members) = self { Some(members) } else { None }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let value = |key: &&str| match self.live(key).get(*key) {
            Some(Entry { value: Value::Text(text), .. }) => Some(text.clone()),
            _ => None,
        };
        Ok(keys.iter().map(value).collect())
    }

    async fn set(&self, key: &str, value: &[u8], ttl: Option<Duration>, when: If) -> Result<bool> {
        let mut entries = self.live(key);
        let held = match when {
            If::Always => false,
            If::Exists => !entries.contains_key(key),
            If::Absent => entries.contains_key(key),
        };
        if !held {
            let value = Value::Text(Bytes::copy_from_slice(value));
            entries.insert(key.to_owned(), Entry { value, expires: ttl.and_then(after) });
        }
        Ok(!held)
    }

    async fn delete(&self, keys: &[&str]) -> Result<u64> {
        Ok(keys.iter().filter(|key| self.live(key).remove(**key).is_some()).count() as u64)
    }

    async fn scan(&self, prefix: &str) -> Result<Vec<String>> {
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.expires.is_none_or(|at| at > now));
        Ok(entries.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    async fn push(&self, list: &str, items: &[Bytes]) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        self.with(list, Value::List(Vec::new()), |value| {
            value.list()?.extend_from_slice(items);
            Some(())
        })
    }

    async fn list(&self, list: &str) -> Result<Vec<Bytes>> {
        self.seen(list, |value| value.list().cloned())
    }

    async fn list_remove(&self, list: &str, item: &[u8]) -> Result<u64> {
        self.seen(list, |value| {
            let items = value.list()?;
            let before = items.len();
            items.retain(|other| other != item);
            Some((before - items.len()) as u64)
        })
    }

    async fn set_add(&self, set: &str, member: &[u8]) -> Result<()> {
        self.with(set, Value::Set(BTreeSet::new()), |value| {
            value.set()?.insert(Bytes::copy_from_slice(member));
            Some(())
        })
    }

    async fn set_members(&self, set: &str) -> Result<Vec<Bytes>> {
        self.seen(set, |value| Some(value.set()?.iter().cloned().collect()))
    }

    async fn set_remove(&self, set: &str, member: &[u8]) -> Result<()> {
        self.seen(set, |value| {
            value.set()?.remove(member);
            Some(())
        })
    }

    async fn sorted_add(&self, set: &str, member: &[u8], score: f64) -> Result<()> {
        self.with(set, Value::Sorted(HashMap::new()), |value| {
            value.sorted()?.insert(Bytes::copy_from_slice(member), score);
            Some(())
        })
    }

    async fn sorted_range(&self, set: &str, from: f64, to: f64) -> Result<Vec<(Bytes, f64)>> {
        let mut found: Vec<(Bytes, f64)> = self.seen(set, |value| {
            let members = value.sorted()?.iter().filter(|(_, score)| (from..=to).contains(*score));
            Some(members.map(|(member, score)| (member.clone(), *score)).collect())
        })?;
        found.sort_by(|(one, low), (other, high)| low.total_cmp(high).then_with(|| one.cmp(other)));
        Ok(found)
    }

    async fn sorted_remove(&self, set: &str, from: f64, to: f64) -> Result<u64> {
        self.seen(set, |value| {
            let members = value.sorted()?;
            let before = members.len();
            members.retain(|_, score| !(from..=to).contains(score));
            Some((before - members.len()) as u64)
        })
    }

    async fn ttl(&self, key: &str) -> Result<Option<Duration>> {
        let expires = self.live(key).get(key).and_then(|entry| entry.expires);
        Ok(expires.map(|at| at.saturating_duration_since(Instant::now())))
    }

    async fn expire(&self, key: &str, ttl: Duration) -> Result<bool> {
        let mut entries = self.live(key);
        let Some(entry) = entries.get_mut(key) else { return Ok(false) };
        entry.expires = after(Duration::from_secs(ttl.as_secs()));
        Ok(true)
    }

    async fn count(&self, counts: &[Count<'_>]) -> Result<Vec<Counted>> {
        self.counted(counts)
    }

    async fn publish(&self, channel: &str, message: &[u8]) -> Result<()> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listeners) = channels.get_mut(channel) {
            let message = Bytes::copy_from_slice(message);
            listeners.retain(|listener| listener.try_send(message.clone()).is_ok());
        }
        Ok(())
    }

    async fn subscribe(&self, channel: &str) -> Result<mpsc::Receiver<Bytes>> {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.entry(channel.to_owned()).or_default().push(sender);
        Ok(receiver)
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}
