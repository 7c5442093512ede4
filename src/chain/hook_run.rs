//! A hook's call on a request: the [`Object`] is built from session and [`Ctx`], and its edits are applied back.

use std::{mem, sync::Arc, time::Instant};

use bytes::Bytes;
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use super::{
    Call, Ctx, Denial, Flow,
    hook_session::{Aside, LeftState},
    is_tls, peer_ip,
};
use crate::{
    error::{Error, HookError, Result},
    hook::{Answer, Failure, Family, HookKind, Object, Parked},
    upstream::Target,
};

/// What a call that did not fail comes to.
enum Left {
    /// The request is answered.
    Answer(Answer),
    /// It is refused for the session that was left.
    Denial(Denial),
    /// It goes on, with another body if there is one.
    Body(Option<Bytes>),
}

impl Call {
    /// Calls it on a request. What it leaves is kept by the rules of its family.
    ///
    /// # Errors
    /// It failed, in the words for the client.
    pub async fn run(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let hook = self.hook()?;
        let mut seen = None;
        if hook.needs().request_body {
            seen = ctx.body(session).await?;
            if seen.is_none() {
                self.skip("the request's body, which is streamed");
                if self.may_be_left_out() {
                    return Ok(Flow::Next);
                }
            }
        }
        let started = Instant::now();
        let copies = hook.may_be_abandoned() || self.kind == HookKind::Virtual;
        let mut object = self.take_object(session, ctx, copies);
        object.body.clone_from(&seen);
        let aside = Aside::take(self, &mut object);
        let dispatched = hook.dispatch(self.kind, object).await;
        let took = started.elapsed();
        let outcome = match dispatched {
            Ok(object) => self.keep(*object, seen.as_ref(), aside, session, ctx).await,
            // The request goes on where a failed virtual endpoint may be passed by, as it was before.
            Err(failure) if self.kind == HookKind::Virtual => Err(self.fault(failure.error)),
            Err(failure) => Err(self.fault(self.failed(failure, session, ctx))),
        };
        self.metrics.call(took, outcome.is_err());
        match outcome? {
            Left::Answer(answer) => {
                ctx.outcome.hook = Some(took);
                self.answered(answer, session, ctx)
            }
            Left::Denial(denial) => Ok(Flow::Deny(denial)),
            Left::Body(None) => Ok(Flow::Next),
            Left::Body(Some(body)) => {
                self.replace_body(body, session, ctx).await?;
                Ok(Flow::Next)
            }
        }
    }

    /// Applies what a call left.
    async fn keep(
        &self,
        mut object: Object,
        seen: Option<&Bytes>,
        aside: Aside,
        session: &mut Session,
        ctx: &mut Ctx,
    ) -> Result<Left> {
        let body = object.body.take().filter(|body| seen.is_none_or(|seen| !is_same(seen, body)));
        let left = LeftState { state: object.state.take(), unsaved: object.unsaved };
        let answer = give_back(object, session, ctx)?;
        if self.kind == HookKind::Virtual && answer.is_none() {
            let name = self.name.to_string();
            return Err(self.fault(HookError::Script { name, reason: "it gave no answer".to_owned() }));
        }
        let denial = self.keep_session(left, answer.is_some(), session, ctx).await?;
        aside.put_back(ctx);
        Ok(match (answer, denial) {
            (Some(answer), _) => Left::Answer(answer),
            (None, Some(denial)) => Left::Denial(denial),
            (None, None) => Left::Body(body),
        })
    }

    /// Whether a request whose body it cannot be shown passes without it. Not where it says who calls: a client
    /// chooses what is streamed. And not a rich plugin, which is sent every body whether it looks at it or not.
    fn may_be_left_out(&self) -> bool {
        self.kind != HookKind::Auth && self.family != Family::Coprocess
    }

    async fn replace_body(&self, body: Bytes, session: &mut Session, ctx: &mut Ctx) -> Result<()> {
        // Where the hook has not seen it, what the client sent has to be off the connection first.
        if ctx.body(session).await?.is_none() {
            self.skip("to replace the request's body, which is streamed");
            return Ok(());
        }
        ctx.replace_body(session, body)
    }

    /// What remains of a call that failed: the answer and the record of the request are made from what it left.
    pub fn failed(&self, failure: Failure, session: &mut Session, ctx: &mut Ctx) -> HookError {
        if let Some(object) = failure.object {
            *session.req_header_mut() = object.request;
            ctx.url = object.url;
        }
        failure.error
    }

    /// Moves head, URL and metadata out of session and `Ctx`, or copies them when the object may get lost or the request
    /// go on without it.
    pub fn take_object(&self, session: &mut Session, ctx: &mut Ctx, copies: bool) -> Box<Object> {
        // Reads the framing before a hook has the head.
        session.as_downstream_mut().is_body_empty();
        let (client, tls) = (peer_ip(session), is_tls(session));
        let parked = (self.family == Family::Coprocess).then(|| parked(ctx)).flatten();
        let head = session.req_header_mut();
        let (request, url, metadata) = if copies {
            (head.clone(), ctx.url.clone(), ctx.metadata.as_deref().cloned())
        } else {
            let metadata = ctx.metadata.take().map(|metadata| *metadata);
            (mem::replace(head, empty_head()), mem::take(&mut ctx.url), metadata)
        };
        Box::new(Object {
            request,
            body: None,
            response: None,
            record: None,
            event: None,
            url,
            parked,
            client,
            tls,
            depth: ctx.depth,
            spec: self.spec.clone(),
            state: ctx.state.as_ref().map(|key| key.state.clone()),
            token: ctx.state.as_ref().map(|key| key.id.clone()),
            unsaved: false,
            metadata: metadata.unwrap_or_default(),
            answer: None,
            answer_headers: None,
            target: None,
        })
    }
}

/// What a rich plugin sees in place of the request's own URL and method.
fn parked(ctx: &Ctx) -> Option<Box<Parked>> {
    if ctx.rewrite.is_none() && ctx.method.is_none() {
        return None;
    }
    let url = ctx.rewrite.as_ref().map(|rewrite| rewrite.url.clone());
    Some(Box::new(Parked { url, method: ctx.method.clone() }))
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
    if let Some(parked) = object.parked {
        if let (Some(rewrite), Some(url)) = (&mut ctx.rewrite, parked.url) {
            rewrite.url = url;
        }
        ctx.method = parked.method;
    }
    ctx.metadata = (!object.metadata.is_empty()).then(|| Box::new(object.metadata));
    if let Some(headers) = object.answer_headers {
        match &mut ctx.answer_headers {
            Some(before) => before.extend(*headers),
            none => *none = Some(headers),
        }
    }
    if let Some(text) = object.target {
        let target = Target::parse(&text).map_err(|error| Error::Internal(error.into()))?;
        ctx.target = Some(Arc::new(target));
    }
    Ok(object.answer)
}
