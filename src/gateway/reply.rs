//! Answers that the gateway writes itself: the one place that gives a refusal or a fault its status, headers
//! and body (api-definition reference 7.1).

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::{
    Gateway, cached, control::ControlAnswer, framing::Refusal, hook_headers, limit_headers, observe, rest,
    script_answer, sniff, templates::Format,
};
use crate::{
    analytics::detail::Form,
    chain::{Answered, Ctx, Denial, Origin, Response},
};

/// How long the rest of a request body that nobody wants is read before its connection is closed.
pub(super) const DRAIN: Duration = Duration::from_secs(5);

const GENERATOR: HeaderName = HeaderName::from_static("x-generator");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What the gateway answers instead of an upstream.
pub(super) enum Answer {
    /// An error body in the form of the API's templates.
    Deny(Denial),
    /// A hook's or a mock's answer.
    Response(Box<Response>),
    /// The control API's.
    Control(ControlAnswer),
    /// No API takes this path.
    NotFound,
    /// The path is not canonical; this one is.
    Moved(String),
    /// It is no request that can be answered, and the last one of its connection.
    Refuse(Refusal),
    /// `OPTIONS *`.
    Server,
    /// The body is above `max_request_body_size`.
    TooLarge,
}

/// The request's host name and port, as the client named them.
pub(super) fn host(session: &Session) -> &str {
    let head = session.req_header();
    match head.uri.authority() {
        Some(authority) => authority.as_str(),
        None => head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default(),
    }
}

/// Tells the client that this answer is the last of its connection, when the process is on its way out. A client that
/// is not told sends its next request into a connection that is being closed.
pub(super) fn last_if_closing(gateway: &Gateway, session: &mut Session) {
    if gateway.health.closing() {
        session.set_keepalive(None);
    }
}

/// Writes an answer.
pub(super) async fn send(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Ctx,
    answer: Answer,
) -> pingora_core::Result<()> {
    last_if_closing(gateway, session);
    match answer {
        Answer::Deny(Denial { status, message, headers }) => {
            refuse(gateway, session, ctx, (status, message), headers.as_deref()).await
        }
        Answer::Response(response) => send_response(gateway, session, ctx, *response).await,
        Answer::Control(answer) => {
            let mut head = ResponseHeader::build(answer.status, Some(4))?;
            head.insert_header(header::CONTENT_TYPE, answer.content_type)?;
            for (name, value) in answer.headers {
                head.insert_header(name, value)?;
            }
            write(session, ctx, head, answer.body).await
        }
        Answer::NotFound => {
            if gateway.config.track_404_logs {
                observe::not_found(session, ctx);
            }
            plain(session, ctx, 404, "Not Found").await
        }
        Answer::Refuse(Refusal { status, text }) => {
            session.set_keepalive(None);
            plain(session, ctx, status, text).await
        }
        Answer::Server => {
            write(session, ctx, ResponseHeader::build(StatusCode::OK, Some(2))?, Bytes::new()).await
        }
        Answer::TooLarge => {
            session.set_keepalive(None);
            let mut head = ResponseHeader::build(StatusCode::PAYLOAD_TOO_LARGE, Some(4))?;
            head.insert_header(header::CONTENT_TYPE, PLAIN)?;
            head.insert_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")?;
            write(session, ctx, head, Bytes::from_static(b"Request Entity Too Large\n")).await
        }
        Answer::Moved(location) => {
            let mut head = ResponseHeader::build(StatusCode::MOVED_PERMANENTLY, Some(3))?;
            head.insert_header(header::LOCATION, location)?;
            write(session, ctx, head, Bytes::new()).await
        }
    }
}

/// Writes the error body of a fault.
pub(super) async fn send_error(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Ctx,
    error: (u16, Cow<'static, str>),
) -> pingora_core::Result<()> {
    last_if_closing(gateway, session);
    refuse(gateway, session, ctx, error, None).await
}

/// Writes an error body in the form that the request's own `Content-Type` asks for.
async fn refuse(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Ctx,
    (status, message): (u16, Cow<'static, str>),
    extra: Option<&HeaderMap>,
) -> pingora_core::Result<()> {
    let format = Format::of(session.req_header().headers.get(header::CONTENT_TYPE));
    let body = gateway.templates.render(&format, status, &message);
    let config = &ctx.snapshot.services.config;
    let mut head = ResponseHeader::build(status, Some(5))?;
    for (name, value) in extra.into_iter().flatten() {
        head.append_header(name.clone(), value.clone())?;
    }
    head.insert_header(header::CONTENT_TYPE, format.content_type())?;
    if !config.hide_generator_header {
        head.insert_header(GENERATOR, "pinhook")?;
    }
    if config.close_connections {
        session.set_keepalive(None);
    }
    hook_headers::on_own(ctx, &mut head);
    limit_headers::on_own(ctx, &mut head);
    if ctx.outcome.error.is_none() {
        ctx.outcome.error = Some(message.into_owned());
    }
    ctx.outcome.answered = Answered::Gateway;
    observe::own_answer(ctx, Form::Error, &head, &body);
    write(session, ctx, head, body).await
}

async fn send_response(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Ctx,
    response: Response,
) -> pingora_core::Result<()> {
    let Response { mut head, body, origin } = response;
    if let Origin::Script { edited, recorded } = origin {
        return script_answer::send(gateway, session, ctx, (head, body), edited, recorded).await;
    }
    if origin == Origin::Cache {
        return cached::send(gateway, session, ctx, (head, body)).await;
    }
    for name in [header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::CONNECTION] {
        head.remove_header(&name);
    }
    if origin == Origin::Mock && !gateway.config.hide_generator_header {
        head.insert_header(GENERATOR, "pinhook")?;
    }
    if matches!(origin, Origin::Hook | Origin::RichPlugin) {
        sniff::name_type(&mut head, &body)?;
    }
    hook_headers::on_own(ctx, &mut head);
    limit_headers::on_own(ctx, &mut head);
    if gateway.config.close_connections {
        session.set_keepalive(None);
    }
    ctx.outcome.answered = match origin {
        Origin::Mock | Origin::Page => Answered::Mock,
        Origin::RichPlugin | Origin::Script { .. } => Answered::Hook,
        Origin::Hook if head.status.as_u16() < 400 => Answered::Hook,
        Origin::Hook => Answered::Gateway,
        Origin::Cache => Answered::Cache,
    };
    observe::own_answer(ctx, Form::Hook, &head, &body);
    write(session, ctx, head, body).await
}

async fn plain(
    session: &mut Session,
    ctx: &mut Ctx,
    status: u16,
    text: &'static str,
) -> pingora_core::Result<()> {
    let mut head = ResponseHeader::build(status, Some(3))?;
    head.insert_header(header::CONTENT_TYPE, PLAIN)?;
    let body = Bytes::from_static(text.as_bytes());
    observe::own_answer(ctx, Form::Error, &head, &body);
    write(session, ctx, head, body).await
}

/// Writes head and body with their framing. A HEAD request gets the length alone; 1xx, 204 and 304 get neither.
pub(super) async fn write(
    session: &mut Session,
    ctx: &mut Ctx,
    mut head: ResponseHeader,
    body: Bytes,
) -> pingora_core::Result<()> {
    ctx.outcome.status = head.status.as_u16();
    let bodiless = head.status.is_informational()
        || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !bodiless {
        head.set_content_length(body.len())?;
    }
    rest::announce(session);
    let no_body = bodiless || body.is_empty() || session.req_header().method == Method::HEAD;
    session.write_response_header(Box::new(head), no_body).await?;
    if !no_body {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}
