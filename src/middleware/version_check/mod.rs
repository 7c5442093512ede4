//! The first step: is the API still served, and is this endpoint open? It decides over allow, block, ignore, mock
//! and internal entries (api-definition reference 3.4) and sees requests before any hook does.
//!
//! Entries of other kinds never change the verdict here. In Tyk one may, when an internal entry meets an allow list
//! in a loop; see docs/compatibility.md.

mod lists;

use std::time::SystemTime;

use async_trait::async_trait;
use http::{HeaderMap, Method, header};
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, Denial, EndpointPaths, Flow, Middleware, PerVersion, version_failure},
    definition::Expiry,
    error::Result,
};
use lists::{Lists, Verdict};

const EXPIRED: Denial =
    Denial::new(403, "API has expired, please check documentation or contact administrator");
const BROKEN: Denial = Denial::new(500, "Internal Server Error");

struct VersionCheck {
    refusal: Option<Denial>,
    expiry: Expiry,
    preflight_passes: bool,
    paths: EndpointPaths,
    lists: Option<PerVersion<Lists>>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let definition = blueprint.definition;
    let refusal = if definition.version_data.not_versioned {
        definition.version_data.only().err().map(|reason| Denial::with(403, reason.to_string()))
    } else {
        Some(BROKEN)
    };
    match &refusal {
        Some(denial) if *denial == BROKEN => blueprint.refuse(
            "version_data.not_versioned",
            "versioned APIs come with a later issue of pinhook; every request is answered 500",
        ),
        Some(denial) => {
            let message = format!("{}; every request is answered {}", denial.message, denial.status);
            blueprint.refuse("version_data.versions", message);
        }
        None => {}
    }
    let expiry = Expiry::parse(&definition.expiration);
    if expiry == Expiry::Unreadable {
        blueprint.refuse(
            "expiration",
            format!(
                "{:?} is no date like 2006-01-02 15:04; the API counts as expired",
                definition.expiration
            ),
        );
    }
    let versions = blueprint.versions;
    let lists = PerVersion::build(versions, |_, version| Lists::compile(blueprint, version));
    if refusal.is_none() && expiry == Expiry::Never && lists.is_none() {
        return None;
    }
    let preflight_passes = definition.cors.enable && !definition.cors.options_passthrough;
    let paths = blueprint.paths();
    Some(Box::new(VersionCheck { refusal, expiry, preflight_passes, paths, lists }))
}

#[async_trait]
impl Middleware for VersionCheck {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        if let Some(denial) = &self.refusal {
            return Ok(refused(session, ctx, denial.clone()));
        }
        if self.expiry != Expiry::Never && self.expiry.is_past(SystemTime::now()) {
            return Ok(refused(session, ctx, EXPIRED));
        }
        // A verdict holds for one pass: a loop is judged anew.
        ctx.ignored = false;
        let Some(lists) = self.lists.as_ref().and_then(|lists| lists.of(ctx)) else { return Ok(Flow::Next) };
        let head = session.req_header();
        if self.preflight_passes && is_preflight(&head.method, &head.headers) {
            ctx.ignored = true;
            return Ok(Flow::Next);
        }
        match lists.verdict(head.method.as_str(), &self.paths, ctx.url.path(), ctx.looped()) {
            Verdict::Pass => Ok(Flow::Next),
            Verdict::Ignore => {
                ctx.ignored = true;
                Ok(Flow::Next)
            }
            Verdict::Block => Ok(refused(session, ctx, Denial::FORBIDDEN)),
            Verdict::Broken => Ok(Flow::Deny(BROKEN)),
            Verdict::Reply(reply) => reply.response().map(|response| Flow::Respond(Box::new(response))),
        }
    }
}

fn refused(session: &Session, ctx: &Ctx, denial: Denial) -> Flow {
    if denial != BROKEN {
        version_failure(session, ctx, &denial.message);
    }
    Flow::Deny(denial)
}

fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests;
