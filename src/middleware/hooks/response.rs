//! Response hooks (`custom_middleware.response`, plugins reference 1.4 and 3.7): they edit an upstream's answer. They
//! do not run on answers of the gateway itself or of request hooks.
//!
//! One that fails does as a Go plugin does in Tyk: the rest of the response chain is left out and the client gets the
//! answer as it stood before that hook. One that could not be loaded answers 500: it may be what masks something.

use std::{mem, time::Instant};

use async_trait::async_trait;
use http::header;
use pingora_proxy::Session;

use super::listed;
use crate::{
    chain::{Blueprint, Call, Ctx, Response, ResponseMiddleware, is_same, respond},
    error::Result,
    hook::{HookKind, Needs, Object, ResponsePart},
};

/// All of them, in their order.
struct ResponseHooks(Vec<Call>);

pub(in crate::middleware) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn ResponseMiddleware>> {
    let entries = blueprint.hooks.custom.response.iter().enumerate();
    let calls: Vec<Call> = entries
        .filter(|(_, entry)| !entry.disabled)
        .filter_map(|(index, entry)| {
            listed(HookKind::Response, blueprint, entry, &format!("custom_middleware.response[{index}]"))
        })
        .collect();
    (!calls.is_empty()).then(|| Box::new(ResponseHooks(calls)) as _)
}

#[async_trait]
impl ResponseMiddleware for ResponseHooks {
    fn needs(&self) -> Needs {
        self.0.iter().fold(Needs::NOTHING, |needs, call| needs.or(call.needs()))
    }

    fn lacks_code(&self) -> bool {
        self.0.iter().any(|call| call.hook.is_none())
    }

    async fn response(&self, session: &mut Session, ctx: &mut Ctx, answer: &mut ResponsePart) -> Result<()> {
        for call in &self.0 {
            call.edit(session, ctx, answer).await?;
        }
        Ok(())
    }
}

impl Call {
    /// Calls it on an answer.
    pub(super) async fn edit(
        &self,
        session: &mut Session,
        ctx: &mut Ctx,
        answer: &mut ResponsePart,
    ) -> Result<()> {
        let hook = self.hook()?;
        let needs = hook.needs();
        if needs.response_body && answer.body.is_none() {
            self.skip("the answer's body, which is streamed");
            return Ok(());
        }
        let started = Instant::now();
        let before = ResponsePart { head: answer.head.clone(), body: answer.body.clone() };
        let mut object = self.take_object(session, ctx, hook.may_be_abandoned());
        if needs.request_body {
            object.body.clone_from(&ctx.body);
        }
        let mut part = mem::replace(answer, before);
        if !needs.response_body {
            part.body = None;
        }
        object.response = Some(Box::new(part));
        let outcome = match hook.dispatch(self.kind, object).await {
            Ok(object) => self.take_back(*object, session, ctx, answer),
            Err(failure) => Err(self.fault(self.failed(failure, session, ctx))),
        };
        self.metrics.call(started.elapsed(), outcome.is_err());
        outcome
    }

    /// Applies the edits to the answer, or puts the hook's own into its place. Framing, informational statuses and
    /// where the request went are not a hook's.
    fn take_back(
        &self,
        object: Object,
        session: &mut Session,
        ctx: &mut Ctx,
        answer: &mut ResponsePart,
    ) -> Result<()> {
        *session.req_header_mut() = object.request;
        ctx.url = object.url;
        if !object.metadata.is_empty() {
            ctx.metadata = Some(Box::new(object.metadata));
        }
        if let Some(own) = object.answer {
            let Response { head, body, .. } = respond(own)?;
            *answer = ResponsePart { head, body: Some(body) };
            return Ok(());
        }
        let Some(edited) = object.response else { return Ok(()) };
        let ResponsePart { head: mut edited_head, body } = *edited;
        if edited_head.status.is_informational() && edited_head.status != answer.head.status {
            self.ignored("an informational status");
            // A status that was there is one that can be set.
            let _ = edited_head.set_status(answer.head.status);
        }
        for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            edited_head.remove_header(&name);
            if let Some(value) = answer.head.headers.get(&name).cloned()
                && let Err(error) = edited_head.insert_header(name, value)
            {
                tracing::error!(%error, "framing of an answer was refused");
            }
        }
        answer.head = edited_head;
        match (&answer.body, body) {
            (Some(held), Some(body)) if !is_same(held, &body) => answer.body = Some(body),
            (None, Some(_)) => self.ignored("a body for an answer that is streamed"),
            _ => {}
        }
        Ok(())
    }

    fn ignored(&self, what: &str) {
        tracing::warn!(
            api_id = &*self.spec.api_id,
            hook = self.kind.name(),
            function = &*self.name,
            "a response hook gave {what}: ignored"
        );
    }
}
