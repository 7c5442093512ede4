//! The steps that run hooks ([`Call`]).
//!
//! A hook that could not be loaded is a step that answers 500: it never opens the gate. One that wants a body which
//! is never whole (gRPC; answers that are streams) is left out, named once in the log and counted.

mod response;

use std::cell::Cell;

use async_trait::async_trait;
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Call, Ctx, EndpointPaths, Endpoints, Flow, Middleware, PerVersion, Place, Wish},
    definition::{self, HookEntry},
    error::Result,
    hook::{Code, Family, HookKind},
};
pub(super) use response::build as build_response;

/// The driver of per-endpoint hooks.
const NATIVE: &str = "goplugin";

pub(super) fn build(kind: HookKind, blueprint: &mut Blueprint<'_>) -> Vec<Box<dyn Middleware>> {
    let plan = blueprint.hooks;
    let custom = &plan.custom;
    let (list, entries) = match kind {
        HookKind::Pre => ("pre", &custom.pre),
        HookKind::Post => ("post", &custom.post),
        // Nobody has been recognised there.
        HookKind::PostKeyAuth if blueprint.definition.use_keyless => return Vec::new(),
        HookKind::PostKeyAuth => ("post_key_auth", &custom.post_key_auth),
        HookKind::Endpoint => return endpoint_hooks(blueprint).into_iter().collect(),
        // Its steps are built for the response table; records are no step.
        // Auth is a method among others, not a step of its own.
        HookKind::Virtual | HookKind::Response | HookKind::Analytics | HookKind::Event | HookKind::Auth => {
            return Vec::new();
        }
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
    let driver = blueprint.hooks.driver(entry);
    let hooks = &blueprint.services.hooks;
    let family = hooks.family(driver);
    // A name that means no driver is a slip, not a wish to leave the hook out.
    let leaves_out = driver.is_empty() || hooks.knows(driver);
    if family == Family::Coprocess
        && leaves_out
        && !blueprint.services.config.coprocess_options.enable_coprocess
    {
        let message = format!(
            "driver {driver:?} needs coprocess_options.enable_coprocess, which is off: the hook is not run, as in Tyk"
        );
        blueprint.warn(at, message);
        return None;
    }
    let unnamed = entry.name.is_empty() || entry.path.is_empty() && family == Family::Native;
    if unnamed && !has_endpoint_hooks(blueprint.definition) {
        blueprint.warn(at, "an entry without name and path is not run, as in Tyk");
        return None;
    }
    let wish = Wish::of(kind, blueprint.hooks, entry);
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
                    code: Ok(Code::File(entry.plugin_path.as_str().into())),
                    wants_session: false,
                    raw_body_only: false,
                    timeout_ms: own.and_then(|own| own.timeout_ms),
                    server: own.and_then(|own| own.grpc_server.as_deref()),
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

#[cfg(test)]
mod tests;
