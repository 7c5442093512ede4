//! The answer that a request hook gives: what it becomes by its [`Manner`] (plugins reference 1.6, 3.4, 4.6 and 6.4).

use http::{HeaderMap, StatusCode, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use serde_json::Value;

use super::{
    AUTH_FAILURE, Call, Ctx, Denial, Flow, Origin, Response, Rewrite, hook_session::TOKEN, key_failure,
};
use crate::{
    error::{Error, Result},
    event::EventKind,
    hook::{Answer, Family, HookKind, Manner},
    url::Url,
};

/// The key that Tyk's event names when a Go plugin answers 403.
const NO_KEY: &str = "n/a";
/// What a rich plugin says that refuses without a text.
const NOT_AUTHORISED: &str = "Key not authorised";
/// A redirect to an API of this gateway is a loop.
const OWN: &str = "tyk://";

impl Call {
    /// What the hook's answer does to the request.
    pub(super) fn answered(&self, answer: Answer, session: &Session, ctx: &mut Ctx) -> Result<Flow> {
        let origin = match (answer.manner, self.family) {
            (Manner::Template, _) => return Ok(Flow::Deny(self.denied(answer, session, ctx))),
            (Manner::Script, _) if self.kind != HookKind::Virtual => {
                let edited = !matches!(self.kind, HookKind::Pre | HookKind::Auth);
                Origin::Script { edited, recorded: false }
            }
            _ if self.kind == HookKind::Virtual => Origin::Script { edited: true, recorded: true },
            (_, Family::Coprocess) => Origin::RichPlugin,
            (_, Family::Native) => {
                if answer.status == StatusCode::FORBIDDEN {
                    key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, NO_KEY);
                }
                Origin::Hook
            }
            (_, Family::Script) => Origin::Hook,
        };
        if let (Origin::Script { .. }, Some(url)) = (origin, own_api(&answer)) {
            ctx.rewrite = Some(Box::new(Rewrite { url, retain_host: false }));
            return Ok(Flow::Next);
        }
        Ok(Flow::Respond(Box::new(Response { origin, ..respond(answer)? })))
    }

    /// A refusal in the form of the error template.
    fn denied(&self, answer: Answer, session: &Session, ctx: &Ctx) -> Denial {
        let mut message = String::from_utf8_lossy(&answer.body).into_owned();
        if self.family == Family::Coprocess {
            key_failure(session, ctx, EventKind::AuthFailure, AUTH_FAILURE, token(ctx));
            if message.is_empty() {
                message = NOT_AUTHORISED.to_owned();
            }
        }
        let headers = without_framing(answer.headers);
        Denial {
            headers: (!headers.is_empty()).then(|| Box::new(headers)),
            ..Denial::with(answer.status.as_u16(), message)
        }
    }
}

/// The key that a rich plugin's auth hook has just named, or else the one that calls.
fn token(ctx: &Ctx) -> &str {
    let named = ctx.metadata.as_ref().and_then(|metadata| metadata.get(TOKEN)).map(String::as_str);
    let known = || ctx.state.as_ref()?.state.meta_data.get(TOKEN).and_then(Value::as_str);
    named.or_else(known).unwrap_or_default()
}

/// Where an answer redirects to, if that is an API of this gateway.
fn own_api(answer: &Answer) -> Option<Url> {
    let moved = matches!(answer.status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND);
    let place = answer.headers.get(header::LOCATION).filter(|_| moved)?.to_str().ok()?;
    if !place.starts_with(OWN) {
        return None;
    }
    Url::parse(place).ok()
}

fn without_framing(mut headers: HeaderMap) -> HeaderMap {
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
        headers.remove(name);
    }
    headers
}

/// A hook's answer as the chain's.
///
/// # Errors
/// A status or header that cannot be sent.
pub fn respond(answer: Answer) -> Result<Response> {
    let fault = |error: Box<pingora_core::Error>| Error::Internal(error.into());
    if answer.status.is_informational() {
        return Err(Error::Internal(
            format!("a hook answered {}, which ends no request", answer.status).into(),
        ));
    }
    let mut head = ResponseHeader::build(answer.status, Some(answer.headers.len() + 3)).map_err(fault)?;
    for (name, value) in &answer.headers {
        head.append_header(name.clone(), value.clone()).map_err(fault)?;
    }
    Ok(Response { head, body: answer.body, origin: Origin::Hook })
}
