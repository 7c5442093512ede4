//! The distributed limiter: each gateway grants its share, from memory (sessions reference 5.5).
//!
//! A bucket holds 100 tokens for each request of the rate; a request takes 100 for each gateway there is. It refills
//! at once, when its period is over: a fixed window that begins with the first request.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Tokens of one request on a gateway that is alone.
const REQUEST: u64 = 100;
/// Buckets that nobody asked for in this time are forgotten.
const IDLE: Duration = Duration::from_secs(600);
/// How often a shard looks for idle ones.
const SWEEP: Duration = Duration::from_secs(60);
const SHARDS: usize = 64;

/// Whose bucket: a hash that stands for a name, wide enough to be taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BucketId(u128);

/// What a bucket is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    /// Requests in a period.
    pub(super) rate: f64,
    /// Whole seconds.
    pub(super) per: Duration,
    /// Gateways that share the rate.
    pub(super) gateways: u64,
    /// Look only.
    pub(super) dry: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) passed: bool,
    /// Requests that may follow.
    pub(super) remaining: u64,
    /// Until it is full again.
    pub(super) wait: Duration,
}

/// The buckets of this process.
pub(super) struct Buckets {
    shards: [Mutex<Shard>; SHARDS],
    hashers: (RandomState, RandomState),
}

#[derive(Default)]
struct Shard {
    buckets: HashMap<u128, Bucket, BuildHasherDefault<AsItIs>>,
    swept: Option<Instant>,
}

struct Bucket {
    tokens: u64,
    refill: Instant,
    used: Instant,
}

impl Default for Buckets {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hashers: (RandomState::new(), RandomState::new()),
        }
    }
}

impl Buckets {
    /// The id of the bucket with these parts of a name.
    pub(super) fn id(&self, name: impl Hash) -> BucketId {
        let (high, low) = (self.hashers.0.hash_one(&name), self.hashers.1.hash_one(&name));
        BucketId(u128::from(high) << 64 | u128::from(low))
    }

    /// Takes a request's tokens out of a bucket, which is made when it is missing.
    pub(super) fn draw(&self, id: BucketId, draw: &Draw, now: Instant) -> Drawn {
        let cost = REQUEST.saturating_mul(draw.gateways.max(1));
        let capacity = ((draw.rate * REQUEST as f64) as u64).max(cost);
        let Some(shard) = self.shards.get((id.0 >> 64) as usize % SHARDS) else {
            return Drawn { passed: true, remaining: 0, wait: Duration::ZERO };
        };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.sweep(now);
        let full = || Bucket { tokens: capacity, refill: now + draw.per, used: now };
        let bucket = shard.buckets.entry(id.0).or_insert_with(full);
        bucket.used = now;
        if now >= bucket.refill {
            (bucket.tokens, bucket.refill) = (capacity, now + draw.per);
        }
        // A limit that was lowered counts at once.
        bucket.tokens = bucket.tokens.min(capacity);
        let passed = bucket.tokens >= cost;
        if passed && !draw.dry {
            bucket.tokens -= cost;
        }
        let wait = bucket.refill.saturating_duration_since(now);
        Drawn { passed, remaining: bucket.tokens / cost, wait }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().buckets.len()).sum()
    }
}

impl Shard {
    fn sweep(&mut self, now: Instant) {
        match self.swept {
            Some(at) if now.saturating_duration_since(at) < SWEEP => {}
            Some(_) => {
                self.buckets.retain(|_, bucket| now.saturating_duration_since(bucket.used) < IDLE);
                self.swept = Some(now);
            }
            None => self.swept = Some(now),
        }
    }
}

/// The ids are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, id: u128) {
        self.0 = id as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
