//! What rich plugins are given and what counts of what they give back (plugins reference 4.3 to 4.8), whatever language
//! they are written in and however they are reached.
//!
//! A driver makes an [`Object`] of a call with [`Object::of`], moves it to the plugin and back, and has [`Object::apply`]
//! do what the plugin asked for. Field names are those of Tyk's messages. One that moves a body by itself takes
//! `raw_body` out before it writes JSON, and puts it back afterwards.
//!
//! Decisions:
//! - Where Tyk crashes, the sane thing is done: a missing `request` or `return_overrides` asks for nothing, a response
//!   status of 0 leaves the status as it was.
//! - A status or header that cannot be sent is an error of the plugin. `Host`, `Content-Length` and
//!   `Transfer-Encoding` among `set_headers` have no effect, as in Go.
//! - A URL that comes back as it was sent is left alone, so nothing is escaped anew for having been looked at.

mod object;
mod request;
mod response;
mod session;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::{HookKind, Spec, canonical};
use crate::session::SessionState;
pub use object::{Header, HookType, Object, Request, Response, ReturnOverrides};
pub use request::{host, method, params, request_uri, scheme, url};
pub use session::{AccessDefinition, AccessSpec, BasicAuthData, JwtData, Monitor, Session};

/// What holds for all calls of a hook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// `raw_body_only` of its entry: no `body` text is made.
    pub raw_body_only: bool,
    /// `ignore_canonical_mime_header_key` of the gateway: header names are sent as the plugin spells them.
    pub names_as_written: bool,
}

impl Object {
    /// What a plugin is given for this call.
    pub fn of(kind: HookKind, name: &str, object: &super::Object, terms: Terms) -> Self {
        let hook_type = HookType::of(kind);
        let state = object.state.as_deref().filter(|_| sees_session(kind));
        let session = match (kind, state) {
            (_, Some(state)) => Some(Box::new(Session::of(state, object.token.as_deref()))),
            (HookKind::Response, None) => Some(Box::default()),
            (_, None) => None,
        };
        Self {
            hook_type,
            hook_name: name.to_owned(),
            request: Request::of(object, terms),
            session,
            metadata: state.map(metadata).unwrap_or_default(),
            spec: spec(&object.spec),
            response: object.response.as_deref().map(|part| Response::of(part, terms)),
        }
    }

    /// Does what the plugin's answer asks for. `object` is as it was when [`Object::of`] read it.
    ///
    /// # Errors
    /// Why the answer cannot be used; the object may then have been changed in part.
    pub fn apply(self, kind: HookKind, object: &mut super::Object, terms: Terms) -> Result<(), String> {
        if kind == HookKind::Response {
            let part = object.response.as_deref_mut().ok_or("there was no response to edit")?;
            let response = self.response.ok_or("it gave back no response")?;
            return response.apply(part, terms);
        }
        self.request.apply(object, terms)?;
        if kind == HookKind::Auth {
            object.state = self.session.map(|session| SessionState::from(*session).into());
            object.metadata = self.metadata;
        }
        Ok(())
    }
}

/// Whether a hook of this kind is told who calls.
pub fn sees_session(kind: HookKind) -> bool {
    !matches!(kind, HookKind::Pre | HookKind::Auth)
}

/// The metadata of a session as texts; what is no text is JSON.
pub fn metadata(state: &SessionState) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    state.meta_data.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// What a plugin is told of its API.
pub fn spec(spec: &Spec) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::from([
        ("OrgID".to_owned(), spec.org_id.to_string()),
        ("APIID".to_owned(), spec.api_id.to_string()),
        ("bundle_hash".to_owned(), spec.bundle_hash.to_string()),
    ]);
    if let Some(data) = config_data(spec) {
        texts.insert("config_data".to_owned(), data.to_owned());
    }
    texts
}

/// The config data as JSON text, where there is some.
pub fn config_data(spec: &Spec) -> Option<&str> {
    let data = &*spec.config_data;
    (!spec.config_data_disabled && !matches!(data, "" | "{}" | "null")).then_some(data)
}

/// The first value of each header, by canonical name.
pub fn first_values(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut before = None;
    headers
        .iter()
        // The values of one name come one after another.
        .filter(|(name, _)| before.replace(*name) != Some(*name))
        .map(|(name, value)| (canonical(name.as_str()), shown(value).into_owned()))
        .collect()
}

fn shown(value: &HeaderValue) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// A header that a plugin sets; nothing if it has no effect.
fn field(name: &str, value: &[u8], terms: Terms) -> Result<Option<(String, HeaderValue)>, String> {
    let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
    if [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(&known) {
        return Ok(None);
    }
    let value = HeaderValue::from_bytes(value)
        .map_err(|_| format!("the value of header {name} has bytes that cannot be sent"))?;
    Ok(Some((if terms.names_as_written { name.to_owned() } else { canonical(name) }, value)))
}

/// The status of a whole answer: 1xx announce one.
fn status(code: i32) -> Result<StatusCode, String> {
    let usable = u16::try_from(code).ok().filter(|code| *code >= 200);
    usable
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or_else(|| format!("status {code} cannot be sent"))
}
