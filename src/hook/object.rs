//! What a hook sees and edits.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pingora_http::{RequestHeader, ResponseHeader};

use super::RecordPart;
use crate::{session::SessionState, url::Url};

/// One request as a hook sees it. The head is moved in from the session and back again.
#[derive(Debug)]
pub struct Object {
    /// Method and headers. Its URI is not kept up to date: [`Object::url`] is.
    pub request: RequestHeader,
    /// The request's body, if the hook wants it. An edit is sent instead of what came.
    pub body: Option<Bytes>,
    /// The upstream's answer; for response hooks only.
    pub response: Option<Box<ResponsePart>>,
    /// The record; for analytics hooks only, whose object has nothing of a request.
    pub record: Option<Box<RecordPart>>,
    /// Path and query, as the chain sees them: with the listen path, before any parked rewrite.
    pub url: Url,
    /// The peer of the connection.
    pub client: Option<IpAddr>,
    /// What the API's definition says to its hooks.
    pub spec: Arc<Spec>,
    /// The state of the key that calls, once it is known; an auth hook leaves one here. An edit that makes it another
    /// `Arc` is kept.
    pub state: Option<Arc<SessionState>>,
    /// Texts that the hooks of one request leave for each other.
    pub metadata: BTreeMap<String, String>,
    /// Set by a hook that answers the request itself.
    pub answer: Option<Answer>,
    /// Set by a hook that sends this one request elsewhere: an absolute URL, or `host:port`.
    pub target: Option<String>,
}

impl Object {
    /// One that belongs to no request: its head is empty.
    pub fn without_request(spec: Arc<Spec>) -> Self {
        Self {
            request: http::Request::new(()).into_parts().0.into(),
            body: None,
            response: None,
            record: None,
            url: Url::default(),
            client: None,
            spec,
            state: None,
            metadata: BTreeMap::new(),
            answer: None,
            target: None,
        }
    }
}

/// The upstream's answer as a response hook sees and edits it.
#[derive(Debug)]
pub struct ResponsePart {
    /// Status and headers.
    pub head: ResponseHeader,
    /// The whole body, decompressed, if the hook wants it.
    pub body: Option<Bytes>,
}

/// The part of a definition that hooks may read.
#[derive(Debug)]
pub struct Spec {
    /// `api_id`.
    pub api_id: Arc<str>,
    /// `org_id`.
    pub org_id: Arc<str>,
    /// `name`.
    pub api_name: Arc<str>,
    /// `config_data` as JSON text; `{}` when absent or disabled.
    pub config_data: Arc<str>,
}

/// An answer that a hook gives instead of the upstream.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers; length and framing are the gateway's business.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}
