//! One hook of an API, for every driver: the [`Object`] is built from session and [`Ctx`], and its edits are applied
//! back.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::StatusCode;
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::{
    AUTH_FAILURE, Blueprint, Ctx, Flow, HookPlan, Origin, Response, code_of, hook_session, is_tls,
    key_failure, peer_ip,
};
use crate::{
    definition::HookEntry,
    error::{Error, HookError, Result},
    event::EventKind,
    hook::{Answer, Code, Failure, Family, Hook, HookKind, HookSource, Needs, Object, Spec},
    metrics::{HookLabels, HookMetrics},
    upstream::Target,
};

/// The key that Tyk's event names when a hook answers 403.
const NO_KEY: &str = "n/a";

/// What a definition asks for.
pub struct Wish<'a> {
    /// Where it is called.
    pub kind: HookKind,
    /// Name of the driver, or an alias.
    pub driver: &'a str,
    /// Function.
    pub name: &'a str,
    /// Where the function is, or why that cannot be told.
    pub code: Result<Code, String>,
    /// The function is given the session.
    pub wants_session: bool,
    /// Only the raw bytes of a body are handed over.
    pub raw_body_only: bool,
    /// Milliseconds until a call counts as failed; else the gateway's default.
    pub timeout_ms: Option<u64>,
}

impl<'a> Wish<'a> {
    /// What an entry of `custom_middleware` asks for.
    pub fn of(kind: HookKind, plan: &'a HookPlan, entry: &'a HookEntry) -> Self {
        Self {
            kind,
            driver: plan.driver(entry),
            name: &entry.name,
            code: code_of(entry),
            wants_session: entry.require_session,
            raw_body_only: entry.raw_body_only,
            timeout_ms: entry.pinhook.as_ref().and_then(|own| own.timeout_ms),
        }
    }
}

/// One hook, ready to be called.
pub struct Call {
    /// Where it is called.
    pub kind: HookKind,
    /// Function.
    pub name: Arc<str>,
    /// What it reads of its API.
    pub spec: Arc<Spec>,
    /// Its metric handles.
    pub metrics: Arc<HookMetrics>,
    /// Whose rules hold for what it leaves.
    pub family: Family,
    /// It is given the session.
    pub wants_session: bool,
    /// Nothing when it could not be loaded.
    pub hook: Option<Arc<dyn Hook>>,
    /// The setting that switches its driver off.
    pub off: Option<&'static str>,
}

impl Call {
    /// Loads what a definition asks for. Trouble is noted; its requests are then answered 500.
    pub fn load(blueprint: &mut Blueprint<'_>, wish: &Wish<'_>, at: &str) -> Self {
        let code = match &wish.code {
            Ok(code) => code.clone(),
            Err(reason) => return Self::refused(blueprint, wish, at, &format!("its code {reason}")),
        };
        let services = blueprint.services;
        let source = HookSource {
            api_id: blueprint.spec.api_id.clone(),
            kind: wish.kind,
            name: wish.name.into(),
            code,
            siblings: blueprint.hooks.scripts.clone(),
            timeout: wish.timeout_ms.map(Duration::from_millis),
            wants_session: wish.wants_session,
            raw_body_only: wish.raw_body_only,
        };
        let loaded = services.hooks.load(wish.driver, &source);
        let mut call = Self::new(blueprint, wish);
        match loaded {
            Ok(hook) => call.hook = Some(hook),
            Err(error) => {
                if let Error::Hook(HookError::SwitchedOff { setting, .. }) = &error {
                    call.off = Some(setting);
                }
                blueprint.refuse(at, format!("{}; requests that reach it are answered 500", error.chain()));
            }
        }
        call
    }

    /// One that must not be called, for a reason that is noted; its requests are answered 500.
    pub fn refused(blueprint: &mut Blueprint<'_>, wish: &Wish<'_>, at: &str, reason: &str) -> Self {
        blueprint.refuse(at, format!("{reason}; requests that reach it are answered 500"));
        Self::new(blueprint, wish)
    }

    fn new(blueprint: &Blueprint<'_>, wish: &Wish<'_>) -> Self {
        let services = blueprint.services;
        let name: Arc<str> = wish.name.into();
        let metrics = services.metrics.hook(HookLabels {
            api: blueprint.spec.api_id.clone(),
            hook: wish.kind.name(),
            driver: services.hooks.name(wish.driver).unwrap_or("unknown"),
            function: name.clone(),
        });
        Self {
            kind: wish.kind,
            name,
            spec: blueprint.spec.clone(),
            metrics,
            family: services.hooks.family(wish.driver),
            wants_session: wish.wants_session,
            hook: None,
            off: None,
        }
    }

    /// The bodies that it wants.
    pub fn needs(&self) -> Needs {
        self.hook.as_ref().map_or(Needs::NOTHING, |hook| hook.needs())
    }

