//! Where chain and hooks meet: it builds the [`Object`] from session and `Ctx`, dispatches, and applies the edits
//! back, for every driver.
//!
//! A hook that could not be loaded is a step that answers 500: it never opens the gate.

use std::{
    cell::Cell,
    mem,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use crate::{
    chain::{
        Blueprint, Ctx, EndpointPaths, Endpoints, Flow, Middleware, Origin, PerVersion, Place, Response,
        peer_ip,
    },
    definition::{self, HookEntry},
    error::{Error, HookError, Result},
    hook::{Answer, Failure, Hook, HookKind, HookSource, Object, Spec},
    metrics::{HookLabels, HookMetrics},
    upstream::Target,
};

/// Drivers of Tyk's coprocess machinery, which has a switch of its own. An empty driver counts as one.
const COPROCESS: [&str; 4] = ["", "grpc", "python", "lua"];
/// The driver of per-endpoint hooks.
const NATIVE: &str = "goplugin";

pub(super) fn build(kind: HookKind, blueprint: &mut Blueprint<'_>) -> Vec<Box<dyn Middleware>> {
    let custom = &blueprint.definition.custom_middleware;
    let (list, entries) = match kind {
        HookKind::Pre => ("pre", &custom.pre),
        HookKind::Post => ("post", &custom.post),
        HookKind::Endpoint => return endpoint_hooks(blueprint).into_iter().collect(),
    };
    let mut steps: Vec<Box<dyn Middleware>> = Vec::new();
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.disabled) {
        let at = format!("custom_middleware.{list}[{index}]");
        if let Some(call) = listed(kind, blueprint, entry, &at) {
            steps.push(Box::new(HookStep(call)));
        }
    }
    steps
}

/// An entry of `custom_middleware`; nothing if Tyk leaves it out as well.
fn listed(kind: HookKind, blueprint: &mut Blueprint<'_>, entry: &HookEntry, at: &str) -> Option<Call> {
    let own = entry.pinhook.as_ref();
    let driver =
        own.and_then(|own| own.driver.as_deref()).unwrap_or(&blueprint.definition.custom_middleware.driver);
    if COPROCESS.contains(&driver) && !blueprint.services.config.coprocess_options.enable_coprocess {
        let message = format!(
            "driver {driver:?} needs coprocess_options.enable_coprocess, which is off: the hook is not run, as in Tyk"
        );
        blueprint.warn(at, message);
        return None;
    }
    let unnamed = entry.name.is_empty() || entry.path.is_empty() && driver == NATIVE;
    if unnamed && !has_endpoint_hooks(blueprint.definition) {
        blueprint.warn(at, "an entry without name and path is not run, as in Tyk");
        return None;
    }
    let wish = Wish {
        kind,
        driver,
        name: &entry.name,
        path: &entry.path,
        timeout_ms: own.and_then(|own| own.timeout_ms),
    };
    Some(Call::load(blueprint, &wish, at))
}

fn has_endpoint_hooks(definition: &definition::ApiDefinition) -> bool {
    let mut versions = definition.version_data.versions.values();
    versions.any(|version| {
        version.use_extended_paths && version.extended_paths.go_plugin.iter().any(|entry| !entry.disabled)
    })
}

/// The step of all `go_plugin` entries.
fn endpoint_hooks(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let style = blueprint.path_style();
    let versions = blueprint.versions;
    let lacks_code = Cell::new(false);
    let calls = PerVersion::build(versions, |_, version| {
        version.use_extended_paths.then_some(())?;
        blueprint.endpoints(
            version,
            "go_plugin",
            &version.extended_paths.go_plugin,
            |entry| (!entry.disabled).then_some(Place { path: &entry.path, method: &entry.method, style }),
            |blueprint, entry, at| {
                let own = entry.pinhook.as_ref();
                let wish = Wish {
                    kind: HookKind::Endpoint,
                    driver: own.and_then(|own| own.driver.as_deref()).unwrap_or(NATIVE),
                    name: &entry.func_name,
                    path: &entry.plugin_path,
                    timeout_ms: own.and_then(|own| own.timeout_ms),
                };
                let call = Call::load(blueprint, &wish, at);
                lacks_code.set(lacks_code.get() || call.hook.is_none());
                Some(call)
            },
        )
    })?;
    Some(Box::new(EndpointHooks { paths: blueprint.paths(), calls, lacks_code: lacks_code.get() }))
}

struct HookStep(Call);

#[async_trait]
impl Middleware for HookStep {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        self.0.run(session, ctx).await
    }

    fn lacks_code(&self) -> bool {
        self.0.hook.is_none()
    }
}

struct EndpointHooks {
    paths: EndpointPaths,
    calls: PerVersion<Endpoints<Call>>,
    lacks_code: bool,
}

