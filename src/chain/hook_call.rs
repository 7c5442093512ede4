//! One hook of an API, for every driver: the [`Object`] is built from session and [`Ctx`], and its edits are applied
//! back.

use std::{
    mem,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::StatusCode;
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::{AUTH_FAILURE, Blueprint, Ctx, Flow, Origin, Response, hook_session, key_failure, peer_ip};
use crate::{
    error::{Error, HookError, Result},
    event::EventKind,
    hook::{Answer, Failure, Hook, HookKind, HookSource, Needs, Object, Spec},
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
    /// File.
    pub path: &'a str,
    /// Milliseconds until a call counts as failed; else the gateway's default.
    pub timeout_ms: Option<u64>,
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
    /// Nothing when it could not be loaded.
    pub hook: Option<Arc<dyn Hook>>,
}

impl Call {
    /// Loads what a definition asks for. Trouble is noted; its requests are then answered 500.
    pub fn load(blueprint: &mut Blueprint<'_>, wish: &Wish<'_>, at: &str) -> Self {
        let services = blueprint.services;
        let timeout = wish.timeout_ms.map(Duration::from_millis);
        let source = HookSource {
            api_id: blueprint.spec.api_id.clone(),
            kind: wish.kind,
            name: wish.name.into(),
            path: PathBuf::from(wish.path),
            timeout: timeout.unwrap_or_else(|| services.config.pinhook.plugin_timeout()),
        };
        let hook = services.hooks.load(wish.driver, &source);
        if let Err(error) = &hook {
            blueprint.refuse(at, format!("{}; requests that reach it are answered 500", error.chain()));
        }
        Self::new(blueprint, wish, hook.ok())
    }

    /// One that must not be called, for a reason that is noted; its requests are answered 500.
    pub fn refused(blueprint: &mut Blueprint<'_>, wish: &Wish<'_>, at: &str, reason: &str) -> Self {
        blueprint.refuse(at, format!("{reason}; requests that reach it are answered 500"));
        Self::new(blueprint, wish, None)
    }

    fn new(blueprint: &Blueprint<'_>, wish: &Wish<'_>, hook: Option<Arc<dyn Hook>>) -> Self {
        let services = blueprint.services;
        let name: Arc<str> = wish.name.into();
        let metrics = services.metrics.hook(HookLabels {
            api: blueprint.spec.api_id.clone(),
            hook: wish.kind.name(),
            driver: services.hooks.name(wish.driver).unwrap_or("unknown"),
            function: name.clone(),
        });
        Self { kind: wish.kind, name, spec: blueprint.spec.clone(), metrics, hook }
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
            Err(failure) => Err(self.failed(failure, session, ctx).into()),
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
            let reason = "see the log of the last load".to_owned();
            HookError::NotLoaded { name: self.name.to_string(), reason }.into()
        })
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
        let client = peer_ip(session);
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
            url,
            client,
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
