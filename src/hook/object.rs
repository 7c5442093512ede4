//! What a hook sees and edits.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use pingora_http::{RequestHeader, ResponseHeader};

use super::{RecordPart, bundle};
use crate::{definition::ApiDefinition, session::SessionState, url::Url};

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
    /// What has happened, as JSON text (plugins reference 9.3); for event hooks only, whose object has nothing of a
    /// request.
    pub event: Option<Arc<str>>,
    /// Path and query, as the chain sees them: with the listen path, before any parked rewrite.
    pub url: Url,
    /// What steps before have parked for the upstream. The hooks of [`Family::Coprocess`](super::Family::Coprocess) see and
    /// edit it; others are given none.
    pub parked: Option<Box<Parked>>,
    /// The peer of the connection.
    pub client: Option<IpAddr>,
    /// The client's connection is encrypted.
    pub tls: bool,
    /// How many requests of this gateway's own hooks led to this one.
    pub depth: u8,
    /// What the API's definition says to its hooks.
    pub spec: Arc<Spec>,
    /// The state of the key that calls, once it is known. An auth hook leaves one here, and one of the families `Script`
    /// and `Coprocess` starts with none. An edit makes it another `Arc`; what becomes of it is its family's matter:
    ///
    /// | family | auth | other hooks |
    /// |---|---|---|
    /// | Native | policies are applied, `token` is a must | policies are applied, it is saved |
    /// | Script | as it stands; without `token` it lives for this request; none at all is an all-zero one | saved as it stands |
    /// | Coprocess | `metadata` goes into its `meta_data`, where `token` is a must; policies are applied | dropped |
    pub state: Option<Arc<SessionState>>,
    /// The token of who calls, once it is known; empty for a session without one. Never logged.
    pub token: Option<Arc<str>>,
    /// Set by a hook whose edit of `state` counts for this request alone: it is not saved, and `token` is no must.
    pub unsaved: bool,
    /// Texts that the hooks of one request leave for each other. An auth hook names its key in `token` (JavaScript:
    /// `AuthValue`). What a rich plugin knows under this name is the session's `meta_data` instead (plugins reference
    /// 4.4), but what its auth hook answers belongs here.
    pub metadata: BTreeMap<String, String>,
    /// Set by a hook that answers the request itself.
    pub answer: Option<Answer>,
    /// Headers that a hook puts on whatever answer the client gets.
    pub answer_headers: Option<Box<HeaderMap>>,
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
            event: None,
            url: Url::default(),
            parked: None,
            client: None,
            tls: false,
            depth: 0,
            spec,
            state: None,
            token: None,
            unsaved: false,
            metadata: BTreeMap::new(),
            answer: None,
            answer_headers: None,
            target: None,
        }
    }
}

/// URL and method on their way to the upstream, which the request itself does not have yet.
#[derive(Debug, Default)]
pub struct Parked {
    /// By a URL rewrite.
    pub url: Option<Url>,
    /// By a method transform.
    pub method: Option<Method>,
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
    /// `config_data_disabled`: scripts then have no such member at all.
    pub config_data_disabled: bool,
    /// MD5 of the text in `custom_middleware_bundle`, in hex; of no text where there is none.
    pub bundle_hash: Arc<str>,
    /// The definition itself, for hooks that read all of it.
    pub definition: Option<Arc<ApiDefinition>>,
    /// Its OAS document as JSON text, where there is one: hooks that ask for the definition get this alone.
    pub oas: Option<Arc<str>>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            api_id: "".into(),
            org_id: "".into(),
            api_name: "".into(),
            config_data: "{}".into(),
            config_data_disabled: false,
            bundle_hash: bundle::hash("").into(),
            definition: None,
            oas: None,
        }
    }
}

/// An answer that a hook gives instead of the upstream.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers; length and framing are the gateway's business.
    pub headers: HeaderMap,
    /// Its body; the text of the error where [`Manner::Template`] writes it.
    pub body: Bytes,
    /// How it is sent.
    pub manner: Manner,
}

/// How a hook's [`Answer`] becomes the client's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// As it stands; the response chain does not run on it.
    #[default]
    AsIs,
    /// Its body is the message of the error template, its headers are set first (plugins reference 4.6 and 6.4).
    Template,
    /// As a script of Tyk's answers: `Server` and `Date` are set, the response chain runs where the caller is known,
    /// and there is no analytics record (plugins reference 6.4).
    Script,
}
