//! Refuses keys that may not call this API, or this version of it (sessions reference 4.1 and 4.2).

use std::sync::Arc;

use async_trait::async_trait;
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, Denial, Flow, Middleware},
    error::Result,
    session::AccessDefinition,
};

const DISALLOWED: Denial = Denial::new(403, "Access to this API has been disallowed");

struct AccessRights {
    api_id: Arc<str>,
    versions: Option<Versions>,
}

/// The names of an API's versions.
struct Versions {
    /// In the order that `Ctx::version` counts.
    names: Box<[String]>,
    /// A key for this one may call every version.
    fallback: Option<String>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let definition = blueprint.definition;
    if definition.use_keyless {
        return None;
    }
    let data = &definition.version_data;
    let versions = (!data.not_versioned).then(|| Versions {
        names: blueprint.versions.iter().map(|version| version.name.clone()).collect(),
        fallback: definition.definition.fallback_to_default.then(|| data.default_version.clone()),
    });
    Some(Box::new(AccessRights { api_id: blueprint.spec.api_id.clone(), versions }))
}

impl AccessRights {
    fn allows(&self, rights: &AccessDefinition, version: usize) -> bool {
        let Some(versions) = &self.versions else { return true };
        // A key without versions may call none.
        let has = |name: &String| rights.versions.contains(name);
        versions.names.get(version).is_some_and(has) || versions.fallback.as_ref().is_some_and(has)
    }
}

#[async_trait]
impl Middleware for AccessRights {
    async fn request(&self, _session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let Some(key) = &ctx.state else { return Ok(Flow::Deny(DISALLOWED)) };
        let allowed = key.state.access_rights.is_empty()
            || key.state.rights(&self.api_id).is_some_and(|rights| self.allows(rights, ctx.version));
        Ok(if allowed { Flow::Next } else { Flow::Deny(DISALLOWED) })
    }
}
