//! What a script leaves, out of Lua and into the object.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mlua::{LuaString, MultiValue, Table, Value};

use super::{
    cjson,
    engine::Live,
    record::{self, Field},
};
use crate::{
    hook::{
        Answer, Manner, Object,
        coprocess::{self, Header, Request, Response, ReturnOverrides, Session, Terms},
        drivers::script::{Level, Run},
    },
    upstream::Target,
};

/// What a call comes to.
pub(super) enum Left {
    Nothing,
    Request(RequestLeft),
    Auth { session: Option<Box<Session>>, metadata: BTreeMap<String, String>, request: RequestLeft },
    Response(Box<ResponseLeft>),
    Answer(Answer, Option<String>),
    Record(Vec<(String, Field)>),
}

/// Edits of a request; what was not touched is not there.
#[derive(Default)]
pub(super) struct RequestLeft {
    url: Option<String>,
    method: Option<String>,
    raw_body: Option<Bytes>,
    body: Option<Bytes>,
    set_headers: BTreeMap<String, String>,
    delete_headers: Vec<String>,
    add_params: BTreeMap<String, String>,
    delete_params: Vec<String>,
    overrides: Option<ReturnOverrides>,
    target: Option<String>,
}

/// Edits of a response.
#[derive(Default)]
pub(super) struct ResponseLeft {
    status_code: Option<i32>,
    raw_body: Option<Bytes>,
    body: Option<Bytes>,
    headers: Option<BTreeMap<String, String>>,
    multivalue_headers: Option<Vec<Header>>,
}

/// Values in the order in which the prelude returns them.
pub(super) fn request(values: MultiValue, live: &Live) -> Result<RequestLeft, String> {
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or(Value::Nil);
    Ok(RequestLeft {
        url: text(next(), "url")?,
        method: text(next(), "method")?,
        raw_body: bytes(next(), "raw_body")?,
        body: bytes(next(), "body")?,
        set_headers: texts(next(), "set_headers")?,
        delete_headers: list(next(), "delete_headers")?,
        add_params: texts(next(), "add_params")?,
        delete_params: list(next(), "delete_params")?,
        overrides: overrides(next())?,
        target: live.target.borrow_mut().take(),
    })
}

pub(super) fn auth(mut values: MultiValue, live: &Live) -> Result<Left, String> {
    let (session, metadata) = (values.pop_front(), values.pop_front());
    let metadata = texts(metadata.unwrap_or(Value::Nil), "metadata")?;
    let session = match session.unwrap_or(Value::Nil) {
        Value::Nil => None,
        value => {
            let json = cjson::from_lua(&value).map_err(|reason| format!("its session: {reason}"))?;
            let session: Session = serde_json::from_value(json)
                .map_err(|error| format!("its session cannot be used: {error}"))?;
            Some(Box::new(session))
        }
    };
    // A key that was named is one that may pass, even without a limit.
    let session = session.or_else(|| (!metadata.is_empty()).then(Box::default));
    Ok(Left::Auth { session, metadata, request: request(values, live)? })
}

pub(super) fn response(table: Option<Table>, _: &Live) -> Result<Left, String> {
    let Some(table) = table else { return Ok(Left::Nothing) };
    let get = |name| table.raw_get::<Value>(name).unwrap_or(Value::Nil);
    let headers = match get("headers") {
        Value::Nil => None,
        value => Some(texts(value, "headers")?),
    };
    let multivalue_headers = match get("multivalue_headers") {
        Value::Nil => None,
        Value::Table(entries) => Some(header_list(&entries)?),
        other => return Err(wrong("multivalue_headers", &other, "a list")),
    };
    Ok(Left::Response(Box::new(ResponseLeft {
        status_code: status(get("status_code"), "status_code")?,
        raw_body: bytes(get("raw_body"), "raw_body")?,
        body: bytes(get("body"), "body")?,
        headers,
        multivalue_headers,
    })))
}

fn header_list(entries: &Table) -> Result<Vec<Header>, String> {
    let mut all = Vec::new();
    for entry in entries.sequence_values::<Value>() {
        let entry = entry.map_err(|error| error.to_string())?;
        let Value::Table(entry) = entry else {
            return Err(wrong("multivalue_headers", &entry, "tables of key and values"));
        };
        let get = |name| entry.raw_get::<Value>(name).unwrap_or(Value::Nil);
        all.push(Header {
            key: text(get("key"), "key")?.ok_or("an entry of multivalue_headers has no key")?,
            values: list(get("values"), "values")?,
        });
    }
    Ok(all)
}

