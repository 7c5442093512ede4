//! Where cached answers are kept: with other gateways in the cache store, or without one in this process.
//!
//! The process' own cache has a fixed room, unlike [`MemoryStore`](super::MemoryStore): anybody can ask for ever new
//! paths, so what he leaves must not take the memory.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use quick_cache::{Weighter, sync::Cache};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{If, Store, keys};
use crate::error::Result;

/// Bytes that answers take in the process, keys and all.
const OWN_ROOM: u64 = 64 << 20;
/// A usual answer, for the size of the cache's tables.
const USUAL: u64 = 4 << 10;
/// What an answer takes besides its bytes.
const OVERHEAD: usize = 128;
/// Bytes of answers that may be on their way into the store.
const ON_THE_WAY: usize = 64 << 20;
/// A permit stands for so many bytes.
const UNIT: usize = 1 << 10;
/// Keys that are deleted at once.
const BATCH: usize = 500;

/// The cached answers of all APIs.
pub struct Responses {
    home: Home,
    room: Arc<Semaphore>,
}

enum Home {
    Shared(Arc<dyn Store>),
    Own(Box<Cache<String, Kept, Weight>>),
}

#[derive(Clone)]
struct Kept {
    value: Bytes,
    expires: Option<Instant>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<String, Kept> for Weight {
    fn weight(&self, key: &String, kept: &Kept) -> u64 {
        (key.len() + kept.value.len() + OVERHEAD) as u64
    }
}

impl Responses {
    /// Kept in a store that others see.
    pub fn shared(store: Arc<dyn Store>) -> Self {
        Self::of(Home::Shared(store))
    }

    /// Kept in this process, the most used of them within 64 MiB.
    pub fn own() -> Self {
        let items = usize::try_from(OWN_ROOM / USUAL).unwrap_or_default();
        Self::of(Home::Own(Box::new(Cache::with_weighter(items, OWN_ROOM, Weight))))
    }

    fn of(home: Home) -> Self {
        Self { home, room: Arc::new(Semaphore::new(ON_THE_WAY / UNIT)) }
    }

    /// An answer, by the name that [`keys::response`] makes.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        match &self.home {
            Home::Shared(store) => Ok(store.get_many(&[key]).await?.pop().flatten()),
            Home::Own(cache) => {
                let kept = cache.get(key);
                let live = kept.filter(|kept| kept.expires.is_none_or(|at| at > Instant::now()));
                Ok(live.map(|kept| kept.value))
            }
        }
    }

    /// Room for an answer of `size` bytes on its way; nothing while too much is. A slow store would else gather
    /// answers in memory as fast as they come. Hold it until the answer is written.
    pub fn room(&self, size: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(size / UNIT + 1).ok()?;
        self.room.clone().try_acquire_many_owned(units).ok()
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// The store did not take it.
    pub async fn set(&self, key: String, value: Vec<u8>, ttl: Duration) -> Result<()> {
        match &self.home {
            Home::Shared(store) => store.set(&key, &value, Some(ttl), If::Always).await.map(|_| ()),
            Home::Own(cache) => {
                cache.insert(key, Kept { value: value.into(), expires: Instant::now().checked_add(ttl) });
                Ok(())
            }
        }
    }

    /// Throws away every answer of an API. As in Tyk also those of APIs whose ids begin with this one.
    ///
    /// # Errors
    /// The store did not answer; some may be left.
    pub async fn forget(&self, api_id: &str) -> Result<()> {
        let prefix = keys::responses(api_id);
        let store = match &self.home {
            Home::Shared(store) => store,
            Home::Own(cache) => {
                cache.retain(|key, _| !key.starts_with(&prefix));
                return Ok(());
            }
        };
        for batch in store.scan(&prefix).await?.chunks(BATCH) {
            let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
            store.delete(&batch).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    const LONG: Duration = Duration::from_secs(60);

    async fn has(responses: &Responses, key: &str) -> bool {
        responses.get(key).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn both_homes_keep_answers_until_they_expire_or_are_forgotten() {
        for responses in [Responses::own(), Responses::shared(Arc::new(MemoryStore::default()))] {
            for key in ["cache-abx", "cache-abcx", "cache-cx"] {
                responses.set(key.to_owned(), b"v".to_vec(), LONG).await.unwrap();
            }
            responses.set("cache-short".to_owned(), b"v".to_vec(), Duration::ZERO).await.unwrap();
            assert_eq!(responses.get("cache-abx").await.unwrap().as_deref(), Some(&b"v"[..]));
            assert!(!has(&responses, "cache-short").await);

            responses.forget("ab").await.unwrap();
            assert!(!has(&responses, "cache-abx").await);
            assert!(!has(&responses, "cache-abcx").await, "its id begins with the other");
            assert!(has(&responses, "cache-cx").await);
        }
    }

    #[tokio::test]
    async fn answers_in_the_process_have_a_fixed_room() {
        let responses = Responses::own();
        for index in 0..200 {
            responses.set(format!("cache-{index}"), vec![0; 1 << 20], LONG).await.unwrap();
        }
        let mut left = 0;
        for index in 0..200 {
            left += usize::from(has(&responses, &format!("cache-{index}")).await);
        }
        assert!((1..=64).contains(&left), "{left} MiB");
    }

    #[test]
    fn what_is_on_its_way_is_limited() {
        let responses = Responses::own();
        let first = responses.room(ON_THE_WAY - UNIT);
        assert!(first.is_some());
        assert!(responses.room(UNIT).is_none());
        drop(first);
        assert!(responses.room(UNIT).is_some());
    }
}
