//! The made-up request and answer, as the wish says it, as hooks see it, and as it is told.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::HeaderMap;
use pingora_http::{RequestHeader, ResponseHeader};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::method;
use crate::{
    hook::{Manner, Object, ResponsePart, Spec, canonical},
    url::{Url, Values, query_escape},
};

/// One value or several.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// The request of a wish.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Request {
    method: String,
    path: String,
    #[serde(rename = "URL")]
    url: String,
    #[serde(rename = "RequestURI")]
    request_uri: String,
    headers: Option<BTreeMap<String, Texts>>,
    body: String,
    params: Option<BTreeMap<String, Texts>>,
    scheme: String,
}

/// The answer of a wish.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Response {
    status_code: u16,
    body: String,
    headers: Option<BTreeMap<String, Texts>>,
}

impl Request {
    /// Makes it the object's.
    pub(super) fn fill(&self, object: &mut Object) -> Result<(), String> {
        let target = [&self.url, &self.request_uri, &self.path].into_iter().find(|text| !text.is_empty());
        let target = target.map_or("/", String::as_str);
        let mut url = Url::parse(target)
            .or_else(|_| Url::from_target(target.as_bytes()))
            .map_err(|_| format!("{target:?} is no URL"))?;
        url.drop_origin();
        if url.path().is_empty() {
            url.set_path("/", None);
        }
        let mut query = url.query().to_owned();
        for (name, values) in self.params.iter().flatten() {
            for value in values.all() {
                let mark = if query.is_empty() { "" } else { "&" };
                query.push_str(&format!("{mark}{}={}", query_escape(name), query_escape(value)));
            }
        }
        url.set_query(&query);
        let uri = url.request_uri().into_owned();
        let mut head = RequestHeader::build(method(&self.method)?, uri.as_bytes(), None)
            .map_err(|_| format!("{target:?} is no URL"))?;
        for (name, value) in fields(self.headers.as_ref()) {
            head.append_header(name.clone(), value).map_err(|_| format!("header {name:?} cannot be sent"))?;
        }
        object.tls = self.scheme == "https";
        object.request = head;
        object.url = url;
        object.body = Some(Bytes::from(self.body.clone()));
        Ok(())
    }
}

impl Response {
    /// As response hooks see it.
    pub(super) fn part(&self) -> Result<ResponsePart, String> {
        let status = if self.status_code == 0 { 200 } else { self.status_code };
        let mut head =
            ResponseHeader::build(status, None).map_err(|_| format!("{status} is no status of an answer"))?;
        for (name, value) in fields(self.headers.as_ref()) {
            head.append_header(name.clone(), value).map_err(|_| format!("header {name:?} cannot be sent"))?;
        }
        Ok(ResponsePart { head, body: Some(Bytes::from(self.body.clone())) })
    }
}

fn fields(headers: Option<&BTreeMap<String, Texts>>) -> impl Iterator<Item = (String, String)> + '_ {
    let all = headers.into_iter().flatten();
    all.flat_map(|(name, values)| values.all().iter().map(|value| (name.clone(), value.clone())))
}

/// What the API says to its hooks.
pub(super) fn spec(org_id: &str, api_id: &str, config_data: Option<&Map<String, Value>>) -> Arc<Spec> {
    let config_data =
        config_data.map_or_else(|| "{}".to_owned(), |data| Value::from(data.clone()).to_string());
    Arc::new(Spec {
        api_id: api_id.into(),
        org_id: org_id.into(),
        api_name: api_id.into(),
        config_data: config_data.into(),
        ..Spec::default()
    })
}

/// A request as it was before a script had it.
pub(super) struct Shown {
    method: String,
    url: String,
    headers: BTreeMap<String, Vec<String>>,
    params: BTreeMap<String, Vec<String>>,
    body: String,
    scheme: &'static str,
}

impl Shown {
    pub(super) fn of(object: &Object) -> Self {
        Self {
            method: object.request.method.to_string(),
            url: object.url.request_uri().into_owned(),
            headers: named(&object.request.headers),
            params: params(&object.url),
            body: text(object.body.as_ref()),
            scheme: if object.tls { "https" } else { "http" },
        }
    }

    /// As it is told.
    pub(super) fn request(&self) -> Value {
        json!({ "Method": self.method, "URL": self.url, "RequestURI": self.url, "Headers": self.headers,
            "Params": self.params, "Body": self.body, "Scheme": self.scheme })
    }
}

/// What a script did to the request.
pub(super) fn request_after(before: &Shown, object: &Object) -> Value {
    let after = Shown::of(object);
    let (set, deleted) = difference(&before.headers, &after.headers);
    let (add, without) = difference(&before.params, &after.params);
    let answer = object.answer.as_ref();
    let headers: BTreeMap<String, String> = answer
        .map(|answer| named(&answer.headers))
        .unwrap_or_default()
        .into_iter()
        .map(|(name, values)| (name, values.join(", ")))
        .collect();
    let code = answer.map_or(0, |answer| answer.status.as_u16());
    json!({ "SetHeaders": set, "DeleteHeaders": deleted, "AddParams": add, "DeleteParams": without,
        "URL": after.url, "Body": after.body, "ReturnOverrides": {
            "ResponseCode": code,
            "ResponseBody": text(answer.map(|answer| &answer.body)),
            "ResponseHeaders": headers,
            "OverrideError": code >= 400 && answer.is_some_and(|answer| answer.manner != Manner::Template),
        } })
}

/// An answer as it is told.
pub(super) fn response(part: &ResponsePart) -> Value {
    json!({ "StatusCode": part.head.status.as_u16(), "Body": text(part.body.as_ref()),
        "Headers": named(&part.head.headers) })
}

/// What is new or has another value, and what is gone.
fn difference(
    before: &BTreeMap<String, Vec<String>>,
    after: &BTreeMap<String, Vec<String>>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let new = after.iter().filter(|(name, values)| before.get(*name) != Some(*values));
    let new = new.map(|(name, values)| (name.clone(), values.join(", "))).collect();
    (new, before.keys().filter(|name| !after.contains_key(*name)).cloned().collect())
}

fn named(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        all.entry(canonical(name.as_str())).or_default().push(value);
    }
    all
}

fn params(url: &Url) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in Values::parse(url.query()).iter() {
        all.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    all
}

fn text(body: Option<&Bytes>) -> String {
    body.map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default()
}
