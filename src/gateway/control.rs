//! The door to the control API. What it answers is `admin`, which stands above this module: the gateway knows
//! it by this trait alone.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pingora_proxy::Session;

use super::Gateway;
use crate::{
    certificate::ClientCertificate,
    chain::{Ctx, client_certificate, is_tls},
    error::Result,
};

/// A request to the control API.
pub struct ControlRequest<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its decoded path, with `/tyk`.
    pub path: &'a str,
    /// Its query, undecoded.
    pub query: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its whole body; empty until the request has been admitted.
    pub body: Bytes,
    /// The certificate that its client showed.
    pub client: Option<&'a ClientCertificate>,
    /// Its connection is encrypted.
    pub tls: bool,
}

/// What the control API answers.
#[derive(Debug)]
pub struct ControlAnswer {
    /// Status.
    pub status: u16,
    /// Content type.
    pub content_type: HeaderValue,
    /// Other headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Bytes,
}

/// The control API, as the gateway sees it.
#[async_trait]
pub trait ControlApi: Send + Sync {
    /// True if the request is one of its own, so that no API can shadow it.
    fn owns(&self, gateway: &Gateway, request: &ControlRequest<'_>) -> bool;

    /// The answer to a request that may not ask anything; its body is not read.
    async fn refusal(&self, gateway: &Gateway, request: &ControlRequest<'_>) -> Option<ControlAnswer>;

    /// Answers an admitted request whose path it owns.
    async fn answer(&self, gateway: &Arc<Gateway>, request: ControlRequest<'_>) -> ControlAnswer;
}

/// A gateway that is only checked answers no calls.
pub(super) struct NoControl;

#[async_trait]
impl ControlApi for NoControl {
    fn owns(&self, _gateway: &Gateway, _request: &ControlRequest<'_>) -> bool {
        false
    }

    async fn refusal(&self, _gateway: &Gateway, _request: &ControlRequest<'_>) -> Option<ControlAnswer> {
        None
    }

    async fn answer(&self, _gateway: &Arc<Gateway>, _request: ControlRequest<'_>) -> ControlAnswer {
        ControlAnswer {
            status: 404,
            content_type: HeaderValue::from_static("text/plain"),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }
}

/// The control API's answer, if the path is its own.
///
/// # Errors
/// A body that is too large or breaks off.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<Option<ControlAnswer>> {
    let asked = request(session, ctx, Bytes::new());
    if !gateway.control.owns(gateway, &asked) {
        return Ok(None);
    }
    let refusal = gateway.control.refusal(gateway, &asked).await;
    if refusal.is_some() {
        return Ok(refusal);
    }
    let body = ctx.body(session).await?.unwrap_or_default();
    Ok(Some(gateway.control.answer(gateway, request(session, ctx, body)).await))
}

fn request<'a>(session: &'a Session, ctx: &'a Ctx, body: Bytes) -> ControlRequest<'a> {
    let head = session.req_header();
    let (path, query) = (ctx.url.path(), ctx.url.query());
    let (client, tls) = (client_certificate(session), is_tls(session));
    ControlRequest { method: &head.method, path, query, headers: &head.headers, body, client, tls }
}
