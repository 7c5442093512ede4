//! The door to the control API. What it answers is `admin`, which stands above this module: the gateway knows
//! it by this trait alone.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pingora_proxy::Session;

use super::Gateway;
use crate::chain::Ctx;

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
    /// True if `path` belongs to it, so that no API can shadow it.
    fn owns(&self, gateway: &Gateway, path: &str) -> bool;

    /// Answers a request whose path it owns.
    async fn answer(&self, gateway: &Arc<Gateway>, request: ControlRequest<'_>) -> ControlAnswer;
}

/// A gateway that is only checked answers no calls.
pub(super) struct NoControl;

#[async_trait]
impl ControlApi for NoControl {
    fn owns(&self, _gateway: &Gateway, _path: &str) -> bool {
        false
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
pub(super) async fn answer(gateway: &Arc<Gateway>, session: &Session, ctx: &Ctx) -> Option<ControlAnswer> {
    let path = ctx.url.path();
    if !gateway.control.owns(gateway, path) {
        return None;
    }
    let head = session.req_header();
    let request =
        ControlRequest { method: &head.method, path, query: ctx.url.query(), headers: &head.headers };
    Some(gateway.control.answer(gateway, request).await)
}