    /// Calls it on a request. A session that it sets or edits becomes that of the request.
    pub async fn run(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let hook = self.hook()?;
        let mut seen = None;
        if hook.needs().request_body {
            seen = ctx.body(session).await?;
            if seen.is_none() {
                self.skip("the request's body, which is streamed");
                return Ok(Flow::Next);
            }
        }
        let started = Instant::now();
        let mut object = self.take_object(session, ctx, hook.may_be_abandoned());
        object.body.clone_from(&seen);
        let outcome = match hook.dispatch(self.kind, object).await {
            Ok(mut object) => {
                let body =
                    object.body.take().filter(|body| seen.as_ref().is_none_or(|seen| !is_same(seen, body)));
                let left = object.state.take();
                give_back(*object, session, ctx).and_then(|answer| {
                    let denial = hook_session::keep(&self.name, self.kind, left, session, ctx)?;
                    Ok((answer, denial, body))
                })
            }
            Err(failure) => Err(self.fault(self.failed(failure, session, ctx))),
        };
        let took = started.elapsed();
        self.metrics.call(took, outcome.is_err());
        let (answer, denial, body) = outcome?;
        if let Some(answer) = answer {
            ctx.outcome.hook = Some(took);
            if answer.status == StatusCode::FORBIDDEN {
                key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, NO_KEY);
            }
            return Ok(Flow::Respond(Box::new(respond(answer)?)));
        }
        if let Some(denial) = denial {
            return Ok(Flow::Deny(denial));
        }
        if let Some(body) = body {
            self.replace_body(body, session, ctx).await?;
        }
        Ok(Flow::Next)
    }

    async fn replace_body(&self, body: Bytes, session: &mut Session, ctx: &mut Ctx) -> Result<()> {
        // Where the hook has not seen it, what the client sent has to be off the connection first.
        if ctx.body(session).await?.is_none() {
            self.skip("to replace the request's body, which is streamed");
            return Ok(());
        }
        ctx.replace_body(session, body)
    }

    /// The function, if it could be loaded.
    ///
    /// # Errors
    /// It could not; the call counts as failed.
    pub fn hook(&self) -> Result<&Arc<dyn Hook>> {
        self.hook.as_ref().ok_or_else(|| {
            self.metrics.call(Duration::ZERO, true);
            let name = self.name.to_string();
            self.fault(match self.off {
                Some(setting) => HookError::SwitchedOff { name, setting },
                None => HookError::NotLoaded { name, reason: "see the log of the last load".to_owned() },
            })
        })
    }

    /// A failure of the hook as the fault of its request: each family has its own words for the client (plugins
    /// reference 4.7, 6.8 and 11).
    pub fn fault(&self, error: HookError) -> Error {
        const MIDDLEWARE: (u16, &str) = (500, "Middleware error");
        let missing = matches!(error, HookError::NotLoaded { .. } | HookError::SwitchedOff { .. });
        let (status, message) = match (self.family, self.kind) {
            (Family::Native, _) => return error.into(),
            (_, HookKind::Response) => MIDDLEWARE,
            (Family::Script, _) if matches!(error, HookError::SwitchedOff { .. }) => MIDDLEWARE,
            (Family::Script, _) => return error.into(),
            (Family::Coprocess, _) if missing => return error.into(),
            (Family::Coprocess, HookKind::Auth) => (403, "Key not authorised"),
            (Family::Coprocess, _) => MIDDLEWARE,
        };
        HookError::Answered { status, message, source: Box::new(error) }.into()
    }

    /// Counts a wish that cannot be granted; the first one is named.
    pub fn skip(&self, wish: &str) {
        if self.metrics.skip() {
            tracing::warn!(
                api_id = &*self.spec.api_id,
                hook = self.kind.name(),
                function = &*self.name,
                "a hook wants {wish}: it is left out for such requests, this one and all to come"
            );
        }
    }

    /// What remains of a call that failed: the answer and the record of the request are made from what it left.
    pub fn failed(&self, failure: Failure, session: &mut Session, ctx: &mut Ctx) -> HookError {
        if let Some(object) = failure.object {
            *session.req_header_mut() = object.request;
            ctx.url = object.url;
        }
        failure.error
    }

    /// Moves head and URL out of session and `Ctx`, or copies them when the object may get lost.
    pub fn take_object(&self, session: &mut Session, ctx: &mut Ctx, may_be_abandoned: bool) -> Box<Object> {
        // Reads the framing before a hook has the head.
        session.as_downstream_mut().is_body_empty();
        let (client, tls) = (peer_ip(session), is_tls(session));
        let head = session.req_header_mut();
        let (request, url) = if may_be_abandoned {
            (head.clone(), ctx.url.clone())
        } else {
            (mem::replace(head, empty_head()), mem::take(&mut ctx.url))
        };
        Box::new(Object {
            request,
            body: None,
            response: None,
            record: None,
            event: None,
            url,
            client,
            tls,
            depth: ctx.depth,
            spec: self.spec.clone(),
            state: ctx.state.as_ref().map(|key| key.state.clone()),
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

/// True if both are the very same bytes in memory: nobody made new ones.
pub fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.len() == other.len() && (one.is_empty() || one.as_ptr() == other.as_ptr())
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

/// A hook's answer as the chain's.
///
/// # Errors
/// A status or header that cannot be sent.
pub fn respond(answer: Answer) -> Result<Response> {
    let fault = |error: Box<pingora_core::Error>| Error::Internal(error.into());
    let mut head = ResponseHeader::build(answer.status, Some(answer.headers.len() + 3)).map_err(fault)?;
    for (name, value) in &answer.headers {
        head.append_header(name.clone(), value.clone()).map_err(fault)?;
    }
    Ok(Response { head, body: answer.body, origin: Origin::Hook })
}
