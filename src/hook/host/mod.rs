//! What the gateway does for hooks: outbound calls, calls to its own APIs, keys, stored data, events. Every driver's
//! SDK stands on this.
//!
//! `call` is what their `call` does, `data` what they keep in the store.

mod call;
mod data;

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock, Weak},
};

use async_trait::async_trait;

pub use call::{Caller, HookCall, HookReply, Values};
pub(in crate::hook) use call::{add, method, shown};
pub use data::Stored;

use crate::{
    error::{Error, Result},
    session::SessionState,
    store::Store,
    upstream::{Call, Client, Reply},
};

/// The scheme of URLs that mean an API of this gateway, by id or by name.
const OWN: &str = "tyk://";

/// A request that a hook makes.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What is asked: `tyk://api/path` is an API of this gateway, internal ones included; else `http` or `https`.
    pub call: Call,
    /// The client of the request that the hook runs in: an API of this gateway sees it as its own.
    pub client: Option<IpAddr>,
    /// [`super::Object::depth`] of that request.
    pub depth: u8,
}

/// A session that a hook writes (plugins reference 6.6).
#[derive(Debug, Clone)]
pub struct SetKey<'a> {
    /// The key, as callers present it.
    pub key: &'a str,
    /// What it may do.
    pub state: SessionState,
    /// What it has used of its quota stays used.
    pub keep_quota: bool,
}

/// What only a running gateway can do for hooks.
#[async_trait]
pub trait GatewayCalls: Send + Sync {
    /// Sends a request through the chain of one of its own APIs.
    ///
    /// # Errors
    /// No such API, too deep, or no answer in time.
    async fn ask_api(&self, ask: Ask) -> Result<Reply>;

    /// The session of a key with its policies applied; nothing if there is no such key.
    ///
    /// # Errors
    /// The store cannot be asked.
    async fn key(&self, key: &str, api_id: &str) -> Result<Option<SessionState>>;

    /// Creates or changes a key.
    ///
    /// # Errors
    /// The store cannot be written.
    async fn set_key(&self, key: SetKey<'_>) -> Result<()>;

    /// Fires an event of this name for the handlers of the gateway's configuration.
    fn trigger(&self, event: &str, payload: &str);
}

/// The handle that drivers keep.
pub struct Host {
    client: Arc<Client>,
    store: Arc<dyn Store>,
    limit: usize,
    gateway: OnceLock<Weak<dyn GatewayCalls>>,
}

impl Host {
    /// One that knows no gateway yet: what needs one fails. Answers of more than `limit` bytes are not taken.
    pub fn new(client: Arc<Client>, store: Arc<dyn Store>, limit: usize) -> Self {
        Self { client, store, limit, gateway: OnceLock::new() }
    }

    /// Names the gateway. The first one counts.
    pub fn attach(&self, gateway: Weak<dyn GatewayCalls>) {
        // A second gateway over the same drivers is one of `POST /tyk/debug`, which is gone after a request.
        let _ = self.gateway.set(gateway);
    }

    /// The gateway that it belongs to.
    ///
    /// # Errors
    /// There is none (any more).
    pub fn gateway(&self) -> Result<Arc<dyn GatewayCalls>> {
        let gateway = self.gateway.get().and_then(Weak::upgrade);
        gateway.ok_or_else(|| Error::Internal("hooks are run outside of a gateway".into()))
    }

    /// Bytes of an answer's body that a hook is given, at most.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Makes a request and takes its whole answer.
    ///
    /// # Errors
    /// Why there is no answer; one of any status is an answer.
    pub async fn ask(&self, ask: Ask) -> Result<Reply> {
        if ask.call.url.starts_with(OWN) {
            return self.gateway()?.ask_api(ask).await;
        }
        self.client.send(ask.call).await
    }
}
