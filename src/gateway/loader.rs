//! Definitions become APIs: everything that a request would otherwise work out is worked out here, once.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::{
    analytics::{RecordHook, RecordedApi},
    chain::{Api, Base, Blueprint, Chain, HookPlan, ListenPath, Services, TagHeaders},
    config::{Config, SinkKind},
    definition::{ApiDefinition, Source},
    error::Problem,
    event,
    hook::{
        Code, HookKind, HookSource, Spec,
        bundle::{self, Bundle, BundleError},
    },
    metrics::{ApiSamples, HookLabels},
    middleware,
    upstream::{PeerSettings, Target, TargetError},
};

/// Tyk keeps an unused upstream connection this long (api-definition reference 6.3).
const IDLE: Duration = Duration::from_secs(90);

/// What runs hooks on records where nothing else is named, whatever the API's driver (plugins reference 10).
const RECORD_DRIVER: &str = "goplugin";

/// Compiles one definition, to be served on `listen_path`: a conflict may have moved it from its own.
///
/// # Errors
/// Why the API is left out. A panic of ours while compiling costs this API alone.
pub(super) fn compile(source: &Source, listen_path: &str, services: &Services) -> Result<Arc<Api>, Problem> {
    catch_unwind(AssertUnwindSafe(|| build(source, listen_path, services))).unwrap_or_else(|_| {
        Err(Problem::error(place(source), "", "compiling this API broke: it is left out")
            .hint("this is a defect of pinhook"))
    })
}

fn place(source: &Source) -> String {
    source.path.display().to_string()
}

fn build(source: &Source, listen_path: &str, services: &Services) -> Result<Arc<Api>, Problem> {
    let definition = &source.definition;
    let place = place(source);
    let base = base(definition).map_err(|error| {
        Problem::error(&place, "proxy.target_url", format!("{error}: the API is left out"))
            .hint("give a URL such as http://host:port/path")
    })?;
    let listen_path = ListenPath::compile(listen_path).map_err(|error| {
        Problem::error(&place, "proxy.listen_path", format!("{error}: the API is left out"))
    })?;
    let bundle = bundle(definition, services).map_err(|error| {
        let message = format!("{}: {error}: the API is left out", definition.custom_middleware_bundle);
        Problem::error(&place, "custom_middleware_bundle", message)
    })?;
    let hooks = HookPlan::new(definition, &services.config, bundle.as_ref());
    let spec = Arc::new(spec(source));
    let versions: Vec<_> =
        definition.version_data.only().ok().map(|(_, version)| version.clone()).into_iter().collect();
    let mut problems = source.problems.clone();
    let complaints = hooks.complaints.iter();
    problems.extend(complaints.map(|(path, message)| Problem::error(&place, path, message)));
    let mut recorded = recorded(definition, &listen_path);
    if hooks.analytics.enable && services.config.enable_analytics {
        recorded.hook = record_hook(&hooks, &spec, services, &place, &mut problems);
        recorded.lacks_hook = recorded.hook.is_none();
    }
    let chain = {
        let mut blueprint = Blueprint {
            definition,
            versions: &versions,
            listen_path: &listen_path,
            services,
            hooks: &hooks,
            spec: &spec,
            place: &place,
            problems: &mut problems,
        };
        Chain::build(middleware::REQUEST, middleware::RESPONSE, &mut blueprint)
    };
    let owner =
        event::Owner { spec: spec.clone(), driver: hooks.custom.driver.clone(), server: hooks.server(None) };
    let wishes = &definition.event_handlers;
    let events = event::compile_api(wishes, &owner, &services.event_maker, &place, &mut problems);
    Ok(Arc::new(Api {
        checksum: source.checksum,
        file: source.path.clone(),
        chain,
        base,
        peer: peer(definition, &services.config),
        events,
        metrics: services.metrics.api(&spec.api_id),
        samples: samples(&spec.api_id, services),
        recorded: Arc::new(recorded),
        is_recorded: is_recorded(definition, &services.config),
        detailed: is_detailed(definition, &services.config),
        tag_headers: TagHeaders::new(&definition.tag_headers),
        refuses: source.refuses,
        spec,
        versions,
        problems,
        definition: definition.clone(),
        listen_path,
    }))
}

/// The bundle that it asks for. A management node runs no plugins (plugins reference 7.1).
fn bundle(definition: &ApiDefinition, services: &Services) -> Result<Option<Bundle>, BundleError> {
    let name = &definition.custom_middleware_bundle;
    if name.is_empty() || definition.custom_middleware_bundle_disabled || services.config.management_node {
        return Ok(None);
    }
    services.bundles.open(name).map(Some)
}

