//! Fills the context variables (`enable_context_vars`, api-definition reference 4.5): those that the API reads,
//! after the pre hooks, so edits of theirs are in and later ones are not.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use pingora_proxy::Session;

use super::rate_limit::LimitVariables;
use crate::{
    chain::{Blueprint, Ctx, Flow, Middleware, Variables, peer_ip, real_ip, used_names},
    error::Result,
    url::{Url, Values},
};

struct ContextVars {
    wanted: Box<[(Arc<str>, Source)]>,
    xff_depth: i64,
    /// A variable of a form is among them.
    wants_form: bool,
}

#[derive(Debug, PartialEq)]
enum Source {
    RequestId,
    Path,
    PathParts,
    RemoteAddr,
    Host,
    /// Canonical name of a header, with `_` for `-`.
    Header(Box<str>),
    /// Name of a cookie, with `_` for `-`.
    Cookie(Box<str>),
    Form,
    /// Key of the form, with `_` for `-`.
    FormValue(Box<str>),
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let names = used_names(blueprint.versions, &blueprint.secrets());
    if !blueprint.definition.enable_context_vars {
        for name in names.iter().filter(|name| !name.starts_with("trigger-")) {
            let message = format!("$tyk_context.{name} is empty: enable_context_vars is off");
            blueprint.warn("enable_context_vars", message);
        }
        return None;
    }
    let wanted = sources(blueprint, names);
    let xff_depth = blueprint.services.config.http_server_options.xff_depth;
    let wants_form = wanted.iter().any(|(_, source)| matches!(source, Source::Form | Source::FormValue(_)));
    (!wanted.is_empty()).then(|| Box::new(ContextVars { wanted: wanted.into(), xff_depth, wants_form }) as _)
}

fn sources(blueprint: &mut Blueprint<'_>, names: BTreeSet<Arc<str>>) -> Vec<(Arc<str>, Source)> {
    let mut wanted = Vec::new();
    for name in names {
        match source(&name) {
            Some(source) => wanted.push((name, source)),
            // A map, which prints nothing.
            None if name.starts_with("trigger-") || *name == *"headers" || LimitVariables::knows(&name) => {}
            None if !blueprint.definition.use_keyless && is_of_auth(&name) => {}
            None => {
                let message = format!("$tyk_context.{name} is empty: nothing in this build sets it");
                blueprint.warn("enable_context_vars", message);
            }
        }
    }
    wanted
}

/// True for what auth sets once it knows who calls.
fn is_of_auth(name: &str) -> bool {
    name == "token" || name.starts_with("jwt_claims_")
}

fn source(name: &str) -> Option<Source> {
    Some(match name {
        "request_id" => Source::RequestId,
        "path" => Source::Path,
        "path_parts" => Source::PathParts,
        "remote_addr" => Source::RemoteAddr,
        "headers_Host" => Source::Host,
        "request_data" => Source::Form,
        _ => {
            if let Some(header) = name.strip_prefix("headers_") {
                Source::Header(header.into())
            } else if let Some(cookie) = name.strip_prefix("cookies_") {
                Source::Cookie(cookie.into())
            } else {
                Source::FormValue(name.strip_prefix("request_data_")?.into())
            }
        }
    })
}

/// Sets a variable that nothing in the API reads, unless it is set. A text that came with a key asks for it.
pub(super) async fn ensure(name: &Arc<str>, session: &mut Session, ctx: &mut Ctx) -> Result<()> {
    if ctx.variables.as_ref().is_some_and(|variables| variables.has(name)) {
        return Ok(());
    }
    let Some(source) = source(name) else { return Ok(()) };
    let xff_depth = ctx.snapshot.services.config.http_server_options.xff_depth;
    let wants_form = matches!(source, Source::Form | Source::FormValue(_));
    let alone = ContextVars { wanted: Box::new([(name.clone(), source)]), xff_depth, wants_form };
    alone.request(session, ctx).await.map(|_| ())
}

