//! The gateway itself: sockets, pingora's phases, loading and swapping, and the life of the process.
//!
//! `proxy` maps pingora's phases; `request` and `answer` are the two sides of a request; `proxy_step` decides
//! what goes upstream; `framing` refuses what is no request; `rest` reads what a refusal left unread; `exchange` tells streamed from buffered; `reply` and
//! `fault` write what the gateway answers itself; `loader` and `reload` turn definitions into a snapshot; `server` runs
//! it all, `drain` ends it, `upgrade` passes it on.

mod access_log;
mod answer;
mod asked;
mod cached;
mod client_certificates;
mod cluster;
pub mod control;
mod descriptors;
mod drain;
mod exchange;
mod fault;
mod framing;
pub mod health;
mod hook_headers;
mod host;
mod kept;
mod key_saving;
pub(crate) mod keys;
mod limit_headers;
pub mod listen;
mod listeners;
mod loader;
mod metrics_page;
mod observe;
mod proxy;
mod proxy_step;
mod reload;
mod reloads;
mod reply;
mod request;
mod rest;
mod script_answer;
mod server;
mod setup;
mod sniff;
pub mod stream;
mod templates;
pub mod tls;
mod trial;
mod upgrade;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU16, Ordering},
    },
};

use arc_swap::ArcSwap;

pub use control::{ControlAnswer, ControlApi, ControlRequest};
pub use health::Health;
pub use reload::Report;
pub use reloads::Reloads;
pub use server::{RunOptions, Running, check, run, start};
pub use trial::TrialFault;
pub use upgrade::{CommandLine, Upgrade};

use crate::{
    analytics::RecordSink,
    certificate::AllowList,
    chain::{Api, Services, Snapshot},
    config::Config,
    definition::Source,
    error::Problem,
    metrics::{ApiMetrics, Metrics},
    store::Store,
};

/// One running gateway.
pub struct Gateway {
    /// Its configuration, read once.
    pub config: Arc<Config>,
    /// Every metric.
    pub metrics: Arc<Metrics>,
    /// What probes see.
    pub health: Health,
    /// The reload queue.
    pub reloads: Reloads,
    services: Services,
    live: ArcSwap<Snapshot>,
    /// What the last load read, by file.
    sources: ArcSwap<HashMap<PathBuf, Arc<Source>>>,
    templates: templates::Templates,
    records: Option<Arc<dyn RecordSink>>,
    access_log: Option<access_log::AccessLog>,
    /// Every Redis, by the setting that names it.
    stores: Vec<(&'static str, Arc<dyn Store>)>,
    control: Arc<dyn ControlApi>,
    /// Whose certificates the control API takes, where it wants one.
    control_clients: Option<AllowList>,
    unmatched: Arc<ApiMetrics>,
    sockets: OnceLock<Sockets>,
    port: AtomicU16,
    found: ArcSwap<Vec<Problem>>,
}

/// The sockets of the process and what new ones are made from.
struct Sockets {
    set: Arc<listen::ListenerSet>,
    own: Vec<listen::ListenConfig>,
    tls: Option<Arc<tls::TlsMaker>>,
    /// What answers on them.
    proxy: Arc<kept::Kept>,
}

impl Gateway {
    /// The APIs as they are now. A request keeps what it got to its end.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.live.load_full()
    }

    /// Whether what needs the store can be served, as far as is known: the last look at it, before that its connection.
    pub fn has_store(&self) -> bool {
        match self.health.store() {
            Some(check) => !check.needed,
            None => self.services.store.answers(),
        }
    }

    /// Everything that is wrong with an API: what its own load found, and what the last load found in its place.
    /// The two differ where a last good version keeps running.
    pub fn problems_of(&self, api: &Api) -> Vec<Problem> {
        let mut problems = api.problems.clone();
        let file = api.file.display().to_string();
        for problem in self.found.load().iter() {
            let its = problem.place == file || problem.place == *api.spec.api_id;
            if its && !problems.contains(problem) {
                problems.push(problem.clone());
            }
        }
        problems
    }

    /// Whose certificates the control API takes; nothing where it wants none.
    pub fn control_clients(&self) -> Option<&AllowList> {
        self.control_clients.as_ref()
    }

    /// The port it listens on itself: the configured one, or what the system chose for port 0.
    fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    fn publish(&self, snapshot: Arc<Snapshot>) {
        self.live.store(snapshot);
        self.health.set_loaded();
    }
}