fn samples(api_id: &str, services: &Services) -> Option<Arc<ApiSamples>> {
    let wish = &services.config.health_check;
    let window = u64::try_from(wish.health_check_value_timeouts).unwrap_or(0);
    wish.enable_health_checks.then(|| services.metrics.samples(api_id, window))
}

fn base(definition: &ApiDefinition) -> Result<Base, TargetError> {
    let text = definition.proxy.target_url.trim();
    match text.strip_prefix("tyk://") {
        Some(address) => Ok(Base::Api(address.split('/').next().unwrap_or_default().to_owned())),
        None => Target::parse(text).map(|target| Base::Upstream(Arc::new(target))),
    }
}

fn spec(source: &Source) -> Spec {
    let definition = &source.definition;
    let config_data = if definition.config_data_disabled {
        "{}".to_owned()
    } else {
        serde_json::Value::from(definition.config_data.clone()).to_string()
    };
    Spec {
        api_id: definition.api_id.as_str().into(),
        org_id: definition.org_id.as_str().into(),
        api_name: definition.name.as_str().into(),
        config_data: config_data.into(),
        config_data_disabled: definition.config_data_disabled,
        bundle_hash: bundle::hash(&definition.custom_middleware_bundle).into(),
        oas: source.oas.clone(),
        definition: Some(definition.clone()),
    }
}

fn peer(definition: &ApiDefinition, config: &Config) -> PeerSettings {
    PeerSettings {
        timeout: config.proxy_timeout(),
        pause: config.pinhook.upstream_idle_timeout(),
        idle: IDLE,
        verify: !(config.proxy_ssl_insecure_skip_verify
            || definition.proxy.transport.ssl_insecure_skip_verify),
        http2: config.proxy_enable_http2,
        close: config.proxy_close_connections,
        websocket: config.http_server_options.enable_websockets,
    }
}

fn is_recorded(definition: &ApiDefinition, config: &Config) -> bool {
    config.enable_analytics && config.pinhook.analytics.sink != SinkKind::None && !definition.do_not_track
}

/// Whether bodies are sampled for records; never when there are no records.
fn is_detailed(definition: &ApiDefinition, config: &Config) -> bool {
    is_recorded(definition, config)
        && (definition.enable_detailed_recording || config.analytics_config.enable_detailed_recording)
}

fn recorded(definition: &ApiDefinition, listen_path: &ListenPath) -> RecordedApi {
    RecordedApi {
        name: definition.name.clone(),
        id: definition.api_id.clone(),
        org_id: definition.org_id.clone(),
        listen_path: listen_path.as_str().to_owned(),
        tags: if definition.tags_disabled { Vec::new() } else { definition.tags.clone() },
        expire_after: u64::try_from(definition.expire_analytics_after)
            .ok()
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs),
        hook: None,
        lacks_hook: false,
    }
}

/// The hook on this API's records. One that cannot be loaded leaves them as they are, as in Tyk.
fn record_hook(
    hooks: &HookPlan,
    spec: &Arc<Spec>,
    services: &Services,
    place: &str,
    problems: &mut Vec<Problem>,
) -> Option<Arc<RecordHook>> {
    let wish = &hooks.analytics;
    let own = wish.pinhook.as_ref();
    let driver = own.and_then(|own| own.driver.as_deref()).unwrap_or(RECORD_DRIVER);
    let source = HookSource {
        api_id: spec.api_id.clone(),
        kind: HookKind::Analytics,
        name: wish.func_name.as_str().into(),
        code: Code::File(wish.plugin_path.as_str().into()),
        siblings: Arc::default(),
        timeout: own.and_then(|own| own.timeout_ms).map(Duration::from_millis),
        wants_session: false,
        raw_body_only: false,
        server: hooks.server(own.and_then(|own| own.grpc_server.as_deref())),
    };
    match services.hooks.load(driver, &source) {
        Ok(hook) => Some(Arc::new(RecordHook {
            hook,
            spec: spec.clone(),
            metrics: services.metrics.hook(HookLabels {
                api: source.api_id,
                hook: source.kind.name(),
                driver: services.hooks.name(driver).unwrap_or(RECORD_DRIVER),
                function: source.name,
            }),
        })),
        Err(error) => {
            let message = format!("{}; analytics records are not edited", error.chain());
            problems.push(Problem::warning(place, "analytics_plugin", message));
            None
        }
    }
}
