//! Edits the request's headers: global removes and sets, then the endpoint's (`global_headers…`,
//! `transform_headers`; api-definition reference 3.10).

use async_trait::async_trait;
use pingora_proxy::Session;

use super::header_edits::{HeaderEdits, Side};
use crate::{
    chain::{Blueprint, Ctx, EndpointPaths, Endpoints, Flow, Middleware, PerVersion, version_path},
    definition::VersionInfo,
    error::Result,
};

const FORWARDED_FOR: &str = "x-forwarded-for";

struct TransformHeaders {
    paths: EndpointPaths,
    versions: PerVersion<Transforms>,
}

struct Transforms {
    global: Option<HeaderEdits>,
    endpoints: Option<Endpoints<HeaderEdits>>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let versions = blueprint.versions;
    let versions = PerVersion::build(versions, |_, version| Transforms::compile(blueprint, version))?;
    Some(Box::new(TransformHeaders { paths: blueprint.paths(), versions }))
}

impl Transforms {
    fn compile(blueprint: &mut Blueprint<'_>, version: &VersionInfo) -> Option<Self> {
        let (removes, sets) =
            (version_path(version, "global_headers_remove"), version_path(version, "global_headers"));
        let global = (!version.global_headers_disabled)
            .then(|| {
                HeaderEdits::compile(
                    blueprint,
                    Side::Request,
                    (&removes, &sets),
                    &version.global_headers_remove,
                    &version.global_headers,
                )
            })
            .flatten();
        let entries = &version.extended_paths.transform_headers;
        let endpoints =
            HeaderEdits::endpoints(blueprint, Side::Request, version, "transform_headers", entries);
        (global.is_some() || endpoints.is_some()).then_some(Self { global, endpoints })
    }
}

#[async_trait]
impl Middleware for TransformHeaders {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let Some(transforms) = self.versions.of(ctx) else { return Ok(Flow::Next) };
        let endpoint = transforms.endpoints.as_ref().and_then(|endpoints| {
            let candidates = self.paths.for_endpoints(ctx.url.path());
            endpoints.find(session.req_header().method.as_str(), &candidates)
        });
        let scope = ctx.scope();
        let mut hides_peer = false;
        for edits in transforms.global.iter().chain(endpoint) {
            edits.apply_to_request(session.req_header_mut(), scope)?;
            hides_peer |= edits.removes(FORWARDED_FOR);
        }
        ctx.no_forwarded_for |= hides_peer;
        Ok(Flow::Next)
    }
}
