//! Name look-ups of upstreams: asynchronous, cached, one at a time per name.
//!
//! pingora would resolve a name while it builds the peer, blocking the worker thread, and panic when that fails
//! (pingora#920). Here an expired entry keeps serving while one look-up renews it, so a slow name server
//! delays only the first request to a name.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::OnceCell;

use crate::error::UpstreamError;

/// Most names kept. Beyond it the cache starts anew: plugins can make up names without end.
const MOST_NAMES: usize = 4096;

/// How long a failed look-up is remembered, so that a dead name does not cost a look-up per request.
const FAILURE_TTL: Duration = Duration::from_secs(1);

/// The addresses of a name, and which of them to try first.
#[derive(Debug, Clone)]
pub struct Addresses {
    list: Arc<[IpAddr]>,
    first: Arc<AtomicUsize>,
}

impl Addresses {
    /// An address that needs no look-up.
    pub fn literal(ip: IpAddr) -> Self {
        Self::from(vec![ip])
    }

    /// The address for the given attempt, counted from 0: the one that last worked comes first. `None` when
    /// every address has had its turn.
    pub fn attempt(&self, attempt: usize) -> Option<IpAddr> {
        let start = self.first.load(Ordering::Relaxed);
        (attempt < self.list.len())
            .then(|| self.list.get((start + attempt) % self.list.len()).copied())
            .flatten()
    }

    /// Remembers that this attempt reached the upstream.
    pub fn worked(&self, attempt: usize) {
        if attempt > 0 {
            self.first.fetch_add(attempt, Ordering::Relaxed);
        }
    }
}

impl From<Vec<IpAddr>> for Addresses {
    fn from(list: Vec<IpAddr>) -> Self {
        Self { list: list.into(), first: Arc::default() }
    }
}

/// A cache in front of the system's resolver.
#[derive(Debug)]
pub struct Resolver {
    ttl: Duration,
    names: RwLock<HashMap<Box<str>, Arc<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    found: OnceCell<Result<Addresses, Failure>>,
    born: Instant,
    renewing: AtomicBool,
}

#[derive(Debug, Clone)]
struct Failure {
    kind: io::ErrorKind,
    text: String,
}

impl Resolver {
    /// A resolver that looks a name up again after `ttl`.
    pub fn new(ttl: Duration) -> Self {
        Self { ttl, names: RwLock::default() }
    }

    /// The addresses of `host`, which is a name and not an address.
    ///
    /// # Errors
    /// `UpstreamError::Unresolved` when the system knows no address.
    pub async fn resolve(self: &Arc<Self>, host: &str) -> Result<Addresses, UpstreamError> {
        let entry = self.entry(host);
        let found = entry.found.get_or_init(|| look_up(host)).await;
        if entry.born.elapsed() > self.lifetime(found) && !entry.renewing.swap(true, Ordering::AcqRel) {
            if found.is_err() {
                return self.renew(host).await.map_err(|failure| unresolved(host, &failure));
            }
            let (resolver, host) = (self.clone(), host.to_owned());
            tokio::spawn(async move {
                if let Err(failure) = resolver.renew(&host).await {
                    tracing::warn!(host, error = failure.text, "name look-up failed");
                }
            });
        }
        found.clone().map_err(|failure| unresolved(host, &failure))
    }

    fn lifetime(&self, found: &Result<Addresses, Failure>) -> Duration {
        if found.is_ok() { self.ttl } else { FAILURE_TTL }
    }

    async fn renew(&self, host: &str) -> Result<Addresses, Failure> {
        let found = look_up(host).await;
        let entry = Entry {
            found: OnceCell::new_with(Some(found.clone())),
            born: Instant::now(),
            renewing: AtomicBool::new(false),
        };
        self.names.write().unwrap_or_else(PoisonError::into_inner).insert(host.into(), Arc::new(entry));
        found
    }

    fn entry(&self, host: &str) -> Arc<Entry> {
        if let Some(entry) = self.names.read().unwrap_or_else(PoisonError::into_inner).get(host) {
            return entry.clone();
        }
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MOST_NAMES {
            names.clear();
        }
        names
            .entry(host.into())
            .or_insert_with(|| {
                Arc::new(Entry {
                    found: OnceCell::new(),
                    born: Instant::now(),
                    renewing: AtomicBool::new(false),
                })
            })
            .clone()
    }
}

async fn look_up(host: &str) -> Result<Addresses, Failure> {
    let found = tokio::net::lookup_host((host, 0)).await;
    let list: Vec<IpAddr> = match found {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => return Err(Failure { kind: error.kind(), text: error.to_string() }),
    };
    if list.is_empty() {
        return Err(Failure { kind: io::ErrorKind::NotFound, text: "the name has no address".into() });
    }
    Ok(list.into())
}

fn unresolved(host: &str, failure: &Failure) -> UpstreamError {
    UpstreamError::Unresolved {
        host: host.to_owned(),
        source: io::Error::new(failure.kind, failure.text.clone()),
    }
}