#[async_trait]
impl Middleware for ContextVars {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let form = if self.wants_form { form(session, ctx).await? } else { String::new() };
        let mut variables = ctx.variables.take().unwrap_or_default();
        let peer = peer_ip(session);
        let headers = &session.req_header().headers;
        for (name, source) in &self.wanted {
            match source {
                Source::RemoteAddr => {
                    let ip = real_ip(headers, peer, self.xff_depth);
                    variables.set(name, ip.map(|ip| ip.to_string()).unwrap_or_default());
                }
                Source::RequestId => variables.set(name, ctx.request_id().to_string()),
                source => source.fill(name, headers, &ctx.url, &form, &mut variables),
            }
        }
        ctx.variables = Some(variables);
        Ok(Flow::Next)
    }
}

/// The pairs of a form body, then those of the query: so Go joins them, and the first one counts.
async fn form(session: &mut Session, ctx: &mut Ctx) -> Result<String> {
    let head = session.req_header();
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let has_form = matches!(head.method, Method::POST | Method::PUT | Method::PATCH)
        && kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let body = if has_form { ctx.body(session).await?.unwrap_or_default() } else { Bytes::new() };
    let mut pairs = String::from_utf8_lossy(&body).into_owned();
    if !pairs.is_empty() && ctx.url.has_query() {
        pairs.push('&');
    }
    pairs.push_str(ctx.url.query());
    Ok(pairs)
}

impl Source {
    fn fill(&self, name: &Arc<str>, headers: &HeaderMap, url: &Url, form: &str, variables: &mut Variables) {
        match self {
            Self::Path => variables.set(name, url.path()),
            Self::PathParts => variables.set_printed(name, print_path_parts(url.path())),
            Self::Host => {
                variables.set(name, headers.get(header::HOST).map(text).unwrap_or_default());
            }
            Self::Header(wanted) => {
                let found = headers.keys().find(|name| is_canonical(name.as_str(), wanted));
                if let Some(value) = found.and_then(|found| headers.get(found)) {
                    variables.set(name, text(value));
                }
            }
            Self::Cookie(wanted) => {
                if let Some(value) = cookie(headers, wanted) {
                    variables.set(name, value);
                }
            }
            Self::Form => variables.set_printed(name, print_form(&Values::parse(form))),
            Self::FormValue(wanted) => {
                let values = Values::parse(form);
                if let Some((_, value)) = values.iter().find(|(key, _)| is_same(key.as_bytes(), wanted)) {
                    variables.set(name, value);
                }
            }
            Self::RemoteAddr | Self::RequestId => {}
        }
    }
}

fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// True if `wanted` is the canonical form of the header `name` with `_` for `-`.
fn is_canonical(name: &str, wanted: &str) -> bool {
    if name.len() != wanted.len() || name == "host" {
        return false;
    }
    let mut upper = true;
    name.bytes().zip(wanted.bytes()).all(|(byte, wanted)| {
        let canonical = match byte {
            b'-' => b'_',
            byte if upper => byte.to_ascii_uppercase(),
            byte => byte,
        };
        upper = byte == b'-';
        canonical == wanted
    })
}

/// True if `name` is `wanted` once its `-` are `_`.
fn is_same(name: &[u8], wanted: &str) -> bool {
    name.len() == wanted.len()
        && name
            .iter()
            .zip(wanted.bytes())
            .all(|(byte, wanted)| (if *byte == b'-' { b'_' } else { *byte }) == wanted)
}

/// The last cookie of that name; quotes around a value do not belong to it.
fn cookie(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let mut found = None;
    for line in headers.get_all(header::COOKIE) {
        for pair in line.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
                None => (pair, &b""[..]),
            };
            if is_same(name.trim_ascii(), wanted) {
                let value =
                    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
                found = Some(String::from_utf8_lossy(value).into_owned());
            }
        }
    }
    found
}

/// A list, joined; the first part of a path is empty, and the comma after it goes.
fn print_path_parts(path: &str) -> String {
    let parts: Vec<_> = path.split('/').collect();
    let joined = parts.join(",");
    joined.strip_prefix(',').map(str::to_owned).unwrap_or(joined)
}

/// `key:v1,v2;key2:…`, in the order of the query; Tyk's order is random.
fn print_form(values: &Values<'_>) -> String {
    let mut keys: Vec<_> = Vec::new();
    for (key, _) in values.iter() {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let lines: Vec<_> = keys
        .iter()
        .map(|key| {
            let all: Vec<_> = values.all(key).map(|value| value.into_owned()).collect();
            format!("{key}:{}", all.join(","))
        })
        .collect();
    lines.join(";")
}

#[cfg(test)]
mod tests;
