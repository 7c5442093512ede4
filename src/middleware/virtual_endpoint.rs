//! Virtual endpoints (`extended_paths.virtual`, plugins reference 6.7): a function answers in the upstream's place.
//!
//! They are JavaScript unless an entry names another driver. With `enable_jsvm` off those of JavaScript do not exist, and
//! their requests go upstream, as in Tyk.

use std::cell::Cell;

use async_trait::async_trait;
use pingora_proxy::Session;

use crate::{
    chain::{
        Blueprint, Call, Ctx, EndpointPaths, Endpoints, Flow, Middleware, PerVersion, Place, Wish,
        code_of_virtual, driver_of_virtual,
    },
    definition::Virtual,
    error::Result,
    hook::{Family, HookKind},
};

/// The step of all entries.
struct VirtualEndpoints {
    paths: EndpointPaths,
    endpoints: PerVersion<Endpoints<Endpoint>>,
    lacks_code: bool,
}

struct Endpoint {
    call: Call,
    /// Where it fails, the request goes upstream.
    proxy_on_error: bool,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let style = blueprint.path_style();
    let versions = blueprint.versions;
    let lacks_code = Cell::new(false);
    let endpoints = PerVersion::build(versions, |_, version| {
        version.use_extended_paths.then_some(())?;
        blueprint.endpoints(
            version,
            "virtual",
            &version.extended_paths.virtual_endpoints,
            |entry| (!entry.disabled).then_some(Place { path: &entry.path, method: &entry.method, style }),
            |blueprint, entry, at| {
                let call = load(blueprint, entry, at)?;
                lacks_code.set(lacks_code.get() || call.hook.is_none());
                Some(Endpoint { call, proxy_on_error: entry.proxy_on_error })
            },
        )
    })?;
    Some(Box::new(VirtualEndpoints { paths: blueprint.paths(), endpoints, lacks_code: lacks_code.get() }))
}

fn load(blueprint: &mut Blueprint<'_>, entry: &Virtual, at: &str) -> Option<Call> {
    let driver = driver_of_virtual(&blueprint.hooks.custom, entry);
    let services = blueprint.services;
    if services.hooks.family(driver) == Family::Script && !services.config.enable_jsvm {
        blueprint.warn(
            at,
            "enable_jsvm is off: the endpoint does not exist and its requests go upstream, as in Tyk",
        );
        return None;
    }
    let wish = Wish {
        kind: HookKind::Virtual,
        driver,
        name: &entry.response_function_name,
        code: code_of_virtual(entry, &services.config),
        wants_session: entry.use_session,
        raw_body_only: false,
        timeout_ms: entry.pinhook.as_ref().and_then(|own| own.timeout_ms),
        server: entry.pinhook.as_ref().and_then(|own| own.grpc_server.as_deref()),
    };
    Some(Call::load(blueprint, &wish, at))
}

#[async_trait]
impl Middleware for VirtualEndpoints {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let found = self.endpoints.of(ctx).and_then(|endpoints| {
            let candidates = self.paths.for_endpoints(ctx.url.path());
            endpoints.find(session.req_header().method.as_str(), &candidates)
        });
        let Some(Endpoint { call, proxy_on_error }) = found else { return Ok(Flow::Next) };
        match call.run(session, ctx).await {
            Err(error) if *proxy_on_error => {
                let (api_id, function, error) = (&*call.spec.api_id, &*call.name, error.chain());
                tracing::warn!(
                    api_id,
                    function,
                    error,
                    "a virtual endpoint failed: its request goes upstream"
                );
                Ok(Flow::Next)
            }
            flow => flow,
        }
    }

    fn lacks_code(&self) -> bool {
        self.lacks_code
    }

    fn runs_code(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
