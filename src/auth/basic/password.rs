//! Checking passwords. bcrypt takes tens of milliseconds on purpose: it runs on threads of its own, as many at a time
//! as requests have, and what was right stays known for a while.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::session::{BasicAuthData, hash::HashFunction};

/// Passwords that one API keeps in mind.
const KNOWN: usize = 10_000;

/// Checks the passwords of one API.
pub(in crate::auth) struct Passwords {
    known: Option<Known>,
    slots: Arc<Semaphore>,
}

/// What bcrypt found right: the digest of stored hash and password, by stored hash.
struct Known {
    digests: Cache<String, (Instant, [u8; 32])>,
    ttl: Duration,
}

impl Passwords {
    /// What is right stays known for `ttl`, if at all; `threads` hashes are computed at a time.
    pub(in crate::auth) fn new(ttl: Option<Duration>, threads: usize) -> Self {
        Self {
            known: ttl.map(|ttl| Known { digests: Cache::new(KNOWN), ttl }),
            slots: Arc::new(Semaphore::new(threads.max(1))),
        }
    }

    /// True if the password is the stored one.
    pub(in crate::auth) async fn check(&self, stored: &BasicAuthData, password: &str) -> bool {
        match (&*stored.hash_type, HashFunction::named(&stored.hash_type)) {
            // A key that is no user has no password, and not the empty one.
            ("", _) if stored.password.is_empty() => false,
            ("", _) => is_same(&stored.password, password),
            (_, Some(function)) => is_same(&stored.password, &function.hex(password.as_bytes())),
            // Everything else is bcrypt, whatever it is called.
            _ => self.check_bcrypt(&stored.password, password).await,
        }
    }

    #[cfg(test)]
    pub(super) fn is_known(&self, stored: &str, password: &str) -> bool {
        self.known.as_ref().is_some_and(|known| known.has(stored, &digest(stored, password)))
    }

    async fn check_bcrypt(&self, stored: &str, password: &str) -> bool {
        let digest = self.known.as_ref().map(|known| (known, digest(stored, password)));
        if let Some((known, digest)) = &digest
            && known.has(stored, digest)
        {
            return true;
        }
        let Ok(slot) = self.slots.clone().acquire_owned().await else { return false };
        let (hash, text) = (stored.to_owned(), password.to_owned());
        let check = tokio::task::spawn_blocking(move || {
            let right = bcrypt::verify(text, &hash).unwrap_or(false);
            drop(slot);
            right
        });
        let right = check.await.unwrap_or(false);
        if let (true, Some((known, digest))) = (right, digest) {
            known.digests.insert(stored.to_owned(), (Instant::now() + known.ttl, digest));
        }
        right
    }
}

impl Known {
    fn has(&self, stored: &str, digest: &[u8; 32]) -> bool {
        self.digests
            .get(stored)
            .is_some_and(|(until, known)| Instant::now() < until && known.ct_eq(digest).into())
    }
}

/// The stored hash holds a salt, so equal passwords have different digests.
fn digest(stored: &str, password: &str) -> [u8; 32] {
    Sha256::new().chain_update(stored).chain_update([0]).chain_update(password).finalize().into()
}

fn is_same(stored: &str, given: &str) -> bool {
    stored.as_bytes().ct_eq(given.as_bytes()).into()
}
