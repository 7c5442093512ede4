//! Live handles by label: shared while anybody holds one, gone with the last.

use std::{
    collections::BTreeMap,
    ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// Handles by key, in the order in which they are printed.
pub(super) struct Table<K, V> {
    entries: Mutex<BTreeMap<K, Weak<V>>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { entries: Mutex::default() }
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    /// The live handle of `key`, or a new one.
    pub(super) fn get(self: &Arc<Self>, key: K, make: impl FnOnce(K, Arc<Self>) -> V) -> Arc<V> {
        let mut entries = self.lock();
        if let Some(live) = entries.get(&key).and_then(Weak::upgrade) {
            return live;
        }
        let made = Arc::new(make(key.clone(), Arc::clone(self)));
        entries.insert(key, Arc::downgrade(&made));
        made
    }

    /// Called by a handle that is being dropped. It may have been succeeded already; then the entry stays.
    pub(super) fn forget(&self, key: &K, dropped: &V) {
        let mut entries = self.lock();
        if entries.get(key).is_some_and(|entry| ptr::eq(entry.as_ptr(), dropped)) {
            entries.remove(key);
        }
    }

    /// Every live handle. Returned outside the lock: dropping the last one takes it.
    pub(super) fn all(&self) -> Vec<Arc<V>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Weak<V>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
