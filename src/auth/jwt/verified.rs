//! Tokens whose signatures have been checked, so that one which comes again is not checked again. What depends on time
//! or on a session is looked at on every request.

use std::sync::{Arc, OnceLock};

use quick_cache::sync::Cache;
use ring::digest::{SHA256, digest};

use super::{
    claims::{Claims, Nobody},
    remote::{Held, RemoteKeys},
};

/// Tokens remembered per API.
const TOKENS: usize = 1024;
/// A longer token is checked every time: memory stays below a few MiB per API, whatever clients send.
const LONGEST: usize = 4096;

/// A token whose signature is right.
pub(super) struct Verified {
    pub(super) header: Claims,
    pub(super) claims: Claims,
    /// Whom it speaks of.
    pub(super) identity: Result<Identity, Nobody>,
    /// The key set that vouched for it, if it was one.
    set: Option<(Arc<RemoteKeys>, Arc<Held>)>,
}

/// Whom a token speaks of, and the key that stands for them.
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) key_id: String,
}

impl Verified {
    pub(super) fn new(
        header: Claims,
        claims: Claims,
        identity: Result<Identity, Nobody>,
        set: Option<(Arc<RemoteKeys>, Arc<Held>)>,
    ) -> Self {
        Self { header, claims, identity, set }
    }

    /// False once the key set it was checked with is out of date: its key may have been withdrawn.
    fn counts(&self) -> bool {
        self.set.as_ref().is_none_or(|(remote, held)| remote.is_current(held))
    }
}

/// The tokens of one API. Takes no memory before the first one.
#[derive(Default)]
pub(super) struct VerifiedTokens(OnceLock<Cache<[u8; 32], Arc<Verified>>>);

impl VerifiedTokens {
    /// What is known of a token.
    pub(super) fn get(&self, token: &str) -> Option<Arc<Verified>> {
        if token.len() > LONGEST {
            return None;
        }
        self.0.get()?.get(&name(token)).filter(|verified| verified.counts())
    }

    /// Remembers a token.
    pub(super) fn put(&self, token: &str, verified: &Arc<Verified>) {
        if token.len() <= LONGEST {
            self.0.get_or_init(|| Cache::new(TOKENS)).insert(name(token), verified.clone());
        }
    }
}

/// Tokens are told apart by a hash that nobody can find two texts for.
fn name(token: &str) -> [u8; 32] {
    let mut name = [0; 32];
    name.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    name
}
