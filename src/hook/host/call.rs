//! `call` of every SDK: what a hook asks, what it is told.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Ask, Host};
use crate::{
    hook::{Object, canonical},
    upstream::{Call, Reply},
};

/// Most calls of one hook that are under way at once; more wait for their turn.
const AT_ONCE: usize = 64;

/// Whose call it is: a request of a client, as far as an API of this gateway has to know when it is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller {
    /// The client of the request that the hook runs in.
    pub client: Option<IpAddr>,
    /// [`Object::depth`] of that request.
    pub depth: u8,
}

impl Caller {
    /// The one that a hook with this object is.
    pub fn of(object: &Object) -> Self {
        Self { client: object.client, depth: object.depth }
    }
}

/// A request that a hook makes. As JSON: `{url, method, headers, body, timeout}`, of which only `url` must be there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HookCall {
    /// `http(s)://…`, or `tyk://api_id_or_name/path` for an API of this gateway.
    pub url: String,
    /// Empty is GET.
    #[serde(deserialize_with = "or_empty")]
    pub method: String,
    /// Name to value, or to several.
    #[serde(deserialize_with = "or_empty")]
    pub headers: BTreeMap<String, Values>,
    /// Empty is none.
    #[serde(deserialize_with = "text")]
    pub body: Bytes,
    /// Milliseconds; 0, and more than the hook has left itself, is what it has left.
    #[serde(deserialize_with = "milliseconds")]
    pub timeout: u64,
}

/// One value or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// One.
    One(String),
    /// Several, in order.
    Many(Vec<String>),
}

/// What a call came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HookReply {
    /// Its status; 0 where there was no answer.
    pub status: u16,
    /// Names in canonical form (`Content-Type`), with all their values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Its body, as sent. Bytes that are no UTF-8 are replaced in JSON.
    #[serde(serialize_with = "lossy")]
    pub body: Bytes,
    /// Why there was no answer.
    pub error: Option<String>,
}

impl HookReply {
    /// No answer, and why.
    pub fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }
}

impl From<Reply> for HookReply {
    fn from(reply: Reply) -> Self {
        Self { status: reply.status.as_u16(), headers: shown(&reply.headers), body: reply.body, error: None }
    }
}

/// Headers as hooks see them.
pub(in crate::hook) fn shown(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        all.entry(canonical(name.as_str())).or_default().push(value);
    }
    all
}

impl Host {
    /// Makes one call of a hook that has `left` to live. It never fails: what went wrong is in the reply.
    pub async fn call(&self, call: HookCall, caller: Caller, left: Duration) -> HookReply {
        let call = match self.prepared(call, left) {
            Ok(call) => call,
            Err(reason) => return HookReply::failed(reason),
        };
        match self.ask(Ask { call, client: caller.client, depth: caller.depth }).await {
            Ok(reply) => reply.into(),
            Err(error) => HookReply::failed(error.chain()),
        }
    }

    /// Makes several at once; the replies are in the order of the calls.
    pub async fn call_all(&self, calls: Vec<HookCall>, caller: Caller, left: Duration) -> Vec<HookReply> {
        stream::iter(calls.into_iter().map(|call| self.call(call, caller, left)))
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    fn prepared(&self, call: HookCall, left: Duration) -> Result<Call, String> {
        let mut made = Call::new(method(&call.method)?, call.url);
        for (name, values) in &call.headers {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            for value in values {
                add(&mut made.headers, name, value)?;
            }
        }
        made.body = call.body;
        made.timeout = match call.timeout {
            0 => left,
            timeout => left.min(Duration::from_millis(timeout)),
        };
        made.limit = self.limit();
        Ok(made)
    }
}

/// A method by name; GET where there is none.
pub(in crate::hook) fn method(name: &str) -> Result<Method, String> {
    if name.is_empty() {
        return Ok(Method::GET);
    }
    Method::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no method"))
}

/// Adds a header, unless it is one of those that the connection decides on.
pub(in crate::hook) fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
    let of_the_connection = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];
    if of_the_connection.contains(&name) {
        return Ok(());
    }
    let value = HeaderValue::from_str(value).or_else(|_| HeaderValue::from_bytes(value.as_bytes()));
    headers.append(&name, value.map_err(|_| format!("the value of header {name} cannot be sent"))?);
    Ok(())
}

fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default().into())
}

fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let given = Option::<f64>::deserialize(from)?.unwrap_or_default();
    Ok(Duration::try_from_secs_f64(given.max(0.0) / 1000.0)
        .map_or(u64::MAX, |span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
}

fn lossy<S: Serializer>(body: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&String::from_utf8_lossy(body))
}
