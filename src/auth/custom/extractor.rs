//! The ID extractor: finds who calls without asking the hook (plugins reference 8).
//!
//! A text of the request becomes the id of a session. Where that session is stored and its `id_extractor_deadline` has
//! not passed, the hook is not called. A request that has no such text is refused before the hook is asked.
//!
//! Unlike in Tyk every driver may have one, and `value` works on a body, too: there it takes every caller for the same
//! one (docs/compatibility.md).

use http::HeaderName;
use md5::{Digest, Md5};
use pingora_proxy::Session;
use regex::Regex;
use serde_json::Value;
use sxd_document::parser;
use sxd_xpath::{Context, Factory, XPath};

use crate::{
    chain::{Blueprint, Ctx, Denial},
    definition::{IdExtractor, re2},
    error::Result,
    hex::hex,
    session::unix_now,
};

const AT: &str = "custom_middleware.id_extractor";
const MISSING: Denial = Denial::new(400, "Authorization field missing");
/// Bytes of XML that an id is looked for in.
const MOST_XML: usize = 1 << 20;

/// How the id of a session is found in a request.
pub(super) struct Extractor {
    from: Source,
    with: With,
}

enum Source {
    Header(HeaderName),
    Form(String),
    Body,
    /// It cannot be told: nobody is recognised.
    Nowhere,
}

enum With {
    Value,
    Regex {
        regex: Regex,
        index: usize,
    },
    XPath(String),
    /// The same.
    Nothing,
}

/// What the extractor found.
pub(super) enum Found {
    /// Its session is there and still counts: the hook need not be asked.
    Session,
    /// The id under which the hook's session is to be stored.
    Id(String),
    /// The request does not say who calls.
    Missing(Denial),
}

impl Extractor {
    /// The one that a definition asks for. What is wrong with it is noted, and its requests are refused.
    pub(super) fn build(wish: &IdExtractor, blueprint: &mut Blueprint<'_>) -> Option<Self> {
        if wish.disabled || wish.extract_with.is_empty() {
            return None;
        }
        if !["value", "regex", "xpath"].contains(&&*wish.extract_with) {
            let unknown = &wish.extract_with;
            blueprint.warn(
                AT,
                format!(
                    "extract_with {unknown:?} is not known: expected value, regex or xpath; the hook is asked for every request"
                ),
            );
            return None;
        }
        let from = source(wish).unwrap_or_else(|reason| {
            blueprint.refuse(AT, format!("{reason}; every request gets 400"));
            Source::Nowhere
        });
        let with = with(wish).unwrap_or_else(|reason| {
            blueprint.refuse(AT, format!("{reason}; every request gets 400"));
            With::Nothing
        });
        Some(Self { from, with })
    }

    /// Looks for the caller's session; where it still counts it becomes that of the request.
    pub(super) async fn find(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Found> {
        let Some(text) = self.text(session, ctx).await?.and_then(|text| self.with.apply(&text)) else {
            return Ok(Found::Missing(MISSING));
        };
        let Some(api) = ctx.api.clone() else { return Ok(Found::Missing(MISSING)) };
        let sessions = &ctx.snapshot.services.sessions;
        let id = sessions.token(&api.spec.org_id, &hex(Md5::digest(text)));
        match super::super::find(ctx, &id).await {
            Some(mut key) if key.state.id_extractor_deadline > unix_now() => {
                // Stored anew, so that its lifetime begins again, as in Tyk.
                key.modified = true;
                ctx.state = Some(key);
                Ok(Found::Session)
            }
            _ => Ok(Found::Id(id)),
        }
    }

    async fn text(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Option<String>> {
        Ok(match &self.from {
            Source::Header(name) => {
                let value = session.req_header().headers.get(name);
                value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            }
            Source::Form(name) => {
                let mut text = String::new();
                // Values of the body go first, as in Go.
                if is_form(session) {
                    add_values(&mut text, &ctx.body(session).await?.unwrap_or_default(), name);
                }
                add_values(&mut text, ctx.url.query().as_bytes(), name);
                Some(text)
            }
            Source::Body => {
                let body = ctx.body(session).await?.unwrap_or_default();
                Some(String::from_utf8_lossy(&body).into_owned())
            }
            Source::Nowhere => None,
        }
        .filter(|text| !text.is_empty()))
    }
}

/// All values of one name, without anything between them.
fn add_values(text: &mut String, pairs: &[u8], name: &str) {
    for (key, value) in form_urlencoded::parse(pairs) {
        if key == name {
            text.push_str(&value);
        }
    }
}

fn is_form(session: &Session) -> bool {
    let kind = session.req_header().headers.get(http::header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"))
}

impl With {
    fn apply(&self, text: &str) -> Option<String> {
        match self {
            Self::Value => Some(text.to_owned()),
            Self::Regex { regex, index } => {
                regex.find_iter(text).nth(*index).map(|found| found.as_str().to_owned())
            }
            Self::XPath(path) => evaluate(&compile(path)?, text),
            Self::Nothing => None,
        }
        .filter(|found| !found.is_empty())
    }
}

/// Its types may not be shared by threads, so it is compiled where it is used; that is little next to the XML.
fn compile(path: &str) -> Option<XPath> {
    Factory::new().build(path).ok().flatten()
}

fn evaluate(path: &XPath, text: &str) -> Option<String> {
    if text.len() > MOST_XML {
        return None;
    }
    let package = parser::parse(text).ok()?;
    let found = path.evaluate(&Context::new(), package.as_document().root()).ok()?;
    Some(found.string())
}

fn source(wish: &IdExtractor) -> Result<Source, String> {
    let setting = |name: &str| match wish.extractor_config.get(name).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(format!("extract_from {:?} needs extractor_config.{name}", wish.extract_from)),
    };
    match &*wish.extract_from {
        "header" => {
            let name = setting("header_name")?;
            name.parse().map(Source::Header).map_err(|_| format!("{name:?} is no header name"))
        }
        "form" => setting("param_name").map(|name| Source::Form(name.to_owned())),
        "body" => Ok(Source::Body),
        other => Err(format!("extract_from {other:?} is not known: expected header, form or body")),
    }
}

/// One of the three that are known.
fn with(wish: &IdExtractor) -> Result<With, String> {
    let text = |name: &str| wish.extractor_config.get(name).and_then(Value::as_str).unwrap_or_default();
    match &*wish.extract_with {
        "regex" => {
            let pattern = text("regex_expression");
            if pattern.is_empty() {
                return Err("extract_with \"regex\" needs extractor_config.regex_expression".to_owned());
            }
            let regex = re2::compile(pattern).map_err(|error| format!("regex_expression: {error}"))?;
            let index = wish.extractor_config.get("regex_match_index");
            let index = index.and_then(Value::as_f64).unwrap_or_default();
            Ok(With::Regex { regex, index: index.max(0.0) as usize })
        }
        "xpath" => {
            let path = text("xpath_expression");
            match compile(path) {
                Some(_) => Ok(With::XPath(path.to_owned())),
                None => Err(format!("xpath_expression {path:?} is no XPath")),
            }
        }
        _ => Ok(With::Value),
    }
}

#[cfg(test)]
mod tests;
