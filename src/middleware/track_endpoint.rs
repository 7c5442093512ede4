//! Marks requests that analytics records under the endpoint's configured path, or not at all (`track_endpoints`,
//! `do_not_track_endpoints`).

use std::sync::Arc;

use async_trait::async_trait;
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, EndpointPaths, Endpoints, Flow, Middleware, PerVersion, Place, Tracking},
    definition::TrackEndpoint,
    error::Result,
};

struct Track {
    paths: EndpointPaths,
    tracked: Option<PerVersion<Endpoints<Arc<str>>>>,
    untracked: Option<PerVersion<Endpoints<()>>>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    if blueprint.definition.do_not_track || !blueprint.services.config.enable_analytics {
        return None;
    }
    let versions = blueprint.versions;
    let style = blueprint.path_style();
    let place = |entry: &TrackEndpoint| !entry.disabled;
    let tracked = PerVersion::build(versions, |_, version| {
        let entries = &version.extended_paths.track_endpoints;
        version.use_extended_paths.then_some(())?;
        blueprint.endpoints(
            version,
            "track_endpoints",
            entries,
            |entry| place(entry).then_some(Place { path: &entry.path, method: &entry.method, style }),
            |_, entry, _| Some(Arc::from(entry.path.as_str())),
        )
    });
    let untracked = PerVersion::build(versions, |_, version| {
        let entries = &version.extended_paths.do_not_track_endpoints;
        version.use_extended_paths.then_some(())?;
        blueprint.endpoints(
            version,
            "do_not_track_endpoints",
            entries,
            |entry| place(entry).then_some(Place { path: &entry.path, method: &entry.method, style }),
            |_, _, _| Some(()),
        )
    });
    let paths = blueprint.paths();
    (tracked.is_some() || untracked.is_some()).then(|| Box::new(Track { paths, tracked, untracked }) as _)
}

#[async_trait]
impl Middleware for Track {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let method = session.req_header().method.as_str();
        let candidates = self.paths.for_endpoints(ctx.url.path());
        let found = |table: &Endpoints<()>| table.find(method, &candidates).is_some();
        let tracking = if self.untracked.as_ref().and_then(|all| all.of(ctx)).is_some_and(found) {
            Some(Tracking::Untracked)
        } else {
            let all = self.tracked.as_ref().and_then(|all| all.of(ctx));
            all.and_then(|all| all.find(method, &candidates)).map(|path| Tracking::Tracked(path.clone()))
        };
        if let Some(tracking) = tracking {
            ctx.tracking = tracking;
        }
        Ok(Flow::Next)
    }
}
