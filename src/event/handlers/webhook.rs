//! `eh_web_hook_handler`: a call to somebody's web server.
//!
//! Equal calls within `event_timeout` are made once, on all gateways that share a store: the mark is kept under a hash
//! of the call, the same that Tyk makes. 0 keeps it for ever, as recorded.

use std::{fmt::Write, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use md5::{Digest, Md5};
use serde_json::Value;

use super::{
    super::{Event, Maker, template::Template},
    Built, EventHandler, Note, Owner, Settings, switch, text,
};
use crate::{
    hex::hex,
    store::{If, keys},
    upstream::Call,
};

pub(super) const MEMBERS: &[&str] =
    &["disabled", "id", "name", "method", "target_path", "template_path", "header_map", "event_timeout"];

/// Who calls, as receivers know it from Tyk.
const AGENT: HeaderValue = HeaderValue::from_static("Tyk-Hookshot");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Tyk's default body, by kind of event.
const DEFAULT: &str = include_str!("default_webhook.json");
/// Looked for in `template_path` of the gateway before the built-in one.
const DEFAULT_FILE: &str = "default_webhook.json";
/// Most of an answer that is read: nobody looks at it.
const ANSWER: usize = 1 << 20;

/// A web hook.
pub(in crate::event) struct WebHook {
    method: Method,
    url: String,
    headers: HeaderMap,
    template: Template,
    /// `None` is for ever.
    cool_down: Option<Duration>,
    maker: Maker,
}

pub(super) fn build(
    settings: &Settings,
    maker: &Maker,
    _owner: Option<&Owner>,
    note: Note<'_>,
) -> Result<Built, String> {
    if switch(settings, "disabled")? {
        return Ok(Built::Disabled);
    }
    Ok(Built::Ready(Arc::new(WebHook::new(settings, maker, note)?)))
}

impl WebHook {
    /// Compiles a hook from its settings.
    ///
    /// # Errors
    /// Why there is none.
    pub(in crate::event) fn new(settings: &Settings, maker: &Maker, note: Note<'_>) -> Result<Self, String> {
        let url = text(settings, "target_path")?;
        if !is_web_address(&url) {
            return Err(format!("target_path must be an http or https URL, found {url:?}"));
        }
        let (template, json) = template(&text(settings, "template_path")?, maker, note);
        let hook = Self {
            method: method(&text(settings, "method")?, note),
            url,
            headers: headers(settings, json, note)?,
            template,
            cool_down: cool_down(settings)?,
            maker: maker.clone(),
        };
        if hook.cool_down.is_none() && !hook.template.shows_time() {
            note("event_timeout", "0 means that an equal message is never sent again, as in Tyk".to_owned());
        }
        Ok(hook)
    }

    /// True if an equal call may not be made yet. A store that does not answer keeps no message back.
    async fn is_cooling(&self, body: &str) -> bool {
        let mark = keys::webhook_mark(&fingerprint(&self.method, &self.url, body));
        match self.maker.store.set(&mark, b"1", self.cool_down, If::Absent).await {
            Ok(first) => !first,
            Err(error) => {
                tracing::warn!(error = error.chain(), "the cool-down of a web hook cannot be kept");
                false
            }
        }
    }
}

#[async_trait]
impl EventHandler for WebHook {
    async fn handle(&self, event: &Event) {
        let body = self.template.render(event);
        if self.is_cooling(&body).await {
            return;
        }
        let mut call = Call::new(self.method.clone(), &self.url);
        call.headers = self.headers.clone();
        call.body = Bytes::from(body);
        call.limit = ANSWER;
        let event = &*event.name;
        match self.maker.client.send(call).await {
            Ok(reply) if reply.status.is_success() || reply.status.is_redirection() => {}
            Ok(reply) => {
                self.maker.metrics.events().webhook_failures.inc();
                tracing::warn!(event, status = reply.status.as_u16(), "a web hook was refused");
            }
            Err(error) => {
                self.maker.metrics.events().webhook_failures.inc();
                tracing::warn!(event, error = error.chain(), "a web hook was not delivered");
            }
        }
    }
}

fn is_web_address(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    })
}

fn method(name: &str, note: Note<'_>) -> Method {
    match name.to_ascii_uppercase().as_str() {
        "" | "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => {
            note(
                "method",
                format!("{name:?} is none of GET, POST, PUT, PATCH, DELETE: GET is used, as in Tyk"),
            );
            Method::GET
        }
    }
}

fn cool_down(settings: &Settings) -> Result<Option<Duration>, String> {
    match settings.get("event_timeout") {
        None => Ok(None),
        Some(value) => match value.as_i64() {
            Some(seconds) => Ok(u64::try_from(seconds).ok().filter(|s| *s > 0).map(Duration::from_secs)),
            None => Err(format!("event_timeout must be whole seconds, found {value}")),
        },
    }
}

fn headers(settings: &Settings, json: bool, note: Note<'_>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, AGENT);
    if json {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    let wishes = match settings.get("header_map") {
        None => return Ok(headers),
        Some(Value::Object(wishes)) => wishes,
        Some(other) => return Err(format!("header_map must be an object, found {other}")),
    };
    for (name, value) in wishes {
        let Value::String(value) = value else {
            return Err(format!("header_map.{name} must be a text, found {value}"));
        };
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(_)) if is_framing(&name) => {
                note("header_map", format!("{name} comes from the URL and the body, it cannot be set"));
            }
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
            }
            _ => note("header_map", format!("{name} cannot be sent and is left out")),
        }
    }
    Ok(headers)
}

fn is_framing(name: &HeaderName) -> bool {
    [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(name)
}

/// The template of a hook, and whether it makes JSON. What cannot be used gives way to the default one: a message
/// in another form is better than none.
fn template(path: &str, maker: &Maker, note: Note<'_>) -> (Template, bool) {
    if !path.is_empty() {
        let json = Path::new(path).extension().is_some_and(|extension| extension == "json");
        match read(Path::new(path), json) {
            Ok(template) => return (template, json),
            Err(why) => note("template_path", format!("{path}: {why}; the default body is sent")),
        }
    }
    let file = Path::new(&*maker.template_path).join(DEFAULT_FILE);
    if !maker.template_path.is_empty() && file.exists() {
        match read(&file, true) {
            Ok(template) => return (template, true),
            Err(why) => note("template_path", format!("{}: {why}; the default body is sent", file.display())),
        }
    }
    (Template::parse(DEFAULT, true).unwrap_or_default(), true)
}

fn read(path: &Path, json: bool) -> Result<Template, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    Template::parse(&text, json)
}

/// What tells two calls apart: the MD5 of the request as Go writes it, before headers are put on it.
fn fingerprint(method: &Method, url: &str, body: &str) -> String {
    let uri: http::Uri = url.parse().unwrap_or_default();
    let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let host = uri.authority().map_or("", |host| host.as_str().rsplit('@').next().unwrap_or_default());
    let mut text =
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\n");
    if !body.is_empty() || matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        // Writing to a String cannot fail.
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    }
    text.push_str("\r\n");
    text.push_str(body);
    hex(Md5::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests;
