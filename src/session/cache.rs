//! The local cache of keys: what one look-up found, for ten seconds, as Tyk keeps it.
//!
//! An entry stands under what was presented, so that a hit hashes no token and merges no policy. An entry is
//! forgotten by the hash of its key, which another gateway may announce: each hash has a place in [`Epochs`], and an
//! entry counts as long as its place has not moved on. So nothing leads from hashes to entries that would have to be
//! kept in step, and two hashes that share a place only cost a look-up.

use std::{
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::{Equivalent, sync};

/// How long an entry counts. `cached_session_timeout` is of no effect, as in Tyk.
const FRESH: Duration = Duration::from_secs(10);
/// Places of [`Epochs`]: 32 KiB.
const PLACES: usize = 8192;

/// Which entries still count, by the hash of their key.
pub(super) struct Epochs {
    places: Box<[AtomicU32]>,
    hasher: RandomState,
}

/// The state of a place when something was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    place: usize,
    count: u32,
}

impl Epochs {
    pub(super) fn new() -> Self {
        let places = (0..PLACES).map(|_| AtomicU32::new(0)).collect();
        Self { places, hasher: RandomState::new() }
    }

    fn place(&self, hash: &str) -> usize {
        usize::try_from(self.hasher.hash_one(hash) % PLACES as u64).unwrap_or_default()
    }

    /// How it stands now. Taken before the store is asked, so that an answer which is overtaken by an edit does not
    /// outlive it.
    pub(super) fn now(&self, hash: &str) -> Epoch {
        let place = self.place(hash);
        Epoch { place, count: self.count(place) }
    }

    fn count(&self, place: usize) -> u32 {
        self.places.get(place).map_or(0, |count| count.load(Ordering::Acquire))
    }

    pub(super) fn is_current(&self, epoch: Epoch) -> bool {
        self.count(epoch.place) == epoch.count
    }

    /// Nothing that was read under this hash counts any more.
    pub(super) fn advance(&self, hash: &str) {
        if let Some(count) = self.places.get(self.place(hash)) {
            count.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Entries under an organisation and what was presented to its APIs.
pub(super) struct Cache<V> {
    entries: sync::Cache<Owned, Arc<Entry<V>>>,
    epochs: Arc<Epochs>,
}

/// Something that was found.
pub(super) struct Entry<V> {
    pub(super) value: V,
    epoch: Epoch,
    read: Instant,
}

#[derive(PartialEq, Eq)]
struct Owned {
    org_id: Box<str>,
    presented: Box<str>,
}

struct Borrowed<'a> {
    org_id: &'a str,
    presented: &'a str,
}

impl Hash for Borrowed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.org_id.hash(state);
        self.presented.hash(state);
    }
}

impl Hash for Owned {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrowed { org_id: &self.org_id, presented: &self.presented }.hash(state);
    }
}

impl Equivalent<Owned> for Borrowed<'_> {
    fn equivalent(&self, key: &Owned) -> bool {
        *self.presented == *key.presented && *self.org_id == *key.org_id
    }
}

impl<V> Cache<V> {
    /// Room for this many entries; those that are asked for least make room.
    pub(super) fn new(entries: usize, epochs: Arc<Epochs>) -> Self {
        Self { entries: sync::Cache::new(entries.max(1)), epochs }
    }

    /// What was found, if it still counts.
    pub(super) fn get(&self, org_id: &str, presented: &str) -> Option<Arc<Entry<V>>> {
        let entry = self.entries.get(&Borrowed { org_id, presented })?;
        (entry.read.elapsed() < FRESH && self.epochs.is_current(entry.epoch)).then_some(entry)
    }

    /// Keeps what the store said under this epoch.
    pub(super) fn put(&self, org_id: &str, presented: &str, value: V, epoch: Epoch) {
        self.insert(org_id, presented, Entry { value, epoch, read: Instant::now() });
    }

    /// Puts another value in the place of one that was read before; it counts no longer than that.
    pub(super) fn replace(&self, org_id: &str, presented: &str, value: V, old: &Entry<V>) {
        self.insert(org_id, presented, Entry { value, epoch: old.epoch, read: old.read });
    }

    fn insert(&self, org_id: &str, presented: &str, entry: Entry<V>) {
        self.entries.insert(Owned { org_id: org_id.into(), presented: presented.into() }, Arc::new(entry));
    }

    /// Gives back the memory of what does not count any more.
    pub(super) fn sweep(&self) {
        self.entries.retain(|_, entry| entry.read.elapsed() < FRESH && self.epochs.is_current(entry.epoch));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: usize) -> (Cache<u32>, Arc<Epochs>) {
        let epochs = Arc::new(Epochs::new());
        (Cache::new(entries, epochs.clone()), epochs)
    }

    #[test]
    fn a_hash_forgets_every_form_of_its_key() {
        let (cache, epochs) = cache(100);
        for (org, presented, hash) in [("o", "short", "h1"), ("o", "o-short", "h1"), ("p", "other", "h2")] {
            cache.put(org, presented, 1, epochs.now(hash));
        }
        epochs.advance("h1");
        assert!(cache.get("o", "short").is_none());
        assert!(cache.get("o", "o-short").is_none());
        assert!(cache.get("p", "other").is_some());
        assert!(cache.get("o", "other").is_none(), "another organisation's");
        cache.sweep();
        assert_eq!(cache.len(), 1);
    }

    #[test]
    fn what_was_read_before_an_edit_is_not_kept_after_it() {
        let (cache, epochs) = cache(100);
        let before = epochs.now("h");
        epochs.advance("h");
        cache.put("o", "k", 1, before);
        assert!(cache.get("o", "k").is_none());
    }

    #[test]
    fn it_does_not_grow_beyond_its_room() {
        let (cache, epochs) = cache(1000);
        for number in 0..20_000 {
            let key = number.to_string();
            cache.put("o", &key, number, epochs.now(&key));
        }
        assert!(cache.len() <= 1000, "{}", cache.len());
    }
}
