//! Auth by a user's hook (`custom_middleware.auth_check`, plugins reference 3.6).
//!
//! The hook leaves the session of who calls and names its key in metadata `token`; or it answers. What a missing session
//! or token means is its family's matter (`chain/hook_session.rs`). One that cannot be called refuses everything
//! (500): Tyk asks for auth tokens instead when it is switched off or unnamed, which nobody means
//! (docs/compatibility.md).

mod extractor;

use async_trait::async_trait;
use pingora_proxy::Session;

use self::extractor::{Extractor, Found};
use super::{AuthMethod, Verdict};
use crate::{
    chain::{Blueprint, Call, Ctx, Flow, Wish},
    error::Result,
    hook::{Family, HookKind},
};

pub(super) use crate::chain::CUSTOM_AUTH as IDENTITY;

const AT: &str = "custom_middleware.auth_check";

/// The method, where any of its three switches is on.
pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn AuthMethod>> {
    let definition = blueprint.definition;
    let asked = definition.custom_plugin_auth_enabled
        || definition.use_go_plugin_auth
        || definition.enable_coprocess_auth;
    if !asked {
        return None;
    }
    let plan = blueprint.hooks;
    let entry = &plan.custom.auth_check;
    let driver = plan.driver(entry);
    let family = blueprint.services.hooks.family(driver);
    let wish = Wish::of(HookKind::Auth, plan, entry);
    let coprocess = blueprint.services.config.coprocess_options.enable_coprocess;
    let call = if entry.disabled {
        Call::refused(blueprint, &wish, AT, "auth by a hook is on, but the hook is disabled")
    } else if entry.name.is_empty() || entry.path.is_empty() && family == Family::Native {
        Call::refused(blueprint, &wish, AT, "auth by a hook is on, but no hook is named")
    } else if family == Family::Coprocess && !coprocess {
        Call::refused(
            blueprint,
            &wish,
            AT,
            "its driver needs coprocess_options.enable_coprocess, which is off",
        )
    } else {
        Call::load(blueprint, &wish, AT)
    };
    let extractor = Extractor::build(&plan.custom.id_extractor, blueprint);
    Some(Box::new(Custom { call, extractor }))
}

struct Custom {
    call: Call,
    extractor: Option<Extractor>,
}

#[async_trait]
impl AuthMethod for Custom {
    async fn authenticate(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Verdict> {
        if let Some(extractor) = &self.extractor {
            match extractor.find(session, ctx).await? {
                Found::Session => return Ok(Verdict::Passed),
                Found::Id(id) => ctx.session_id = Some(id.into()),
                Found::Missing(denial) => return Ok(Verdict::Denied(denial)),
            }
        }
        Ok(match self.call.run(session, ctx).await? {
            Flow::Next => Verdict::Passed,
            Flow::Deny(denial) => Verdict::Denied(denial),
            Flow::Respond(response) => Verdict::Answered(response),
        })
    }

    fn hook(&self) -> Option<&Call> {
        Some(&self.call)
    }
}
