//! [`Object`] ⇄ the HTTP dialect of the worker protocol.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{Method, StatusCode, Version, header};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{
    super::worker::{Part, Reply, record},
    headers::{Given, Sent},
};
use crate::{
    hook::{Answer, Manner, Object, ResponsePart, coprocess},
    session::SessionState,
    url::Url,
};

/// Metadata in which a hook names the key of its session.
const TOKEN: &str = "token";

/// What a worker is told of a call.
pub(super) struct Head<'a>(pub(super) &'a Object);

impl Serialize for Head<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let object = self.0;
        let mut map = to.serialize_map(None)?;
        if let Some(part) = object.record.as_deref() {
            map.serialize_entry("record", &record::write(part))?;
            return map.end();
        }
        map.serialize_entry("method", object.request.method.as_str())?;
        map.serialize_entry("url", &object.url.request_uri())?;
        if let Some(host) = coprocess::host(object) {
            map.serialize_entry("host", &host)?;
        }
        map.serialize_entry("scheme", coprocess::scheme(object))?;
        map.serialize_entry("proto", proto(object.request.version))?;
        if let Some(client) = object.client {
            map.serialize_entry("remote_addr", &std::net::SocketAddr::new(client, 0))?;
        }
        map.serialize_entry("headers", &Sent(&object.request.headers))?;
        if let Some(state) = object.state.as_deref() {
            map.serialize_entry("session", state)?;
        }
        if let Some(token) = object.token.as_deref().filter(|token| !token.is_empty()) {
            map.serialize_entry(TOKEN, token)?;
        }
        if !object.metadata.is_empty() {
            map.serialize_entry("metadata", &object.metadata)?;
        }
        if let Some(part) = object.response.as_deref() {
            map.serialize_entry("response", &Response(part))?;
        }
        map.end()
    }
}

struct Response<'a>(&'a ResponsePart);

impl Serialize for Response<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("status", &self.0.head.status.as_u16())?;
        map.serialize_entry("headers", &Sent(&self.0.head.headers))?;
        map.end()
    }
}

fn proto(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

/// The bodies that go along.
pub(super) fn bodies(object: &Object) -> Vec<Part> {
    let filled = |body: &Option<Bytes>| body.clone().filter(|body| !body.is_empty());
    match (filled(&object.body), object.response.as_ref().and_then(|part| filled(&part.body))) {
        (None, None) => Vec::new(),
        (request, response) => vec![request, response],
    }
}

/// What a worker says of a call: what changed.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Changes<'a> {
    method: Option<String>,
    url: Option<String>,
    host: Option<String>,
    headers: Option<Given<'a>>,
    session: Option<SessionState>,
    session_unsaved: bool,
    token: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    target: Option<String>,
    answer: Option<Written<'a>>,
    answer_headers: Option<Given<'a>>,
    response: Option<Written<'a>>,
    record: Map<String, Value>,
}

/// A status and all headers.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Written<'a> {
    status: u16,
    headers: Given<'a>,
}

/// Applies what a worker says to the object of its call.
///
/// # Errors
/// What cannot be used.
pub(super) fn apply(mut reply: Reply, object: &mut Object) -> Result<(), String> {
    let head = std::mem::take(&mut reply.head);
    let head: &[u8] = if head.is_empty() { b"{}" } else { &head };
    let changes: Changes<'_> = serde_json::from_slice(head)
        .map_err(|error| format!("its worker's reply cannot be read: {error}"))?;
    if let Some(part) = object.record.as_deref_mut() {
        return record::apply(changes.record, part);
    }
    let Changes {
        session, session_unsaved, token, metadata, target, answer, answer_headers, response, ..
    } = changes;
    if let Some(metadata) = metadata {
        object.metadata = metadata;
    }
    if let Some(state) = session {
        let known = object.token.as_deref().unwrap_or_default();
        let token = token.unwrap_or_else(|| known.to_owned());
        // Nobody could find it again.
        object.unsaved = session_unsaved || token.is_empty();
        object.metadata.insert(TOKEN.to_owned(), token);
        object.state = Some(Arc::new(state));
    }
    if let Some(target) = target {
        object.target = Some(target);
    }
    if let Some(headers) = answer_headers {
        object.answer_headers = Some(Box::new(headers.into_map()?));
    }
    if let Some(Written { status, headers }) = answer {
        object.answer = Some(Answer {
            status: status_of(status)?,
            headers: headers.into_map()?,
            body: reply.part(2).unwrap_or_default(),
            manner: Manner::AsIs,
        });
    }
    if let Some(part) = object.response.as_deref_mut() {
        if let Some(Written { status, headers }) = response {
            part.head.set_status(status_of(status)?).map_err(|error| error.to_string())?;
            headers.replace(&mut part.head)?;
        }
        if let Some(body) = reply.part(1) {
            part.body = Some(body);
        }
        return Ok(());
    }
    if let Some(body) = reply.part(0) {
        object.body = Some(body);
    }
    apply_request(changes.method, changes.url, changes.host, changes.headers, object)
}

fn apply_request(
    method: Option<String>,
    url: Option<String>,
    host: Option<String>,
    headers: Option<Given<'_>>,
    object: &mut Object,
) -> Result<(), String> {
    if let Some(method) = method {
        let parsed = Method::from_bytes(method.as_bytes());
        object.request.set_method(parsed.map_err(|_| format!("it set a method that is none: {method:?}"))?);
    }
    if let Some(text) = url {
        let mut parsed = Url::from_target(text.as_bytes())
            .map_err(|error| format!("its url {text:?} cannot be used: {error}"))?;
        // Only a loop is more than a path: anything else goes where the API goes.
        if parsed.scheme() != "tyk" {
            parsed.drop_origin();
        }
        object.url = parsed;
    }
    if let Some(headers) = headers {
        headers.replace(&mut object.request)?;
    }
    if let Some(host) = host {
        let set = object.request.insert_header(header::HOST, host.as_str());
        set.map_err(|_| format!("it set a host that is none: {host:?}"))?;
    }
    Ok(())
}

fn status_of(status: u16) -> Result<StatusCode, String> {
    StatusCode::from_u16(status).map_err(|_| format!("{status} is no status"))
}
