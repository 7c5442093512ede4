//! Parks another method for the upstream (`method_transforms`); the proxy step applies it, so later steps still see
//! the client's method.

use async_trait::async_trait;
use http::Method;
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, Denial, EndpointPaths, Endpoints, Flow, Middleware, PerVersion, Place},
    error::Result,
};

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

struct MethodTransform {
    paths: EndpointPaths,
    /// Nothing for a method that requests cannot be sent with: such requests are refused.
    methods: PerVersion<Endpoints<Option<Method>>>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let style = blueprint.path_style();
    let versions = blueprint.versions;
    let methods = PerVersion::build(versions, |_, version| {
        version.use_extended_paths.then_some(())?;
        blueprint.endpoints(
            version,
            "method_transforms",
            &version.extended_paths.method_transforms,
            |entry| (!entry.disabled).then_some(Place { path: &entry.path, method: &entry.method, style }),
            |blueprint, entry, at| {
                let wanted = entry.to_method.to_uppercase();
                let method = METHODS.iter().find(|method| method.as_str() == wanted).cloned();
                if method.is_none() {
                    let message =
                        format!("{:?} is not supported; its requests are answered 405", entry.to_method);
                    blueprint.refuse(format!("{at}.to_method"), message);
                }
                Some(method)
            },
        )
    })?;
    Some(Box::new(MethodTransform { paths: blueprint.paths(), methods }))
}

#[async_trait]
impl Middleware for MethodTransform {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let Some(methods) = self.methods.of(ctx) else { return Ok(Flow::Next) };
        let candidates = self.paths.for_endpoints(ctx.url.path());
        match methods.find(session.req_header().method.as_str(), &candidates) {
            None => {}
            Some(Some(method)) => ctx.method = Some(method.clone()),
            Some(None) => return Ok(Flow::Deny(Denial::new(405, "Method not allowed"))),
        }
        Ok(Flow::Next)
    }
}
