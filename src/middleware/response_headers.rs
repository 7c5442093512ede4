//! Edits the response's headers: the endpoint's removes and sets first, then the global ones, which so win
//! (`transform_response_headers`, `global_response_headers…`; api-definition reference 3.10).

use async_trait::async_trait;
use pingora_proxy::Session;

use super::header_edits::{HeaderEdits, Side};
use crate::{
    chain::{Blueprint, Ctx, EndpointPaths, Endpoints, PerVersion, ResponseMiddleware, version_path},
    definition::VersionInfo,
    error::Result,
    hook::ResponsePart,
};

struct ResponseHeaders {
    paths: EndpointPaths,
    versions: PerVersion<Transforms>,
}

struct Transforms {
    endpoints: Option<Endpoints<HeaderEdits>>,
    global: Option<HeaderEdits>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn ResponseMiddleware>> {
    let versions = blueprint.versions;
    let versions = PerVersion::build(versions, |_, version| Transforms::compile(blueprint, version))?;
    Some(Box::new(ResponseHeaders { paths: blueprint.paths(), versions }))
}

impl Transforms {
    fn compile(blueprint: &mut Blueprint<'_>, version: &VersionInfo) -> Option<Self> {
        let paths = (
            version_path(version, "global_response_headers_remove"),
            version_path(version, "global_response_headers"),
        );
        let global = (!version.global_response_headers_disabled)
            .then(|| {
                HeaderEdits::compile(
                    blueprint,
                    Side::Response,
                    (&paths.0, &paths.1),
                    &version.global_response_headers_remove,
                    &version.global_response_headers,
                )
            })
            .flatten();
        let entries = &version.extended_paths.transform_response_headers;
        let endpoints =
            HeaderEdits::endpoints(blueprint, Side::Response, version, "transform_response_headers", entries);
        (global.is_some() || endpoints.is_some()).then_some(Self { endpoints, global })
    }
}

#[async_trait]
impl ResponseMiddleware for ResponseHeaders {
    async fn response(&self, session: &mut Session, ctx: &mut Ctx, answer: &mut ResponsePart) -> Result<()> {
        let Some(transforms) = self.versions.of(ctx) else { return Ok(()) };
        let endpoint = transforms.endpoints.as_ref().and_then(|endpoints| {
            let (path, method) = seen(session, ctx);
            endpoints.find(method, &self.paths.for_endpoints(path))
        });
        for edits in endpoint.into_iter().chain(&transforms.global) {
            edits.apply_to_response(&mut answer.head, ctx.scope());
        }
        Ok(())
    }
}

/// Path and method that response endpoints are looked for with: the client's once a rewrite matched, else what the
/// upstream saw (api-definition reference 3.2).
fn seen<'a>(session: &'a Session, ctx: &'a Ctx) -> (&'a str, &'a str) {
    let client = session.req_header().method.as_str();
    match (&ctx.path_before_rewrite, &ctx.outbound) {
        (Some(path), _) => (path, client),
        (None, Some(outbound)) => {
            (&outbound.path, outbound.method.as_ref().map_or(client, |method| method.as_str()))
        }
        (None, None) => (ctx.url.path(), client),
    }
}
