//! All live APIs and the way to them; swapped whole on reload.

use std::{collections::HashMap, sync::Arc};

use super::{Api, KeySets, Messages, Router};
use crate::{
    certificate::Vault,
    cluster::{Members, Notices},
    config::{self, Config},
    error::Result,
    event::{self, Events, Monitor},
    hook::{Hooks, Host, bundle::Bundles, drivers::DriverSettings},
    limit::Limiter,
    metrics::Metrics,
    session::{Policies, Sessions},
    store::{MemoryStore, Responses, Store},
    upstream::{Client, Resolver},
    url::loop_name,
};

/// Handles that every API shares, built once.
#[derive(Clone)]
pub struct Services {
    /// The gateway's configuration.
    pub config: Arc<Config>,
    /// The started drivers.
    pub hooks: Arc<Hooks>,
    /// What the gateway does for hooks.
    pub host: Arc<Host>,
    /// Where plugin bundles come from.
    pub bundles: Arc<Bundles>,
    /// Name look-ups of upstreams.
    pub resolver: Arc<Resolver>,
    /// Calls that the gateway makes itself.
    pub client: Arc<Client>,
    /// What is shared with other gateways; the process' own memory where nothing else is configured.
    pub store: Arc<dyn Store>,
    /// Cached responses: in `cache_storage` where that is separate, else in the same store.
    pub cache: Arc<Responses>,
    /// What gateways tell each other.
    pub notices: Arc<Notices>,
    /// The gateways that are alive.
    pub members: Arc<Members>,
    /// The keys.
    pub sessions: Arc<Sessions>,
    /// The certificates that are kept.
    pub certificates: Arc<Vault>,
    /// Counts requests against rates and quotas.
    pub limiter: Arc<Limiter>,
    /// Which fetched key sets of token issuers still count.
    pub key_sets: Arc<KeySets>,
    /// Who hears of what happens on the gateway and belongs to no API.
    pub events: Arc<Events>,
    /// What handlers of events are made from.
    pub event_maker: Arc<event::Maker>,
    /// Tells that a quota is used up to a percentage.
    pub monitor: Arc<Monitor>,
    /// What refusals say.
    pub messages: Arc<Messages>,
    /// Every metric.
    pub metrics: Arc<Metrics>,
    /// Looks up a variable of the process; the environment itself is read in `config` only.
    pub environment: fn(&str) -> Option<String>,
}

impl Services {
    /// Handles over the process' own memory, which tell nobody of anything: for chains outside of a gateway, such as
    /// those of benches.
    ///
    /// # Errors
    /// The metrics could not be registered.
    pub fn alone(config: Config) -> Result<Self> {
        let timeout = config.pinhook.plugin_timeout();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let (client, members, metrics) =
            (Arc::default(), Arc::new(Members::new(&config)), Metrics::new(true)?);
        let host = Arc::new(Host::new(Arc::clone(&client), store.clone(), config.pinhook.buffered_body()));
        let bundles = Arc::new(Bundles::new(&config, Arc::clone(&client)));
        let hooks = Arc::new(Hooks::start(&DriverSettings::new(&config, host.clone()).counted_by(&metrics)));
        let (maker, ..) = event::open(Arc::clone(&client), store.clone(), metrics.clone(), hooks.clone(), "");
        Ok(Self {
            limiter: Arc::new(Limiter::new(&config, store.clone(), members.clone())),
            notices: Arc::new(Notices::new(&config, store.clone(), &mut Vec::new())),
            members,
            certificates: Arc::new(Vault::new(&config, store.clone())),
            sessions: Arc::new(Sessions::new(&config, store.clone())),
            cache: Arc::new(Responses::own()),
            store,
            events: Arc::default(),
            event_maker: Arc::new(maker),
            monitor: Arc::default(),
            messages: Arc::default(),
            key_sets: Arc::default(),
            client,
            hooks,
            host,
            bundles,
            resolver: Arc::new(Resolver::new(timeout)),
            metrics,
            config: Arc::new(config),
            environment: config::variable,
        })
    }
}

/// All live APIs and the router, immutable.
pub struct Snapshot {
    /// Shared handles.
    pub services: Services,
    /// Every policy.
    pub policies: Arc<Policies>,
    /// The way from a request to its API.
    pub router: Router<Arc<Api>>,
    /// Every API, in load order.
    pub apis: Vec<Arc<Api>>,
    by_loop_address: HashMap<String, Arc<Api>>,
}

impl Snapshot {
    /// Joins APIs and router.
    pub fn new(
        services: Services,
        policies: Arc<Policies>,
        router: Router<Arc<Api>>,
        apis: Vec<Arc<Api>>,
    ) -> Self {
        let mut by_loop_address = HashMap::with_capacity(apis.len() * 2);
        for api in &apis {
            by_loop_address
                .entry(loop_name(&api.definition.name).to_ascii_lowercase())
                .or_insert_with(|| api.clone());
        }
        // An id is exact and beats a name.
        for api in &apis {
            by_loop_address.insert(api.spec.api_id.to_string(), api.clone());
        }
        Self { services, policies, router, apis, by_loop_address }
    }

    /// The API with this id.
    pub fn api(&self, id: &str) -> Option<&Arc<Api>> {
        self.by_loop_address.get(id).filter(|api| &*api.spec.api_id == id)
    }

    /// The API that a `tyk://` host names: by id, or by loop name in any case (api-definition reference 4.7).
    pub fn loop_target(&self, host: &str) -> Option<&Arc<Api>> {
        self.by_loop_address.get(host).or_else(|| self.by_loop_address.get(&host.to_ascii_lowercase()))
    }
}
