//! [`Object`] ⇄ the coprocess dialect of the worker protocol. Small frames are quick frames: what is a default, what the
//! definition of the hook says already and what can be told from something else is not sent.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{
    Deserialize, Serialize, Serializer,
    ser::{Error, SerializeMap},
};
use serde_json::{Map, Value};

use super::super::worker::{Part, Reply, record};
use crate::hook::{
    HookKind, Object, canonical,
    coprocess::{self, Header, Request, Response, ReturnOverrides, Session, Terms},
};

/// Text bodies are made by the worker.
const RAW: Terms = Terms { raw_body_only: true, names_as_written: false };

/// What a worker is told of a call.
pub(super) struct Head<'a> {
    pub(super) kind: HookKind,
    pub(super) object: &'a Object,
}

impl Serialize for Head<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { kind, object } = *self;
        let mut map = to.serialize_map(None)?;
        if let Some(part) = object.record.as_deref() {
            map.serialize_entry("record", &record::write(part))?;
            return map.end();
        }
        if let Some(event) = object.event.as_deref() {
            let event: Value = serde_json::from_str(event).map_err(S::Error::custom)?;
            map.serialize_entry("event", &event)?;
            return map.end();
        }
        map.serialize_entry("request", &RequestHead(object))?;
        if let Some(state) = object.state.as_deref().filter(|_| coprocess::sees_session(kind)) {
            map.serialize_entry("session", &Session::of(state, object.token.as_deref()))?;
        }
        if let Some(part) = object.response.as_deref() {
            let mut response = Response::of(part, RAW);
            response.raw_body = Bytes::new();
            map.serialize_entry("response", &response)?;
        }
        map.end()
    }
}

struct RequestHead<'a>(&'a Object);

impl Serialize for RequestHead<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let object = self.0;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("headers", &Headers(object))?;
        let (url, target) = (coprocess::url(object), coprocess::request_uri(object));
        map.serialize_entry("url", &url)?;
        if url != target {
            map.serialize_entry("request_uri", &target)?;
        }
        map.serialize_entry("method", coprocess::method(object))?;
        if object.url.has_query() {
            map.serialize_entry("params", &coprocess::params(object))?;
        }
        if object.tls {
            map.serialize_entry("scheme", coprocess::scheme(object))?;
        }
        map.end()
    }
}

/// The first value of each header.
struct Headers<'a>(&'a Object);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let headers = &self.0.request.headers;
        let mut map = to.serialize_map(None)?;
        for name in headers.keys().filter(|name| **name != http::header::HOST) {
            if let Some(value) = headers.get(name) {
                map.serialize_entry(&canonical(name.as_str()), &String::from_utf8_lossy(value.as_bytes()))?;
            }
        }
        if let Some(host) = coprocess::host(self.0) {
            map.serialize_entry("Host", &host)?;
        }
        map.end()
    }
}

/// The bodies that go along.
pub(super) fn bodies(kind: HookKind, object: &Object) -> Vec<Part> {
    let filled = |body: &Option<Bytes>| body.clone().filter(|body| !body.is_empty());
    let request = filled(&object.body);
    let response = object.response.as_ref().filter(|_| kind == HookKind::Response);
    let response = response.and_then(|part| filled(&part.body));
    match (request, response) {
        (None, None) => Vec::new(),
        (request, response) => vec![request, response],
    }
}

/// What a worker says of a call: what changed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Changes {
    request: RequestChanges,
    session: Option<Box<Session>>,
    response: ResponseChanges,
    target: Option<String>,
    record: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RequestChanges {
    set_headers: BTreeMap<String, String>,
    delete_headers: Vec<String>,
    add_params: BTreeMap<String, String>,
    delete_params: Vec<String>,
    url: Option<String>,
    method: Option<String>,
    return_overrides: ReturnOverrides,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResponseChanges {
    status_code: Option<i32>,
    headers: Option<BTreeMap<String, String>>,
    multivalue_headers: Option<Vec<Header>>,
}

/// Does what a function asked for.
///
/// # Errors
/// Why that cannot be done.
pub(super) fn apply(
    kind: HookKind,
    mut reply: Reply,
    object: &mut Object,
    terms: Terms,
) -> Result<(), String> {
    if reply.head.is_empty() {
        reply.head = Bytes::from_static(b"{}");
    }
    let changes: Changes = serde_json::from_slice(&reply.head)
        .map_err(|error| format!("it left what cannot be used: {error}"))?;
    match kind {
        HookKind::Analytics => match object.record.as_deref_mut() {
            Some(part) => record::apply(changes.record, part),
            None => Ok(()),
        },
        HookKind::Event => Ok(()),
        HookKind::Response => changes.response.apply(reply.part(1), object, terms),
        _ => {
            if changes.target.is_some() {
                object.target = changes.target;
            }
            changes.request.apply(reply.part(0), object, terms)?;
            if kind == HookKind::Auth {
                object.metadata =
                    changes.session.as_ref().map(|session| session.metadata.clone()).unwrap_or_default();
                object.state =
                    changes.session.map(|session| crate::session::SessionState::from(*session).into());
            }
            Ok(())
        }
    }
}

impl RequestChanges {
    fn apply(self, body: Part, object: &mut Object, terms: Terms) -> Result<(), String> {
        let raw_body = body.or_else(|| object.body.clone()).unwrap_or_default();
        let request = Request {
            set_headers: self.set_headers,
            delete_headers: self.delete_headers,
            url: self.url.unwrap_or_else(|| coprocess::url(object).into_owned()),
            add_params: self.add_params,
            delete_params: self.delete_params,
            return_overrides: self.return_overrides,
            method: self.method.unwrap_or_else(|| coprocess::method(object).to_owned()),
            raw_body,
            ..Request::default()
        };
        request.apply(object, terms)
    }
}

impl ResponseChanges {
    fn apply(self, body: Part, object: &mut Object, terms: Terms) -> Result<(), String> {
        let part = object.response.as_deref_mut().ok_or("there was no response to edit")?;
        let mut response = Response::of(part, RAW);
        if let Some(status) = self.status_code {
            response.status_code = status;
        }
        if let Some(headers) = self.headers {
            response.headers = headers;
        }
        if let Some(headers) = self.multivalue_headers {
            response.multivalue_headers = headers;
        }
        if let Some(body) = body {
            response.raw_body = body;
        }
        response.apply(part, terms)
    }
}
