//! The parameters of a call to the OAuth 2 server: a form body, a JSON body where it is allowed, then the query.

use std::collections::BTreeMap;

use http::{HeaderMap, Method, header};
use pingora_proxy::Session;

use crate::{chain::Ctx, error::Result, url::Values};

/// Parameters; those of the body come first.
#[derive(Debug, Default)]
pub(super) struct Form {
    posted: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Form {
    /// Reads the request's. A body of another kind gives no parameters.
    ///
    /// # Errors
    /// The body did not come whole.
    pub(super) async fn read(session: &mut Session, ctx: &mut Ctx, json: bool) -> Result<Self> {
        let head = session.req_header();
        let kind = Kind::of(&head.method, &head.headers);
        let mut form = Self { posted: Vec::new(), query: pairs(ctx.url.query()) };
        let body = match kind {
            Some(Kind::Form) => ctx.body(session).await?,
            Some(Kind::Json) if json => ctx.body(session).await?,
            _ => None,
        };
        let body = body.unwrap_or_default();
        form.posted = match kind {
            // Texts only, as in Tyk: anything else in it makes all of it worthless.
            Some(Kind::Json) => serde_json::from_slice::<BTreeMap<String, String>>(&body)
                .map(|members| members.into_iter().collect())
                .unwrap_or_default(),
            _ => pairs(&String::from_utf8_lossy(&body)),
        };
        Ok(form)
    }

    /// A form that was sent to the control API.
    pub(super) fn of_body(body: &[u8]) -> Self {
        Self { posted: pairs(&String::from_utf8_lossy(body)), query: Vec::new() }
    }

    /// A parameter; empty when it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        first(&self.posted, name).or_else(|| first(&self.query, name)).unwrap_or_default()
    }

    /// A parameter of the body; empty when it is missing. Secrets are not taken from a query.
    pub(super) fn posted(&self, name: &str) -> &str {
        first(&self.posted, name).unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Form,
    Json,
}

impl Kind {
    fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            return None;
        }
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        if kind == "application/json" {
            return Some(Self::Json);
        }
        let name = kind.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("application/x-www-form-urlencoded").then_some(Self::Form)
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    Values::parse(text).iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}
