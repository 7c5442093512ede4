//! What hooks keep in the store (plugins reference 5.3 and 6.6).

use std::{future::Future, time::Duration};

use bytes::Bytes;
use tokio::time::timeout;

use super::Host;
use crate::{
    error::Result,
    store::{Count, If, keys},
};

/// Bytes of a key, at most; there must be one.
const KEY: usize = 256;
/// Bytes of a value, at most.
const VALUE: usize = 65_536;
/// How long the store may take.
const LIMIT: Duration = Duration::from_secs(2);

/// What a call of the storage came to; the text is for the script.
pub type Stored<T> = Result<T, String>;

/// The storage of scripts: `TykStorage…` of JavaScript, the same in Lua.
impl Host {
    /// The value of a key.
    ///
    /// # Errors
    /// The key's length, or no answer of the store.
    pub async fn storage_get(&self, key: &str) -> Stored<Option<Bytes>> {
        let key = of_scripts(key)?;
        let mut found = answer(self.store.get_many(&[&key])).await?;
        Ok(found.pop().flatten())
    }

    /// Writes a value, for `ttl` seconds unless that is 0 or less; with `absent` only where there is none. False when
    /// there was one.
    ///
    /// # Errors
    /// The length of key or value, or no answer of the store.
    pub async fn storage_set(&self, key: &str, value: &[u8], ttl: i64, absent: bool) -> Stored<bool> {
        let key = of_scripts(key)?;
        if value.len() > VALUE {
            return Err(format!("storage value exceeds {VALUE} bytes"));
        }
        let when = if absent { If::Absent } else { If::Always };
        answer(self.store.set(&key, value, seconds(ttl), when)).await
    }

    /// Removes a key.
    ///
    /// # Errors
    /// As [`Host::storage_get`].
    pub async fn storage_del(&self, key: &str) -> Stored<()> {
        let key = of_scripts(key)?;
        answer(self.store.delete(&[&key])).await.map(drop)
    }

    /// Seconds until a key is gone; -1 for never, -2 where there is none.
    ///
    /// # Errors
    /// As [`Host::storage_get`].
    pub async fn storage_ttl(&self, key: &str) -> Stored<i64> {
        let key = of_scripts(key)?;
        if let Some(left) = answer(self.store.ttl(&key)).await? {
            // As Redis does, which rounds.
            return Ok(i64::try_from((left + Duration::from_millis(500)).as_secs()).unwrap_or(i64::MAX));
        }
        let found = answer(self.store.get_many(&[&key])).await?;
        Ok(if found.iter().any(Option::is_some) { -1 } else { -2 })
    }

    /// Adds 1 to a number, which is made when it is missing, then for `ttl` seconds unless that is 0 or less.
    ///
    /// # Errors
    /// As [`Host::storage_get`]; or the value is no number.
    pub async fn storage_incr(&self, key: &str, ttl: i64) -> Stored<u64> {
        let key = of_scripts(key)?;
        let count = match seconds(ttl) {
            Some(rest) => Count::Window { key: &key, rest, limit: u64::MAX },
            None => Count::Quota { key: &key, limit: u64::MAX, renewal: 0 },
        };
        let counted = answer(self.store.count(&[count])).await?;
        Ok(counted.first().map_or(0, |counted| counted.value))
    }

    /// Keeps a value for all gateways, for `ttl` seconds unless that is 0 or less (`store_data`).
    ///
    /// # Errors
    /// No answer of the store.
    pub async fn store_data(&self, key: &str, value: &[u8], ttl: i64) -> Stored<()> {
        let key = keys::hook_data(key);
        answer(self.store.set(&key, value, seconds(ttl), If::Always)).await.map(drop)
    }

    /// A value that [`Host::store_data`] keeps.
    ///
    /// # Errors
    /// No answer of the store.
    pub async fn get_data(&self, key: &str) -> Stored<Option<Bytes>> {
        let key = keys::hook_data(key);
        Ok(answer(self.store.get_many(&[&key])).await?.pop().flatten())
    }

    /// Keeps a value under a key of the store as it is written; [`Host::store_data`] has keys of its own.
    ///
    /// # Errors
    /// No answer of the store.
    pub async fn store_raw(&self, key: &str, value: &[u8], ttl: i64) -> Stored<()> {
        answer(self.store.set(key, value, seconds(ttl), If::Always)).await.map(drop)
    }

    /// The value of a key of the store, and the seconds that it has left where it ends.
    ///
    /// # Errors
    /// No answer of the store.
    pub async fn get_raw(&self, key: &str) -> Stored<(Option<Bytes>, Option<u64>)> {
        let value = answer(self.store.get_many(&[key])).await?.pop().flatten();
        let left = if value.is_some() { answer(self.store.ttl(key)).await? } else { None };
        Ok((value, left.map(|left| left.as_secs())))
    }

    /// Removes a key of the store.
    ///
    /// # Errors
    /// No answer of the store.
    pub async fn delete_raw(&self, key: &str) -> Stored<()> {
        answer(self.store.delete(&[key])).await.map(drop)
    }
}

fn of_scripts(key: &str) -> Stored<String> {
    match key.len() {
        1..=KEY => Ok(keys::script_storage(key)),
        _ => Err(format!("storage key must be 1-{KEY} bytes")),
    }
}

fn seconds(ttl: i64) -> Option<Duration> {
    u64::try_from(ttl).ok().filter(|ttl| *ttl > 0).map(Duration::from_secs)
}

async fn answer<T>(asked: impl Future<Output = Result<T>>) -> Stored<T> {
    match timeout(LIMIT, asked).await {
        Ok(answered) => answered.map_err(|error| error.chain()),
        Err(_) => Err(format!("the store did not answer within {LIMIT:?}")),
    }
}