/// The answer of a virtual endpoint: `{status or code, headers, body}`.
pub(super) fn answer(table: &Table, live: &Live) -> Result<Left, String> {
    let get = |name| table.raw_get::<Value>(name).unwrap_or(Value::Nil);
    let code = match status(get("status"), "status")? {
        Some(code) => code,
        None => status(get("code"), "code")?.unwrap_or(200),
    };
    let usable = u16::try_from(code).ok().filter(|code| *code >= 200);
    let status = usable
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or_else(|| format!("status {code} cannot be sent"))?;
    let mut headers = HeaderMap::new();
    if let Value::Table(all) = get("headers") {
        for pair in all.pairs::<Value, Value>() {
            let (name, value) = pair.map_err(|error| error.to_string())?;
            let name = text(name, "a header's name")?.unwrap_or_default();
            let values = match value {
                Value::Table(_) => list(value, &name)?,
                value => text(value, &name)?.into_iter().collect(),
            };
            for value in values {
                let known = HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_| format!("{name:?} is no header name"))?;
                let value = HeaderValue::from_str(&value)
                    .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
                    .map_err(|_| format!("the value of header {name} has bytes that cannot be sent"))?;
                headers.append(known, value);
            }
        }
    }
    let body = bytes(get("body"), "body")?.unwrap_or_default();
    let answer = Answer { status, headers, body, manner: Manner::AsIs };
    Ok(Left::Answer(answer, live.target.borrow_mut().take()))
}

fn overrides(value: Value) -> Result<Option<ReturnOverrides>, String> {
    let table = match value {
        Value::Nil => return Ok(None),
        Value::Table(table) => table,
        other => return Err(wrong("return_overrides", &other, "a table")),
    };
    let get = |name| table.raw_get::<Value>(name).unwrap_or(Value::Nil);
    Ok(Some(ReturnOverrides {
        response_code: status(get("response_code"), "response_code")?.unwrap_or(-1),
        response_error: text(get("response_error"), "response_error")?.unwrap_or_default(),
        headers: texts(get("headers"), "return_overrides.headers")?,
        override_error: match get("override_error") {
            Value::Nil => false,
            Value::Boolean(flag) => flag,
            other => return Err(wrong("override_error", &other, "true or false")),
        },
        response_body: text(get("response_body"), "response_body")?.unwrap_or_default(),
    }))
}

fn wrong(what: &str, value: &Value, expected: &str) -> String {
    format!("{what} is a {}, where {expected} is expected", value.type_name())
}

fn string(value: Value, what: &str) -> Result<Option<LuaString>, String> {
    match value {
        Value::Nil => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => Err(wrong(what, &other, "a text")),
    }
}

fn bytes(value: Value, what: &str) -> Result<Option<Bytes>, String> {
    Ok(string(value, what)?.map(|text| Bytes::copy_from_slice(&text.as_bytes())))
}

/// A text; numbers are written as Lua does.
pub(super) fn text(value: Value, what: &str) -> Result<Option<String>, String> {
    match value {
        Value::Integer(number) => Ok(Some(number.to_string())),
        Value::Number(number) => Ok(Some(cjson::number(number))),
        value => match string(value, what)? {
            Some(text) => match text.to_str() {
                Ok(text) => Ok(Some(text.to_owned())),
                Err(_) => Err(format!("{what} is no UTF-8 text")),
            },
            None => Ok(None),
        },
    }
}

fn texts(value: Value, what: &str) -> Result<BTreeMap<String, String>, String> {
    let table = match value {
        Value::Nil => return Ok(BTreeMap::new()),
        Value::Table(table) => table,
        other => return Err(wrong(what, &other, "a table of texts")),
    };
    let mut texts = BTreeMap::new();
    for pair in table.pairs::<Value, Value>() {
        let (name, value) = pair.map_err(|error| error.to_string())?;
        let name = text(name, what)?.unwrap_or_default();
        let value = text(value, &name)?.unwrap_or_default();
        texts.insert(name, value);
    }
    Ok(texts)
}

