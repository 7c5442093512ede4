//! The request as a rich plugin sees it, and what becomes of its edits.

use std::{borrow::Cow, collections::BTreeMap, mem};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, header};

use super::{Request, ReturnOverrides, Terms, field, first_values, status};
use crate::{
    hook::{Answer, Manner, Object},
    url::{Url, Values, query_escape},
};

/// The message of a refusal that has none.
const REFUSED: &str = "Key not authorised";

impl Request {
    /// The request of a call.
    pub fn of(object: &Object, terms: Terms) -> Self {
        let url = url(object).into_owned();
        let mut headers = first_values(&object.request.headers);
        if let Some(host) = host(object) {
            headers.insert("Host".to_owned(), host);
        }
        let raw_body = object.body.clone().unwrap_or_default();
        Self {
            headers,
            body: text(&raw_body, terms),
            raw_body,
            params: params(object),
            return_overrides: ReturnOverrides { response_code: -1, ..ReturnOverrides::default() },
            method: method(object).to_owned(),
            request_uri: request_uri(object).into_owned(),
            url,
            scheme: scheme(object).to_owned(),
            ..Self::default()
        }
    }

    /// Does what the plugin asks for: plugins reference 4.5, in its order, and 4.6.
    ///
    /// # Errors
    /// Why that cannot be done.
    pub fn apply(self, object: &mut Object, terms: Terms) -> Result<(), String> {
        if object.body.as_ref().map_or(!self.raw_body.is_empty(), |held| *held != self.raw_body) {
            object.body = Some(self.raw_body);
        }
        for name in &self.delete_headers {
            // A name that is none cannot be there.
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes())
                && ![header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(&name)
            {
                object.request.remove_header(&name);
            }
        }
        for (name, value) in &self.set_headers {
            if let Some((name, value)) = field(name, value.as_bytes(), terms)? {
                object.request.insert_header(name, value).map_err(|error| error.to_string())?;
            }
        }
        apply_url(object, &self.url, &self.delete_params, &self.add_params)?;
        apply_method(object, &self.method)?;
        if let Some(answer) = self.return_overrides.answer()? {
            object.answer = Some(answer);
        }
        Ok(())
    }
}

impl ReturnOverrides {
    /// The answer that it asks for, if any.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn answer(self) -> Result<Option<Answer>, String> {
        if self.response_code <= 0 {
            return Ok(None);
        }
        let refuses = self.response_code >= 400 && !self.override_error;
        let mut body = if self.response_error.is_empty() { self.response_body } else { self.response_error };
        if refuses && body.is_empty() {
            REFUSED.clone_into(&mut body);
        }
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            if let Some((name, value)) = field(name, value.as_bytes(), Terms::default())? {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
                headers.insert(name, value);
            }
        }
        Ok(Some(Answer {
            status: status(self.response_code)?,
            headers,
            body: body.into(),
            manner: if refuses { Manner::Template } else { Manner::AsIs },
        }))
    }
}

/// The URL that plugins see: a parked rewrite goes before that of the request.
pub fn url(object: &Object) -> Cow<'_, str> {
    match object.parked.as_ref().and_then(|parked| parked.url.as_ref()) {
        Some(parked) if !parked.host().is_empty() => Cow::Owned(parked.to_string()),
        Some(parked) => parked.request_uri(),
        None => object.url.request_uri(),
    }
}

/// The request target as the client wrote it, whatever hooks made of the URL since; a parked rewrite goes before it.
pub fn request_uri(object: &Object) -> Cow<'_, str> {
    let is_parked = object.parked.as_ref().is_some_and(|parked| parked.url.is_some());
    // A target without a path is that of CONNECT.
    if is_parked || object.request.uri.path_and_query().is_none() {
        return url(object);
    }
    String::from_utf8_lossy(object.request.raw_path())
}

/// The method that plugins see: a parked one goes before that of the request.
pub fn method(object: &Object) -> &str {
    let parked = object.parked.as_ref().and_then(|parked| parked.method.as_ref());
    parked.unwrap_or(&object.request.method).as_str()
}

/// The scheme of the client's connection.
pub fn scheme(object: &Object) -> &'static str {
    if object.tls { "https" } else { "http" }
}

/// Host and port as the client named them.
pub fn host(object: &Object) -> Option<String> {
    if let Some(authority) = object.request.uri.authority() {
        return Some(authority.to_string());
    }
    object.request.headers.get(header::HOST).map(|host| super::shown(host).into_owned())
}

/// The first value of each parameter.
pub fn params(object: &Object) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    for (name, value) in object.url.values().iter() {
        params.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    params
}

/// A body as text, where it is some and the hook wants it.
pub(super) fn text(body: &Bytes, terms: Terms) -> String {
    if terms.raw_body_only {
        return String::new();
    }
    std::str::from_utf8(body).unwrap_or_default().to_owned()
}

/// Steps 3, 4, 5 and 7.
fn apply_url(
    object: &mut Object,
    text: &str,
    delete: &[String],
    add: &BTreeMap<String, String>,
) -> Result<(), String> {
    let unchanged = url(object) == text;
    if unchanged && delete.is_empty() && add.is_empty() {
        return Ok(());
    }
    let wanted = edited(&object.url, delete, add);
    if !unchanged {
        let mut parsed = Url::from_target(text.as_bytes())
            .map_err(|error| format!("its url {text:?} cannot be used: {error}"))?;
        match object.parked.as_mut().and_then(|parked| parked.url.as_mut()) {
            Some(parked) => *parked = parsed,
            None => {
                // Only a loop is more than a path: anything else goes where the API goes.
                if parsed.scheme() != "tyk" {
                    parsed.drop_origin();
                }
                object.url = parsed;
            }
        }
    }
    if object.url.values().encode() != wanted {
        object.url.set_query(&wanted);
    }
    Ok(())
}

/// The query of a URL with the edits of a plugin, sorted.
fn edited(url: &Url, delete: &[String], add: &BTreeMap<String, String>) -> String {
    let mut values = url.values();
    for name in delete.iter().chain(add.keys()) {
        values.remove(name);
    }
    let mut query = values.encode();
    for (name, value) in add {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&query_escape(name));
        query.push('=');
        query.push_str(&query_escape(value));
    }
    Values::parse(&query).encode()
}

/// Step 6.
fn apply_method(object: &mut Object, text: &str) -> Result<(), String> {
    if method(object) == text {
        return Ok(());
    }
    let new = match text {
        // What Go's client makes of a method that was emptied.
        "" => Method::GET,
        text => {
            Method::from_bytes(text.as_bytes()).map_err(|_| format!("its method {text:?} cannot be sent"))?
        }
    };
    match object.parked.as_mut().and_then(|parked| parked.method.as_mut()) {
        Some(parked) => drop(mem::replace(parked, new)),
        None => object.request.set_method(new),
    }
    Ok(())
}