#[async_trait]
impl Middleware for EndpointHooks {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let call = self.calls.of(ctx).and_then(|calls| {
            let candidates = self.paths.for_endpoints(ctx.url.path());
            calls.find(session.req_header().method.as_str(), &candidates)
        });
        match call {
            Some(call) => call.run(session, ctx).await,
            None => Ok(Flow::Next),
        }
    }
    fn lacks_code(&self) -> bool {
        self.lacks_code
    }
}

/// What a definition asks for.
struct Wish<'a> {
    kind: HookKind,
    driver: &'a str,
    name: &'a str,
    path: &'a str,
    timeout_ms: Option<u64>,
}

/// One hook, ready to be called.
struct Call {
    kind: HookKind,
    name: Arc<str>,
    spec: Arc<Spec>,
    metrics: Arc<HookMetrics>,
    /// Nothing when it could not be loaded.
    hook: Option<Arc<dyn Hook>>,
}

impl Call {
    fn load(blueprint: &mut Blueprint<'_>, wish: &Wish<'_>, at: &str) -> Self {
        let services = blueprint.services;
        let name: Arc<str> = wish.name.into();
        let timeout = wish.timeout_ms.map(Duration::from_millis);
        let source = HookSource {
            api_id: blueprint.spec.api_id.clone(),
            kind: wish.kind,
            name: name.clone(),
            path: PathBuf::from(wish.path),
            timeout: timeout.unwrap_or_else(|| services.config.pinhook.plugin_timeout()),
        };
        let hook = services.hooks.load(wish.driver, &source);
        if let Err(error) = &hook {
            blueprint.refuse(at, format!("{}; requests that reach it are answered 500", error.chain()));
        }
        let metrics = services.metrics.hook(HookLabels {
            api: blueprint.spec.api_id.clone(),
            hook: wish.kind.name(),
            driver: services.hooks.name(wish.driver).unwrap_or("unknown"),
            function: name.clone(),
        });
        Self { kind: wish.kind, name, spec: blueprint.spec.clone(), metrics, hook: hook.ok() }
    }

    async fn run(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let Some(hook) = &self.hook else {
            self.metrics.call(Duration::ZERO, true);
            let reason = "see the log of the last load".to_owned();
            return Err(HookError::NotLoaded { name: self.name.to_string(), reason }.into());
        };
        let started = Instant::now();
        let object = self.take_object(session, ctx, hook.may_be_abandoned());
        let outcome = match hook.dispatch(self.kind, object).await {
            Ok(object) => give_back(*object, session, ctx),
            Err(Failure { error, object }) => {
                // The answer and the record of the failed request are made from what the hook left of it.
                if let Some(object) = object {
                    *session.req_header_mut() = object.request;
                    ctx.url = object.url;
                }
                Err(error.into())
            }
        };
        let took = started.elapsed();
        self.metrics.call(took, outcome.is_err());
        match outcome? {
            None => Ok(Flow::Next),
            Some(answer) => {
                ctx.outcome.hook = Some(took);
                Ok(Flow::Respond(Box::new(respond(answer)?)))
            }
        }
    }

    /// Moves head and URL out of session and `Ctx`, or copies them when the object may get lost.
    fn take_object(&self, session: &mut Session, ctx: &mut Ctx, may_be_abandoned: bool) -> Box<Object> {
        let client = peer_ip(session);
        let head = session.req_header_mut();
        let (request, url) = if may_be_abandoned {
            (head.clone(), ctx.url.clone())
        } else {
            (mem::replace(head, empty_head()), mem::take(&mut ctx.url))
        };
        Box::new(Object {
            request,
            url,
            client,
            spec: self.spec.clone(),
            metadata: ctx.metadata.take().map(|metadata| *metadata).unwrap_or_default(),
            answer: None,
            target: None,
        })
    }
}

/// Stands in for a head while a hook holds it; allocates nothing.
fn empty_head() -> RequestHeader {
    http::Request::new(()).into_parts().0.into()
}

/// Applies the edits of a hook; its answer, if it gave one.
fn give_back(object: Object, session: &mut Session, ctx: &mut Ctx) -> Result<Option<Answer>> {
    *session.req_header_mut() = object.request;
    ctx.url = object.url;
    if !object.metadata.is_empty() {
        ctx.metadata = Some(Box::new(object.metadata));
    }
    if let Some(text) = object.target {
        let target = Target::parse(&text).map_err(|error| Error::Internal(error.into()))?;
        ctx.target = Some(Arc::new(target));
    }
    Ok(object.answer)
}

fn respond(answer: Answer) -> Result<Response> {
    let fault = |error: Box<pingora_core::Error>| Error::Internal(error.into());
    let mut head = ResponseHeader::build(answer.status, Some(answer.headers.len() + 3)).map_err(fault)?;
    for (name, value) in &answer.headers {
        head.append_header(name.clone(), value.clone()).map_err(fault)?;
    }
    Ok(Response { head, body: answer.body, origin: Origin::Hook })
}

#[cfg(test)]
mod tests;