pub(super) fn list(value: Value, what: &str) -> Result<Vec<String>, String> {
    let table = match value {
        Value::Nil => return Ok(Vec::new()),
        Value::Table(table) => table,
        other => return Err(wrong(what, &other, "a list of texts")),
    };
    let mut list = Vec::new();
    for value in table.sequence_values::<Value>() {
        let value = value.map_err(|error| error.to_string())?;
        list.push(text(value, what)?.unwrap_or_default());
    }
    Ok(list)
}

/// A whole number that fits; a text that reads as one will do.
fn status(value: Value, what: &str) -> Result<Option<i32>, String> {
    let number = match &value {
        Value::Nil => return Ok(None),
        Value::Integer(number) => Some(float(*number)),
        Value::Number(number) => Some(*number),
        Value::String(text) => text.to_str().ok().and_then(|text| text.trim().parse().ok()),
        _ => None,
    };
    let number = number.ok_or_else(|| wrong(what, &value, "a number"))?;
    match whole(number).and_then(|number| i32::try_from(number).ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("{what} {number} is no usable number")),
    }
}

/// The integer that a number is.
pub(super) fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number that i64 holds")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// The number that Lua has for an integer.
#[expect(clippy::cast_precision_loss, reason = "Lua has no other numbers")]
pub(super) fn float(number: i64) -> f64 {
    number as f64
}

impl Left {
    pub(super) fn apply(self, object: &mut Object, terms: Terms, run: &Run<'_>) -> Result<(), String> {
        match self {
            Self::Nothing => Ok(()),
            Self::Request(left) => left.apply(object, terms, run),
            Self::Auth { session, metadata, request } => {
                request.apply(object, terms, run)?;
                object.state = session.map(|session| crate::session::SessionState::from(*session).into());
                object.metadata = metadata;
                Ok(())
            }
            Self::Response(left) => left.apply(object, terms, run),
            Self::Answer(answer, target) => {
                if target.is_some() {
                    run.log(
                        Level::Warn,
                        "set_target has no effect in an endpoint that answers itself".to_owned(),
                    );
                }
                object.answer = Some(answer);
                Ok(())
            }
            Self::Record(fields) => record::edit(object, fields),
        }
    }
}

impl RequestLeft {
    fn apply(self, object: &mut Object, terms: Terms, run: &Run<'_>) -> Result<(), String> {
        let held = object.body.clone().unwrap_or_default();
        warn_of_body(self.body.as_ref(), self.raw_body.as_ref(), &held, run);
        if let Some(target) = self.target {
            Target::parse(&target)
                .map_err(|error| format!("its target {target:?} cannot be used: {error}"))?;
            object.target = Some(target);
        }
        let request = Request {
            url: self.url.unwrap_or_else(|| coprocess::url(object).into_owned()),
            method: self.method.unwrap_or_else(|| coprocess::method(object).to_owned()),
            raw_body: self.raw_body.unwrap_or(held),
            set_headers: self.set_headers,
            delete_headers: self.delete_headers,
            add_params: self.add_params,
            delete_params: self.delete_params,
            return_overrides: self.overrides.unwrap_or_default(),
            ..Request::default()
        };
        request.apply(object, terms)
    }
}

impl ResponseLeft {
    fn apply(self, object: &mut Object, terms: Terms, run: &Run<'_>) -> Result<(), String> {
        let part = object.response.as_deref_mut().ok_or("there was no response to edit")?;
        let held = Response::of(part, Terms { raw_body_only: true, ..terms });
        warn_of_body(self.body.as_ref(), self.raw_body.as_ref(), &held.raw_body, run);
        let response = Response {
            status_code: self.status_code.unwrap_or(0),
            raw_body: self.raw_body.unwrap_or(held.raw_body),
            headers: self.headers.unwrap_or(held.headers),
            multivalue_headers: self.multivalue_headers.unwrap_or(held.multivalue_headers),
            body: String::new(),
        };
        response.apply(part, terms)
    }
}

/// Only `raw_body` counts, as in Tyk; a script that edits `body` alone is told.
fn warn_of_body(body: Option<&Bytes>, raw: Option<&Bytes>, held: &Bytes, run: &Run<'_>) {
    let edited = body.is_some_and(|body| !body.is_empty() && body != held);
    if edited && raw.is_none_or(|raw| raw == held) {
        run.log(Level::Warn, "an edit of `body` has no effect: set `raw_body`".to_owned());
    }
}
