//! How large request bodies may be (`global_size_limit`, `size_limits`; sessions reference 7.2). The gateway's own limit
//! is `max_request_body_size`, which holds before any API is chosen.

use async_trait::async_trait;
use http::{Method, header};
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, Denial, EndpointPaths, Endpoints, Flow, Middleware, PerVersion, Place},
    error::Result,
};

const NO_LENGTH: Denial = Denial::new(411, "Content length is required for this request");
const NO_NUMBER: Denial = Denial::new(400, "content length is not a valid Integer");
const TOO_LARGE: Denial = Denial::new(400, "Request is too large");

struct SizeLimit {
    paths: EndpointPaths,
    versions: PerVersion<Limits>,
}

struct Limits {
    global: Option<i64>,
    endpoints: Option<Endpoints<i64>>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let style = blueprint.path_style();
    let versions = blueprint.versions;
    let mut asked = false;
    let versions = PerVersion::build(versions, |_, version| {
        let endpoints = version.use_extended_paths.then(|| {
            blueprint.endpoints(
                version,
                "size_limits",
                &version.extended_paths.size_limits,
                |entry| {
                    (!entry.disabled).then_some(Place { path: &entry.path, method: &entry.method, style })
                },
                |_, entry, _| Some(entry.size_limit),
            )
        });
        let endpoints = endpoints.flatten();
        let global = (version.global_size_limit > 0).then_some(version.global_size_limit);
        // The switch keeps the check from being there for this limit alone, and no more.
        asked |= endpoints.is_some() || (global.is_some() && !version.global_size_limit_disabled);
        Some(Limits { global, endpoints })
    })?;
    asked.then(|| Box::new(SizeLimit { paths: blueprint.paths(), versions }) as _)
}

#[async_trait]
impl Middleware for SizeLimit {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let Some(limits) = self.versions.of(ctx) else { return Ok(Flow::Next) };
        let method = &session.req_header().method;
        if [Method::GET, Method::DELETE, Method::TRACE, Method::OPTIONS, Method::HEAD].contains(method) {
            return Ok(Flow::Next);
        }
        let endpoint = limits
            .endpoints
            .as_ref()
            .and_then(|all| all.find(method.as_str(), &self.paths.for_endpoints(ctx.url.path())));
        for limit in limits.global.iter().chain(endpoint) {
            if let Some(denial) = check(session, ctx, *limit) {
                return Ok(Flow::Deny(denial));
            }
        }
        Ok(Flow::Next)
    }
}

fn check(session: &Session, ctx: &Ctx, limit: i64) -> Option<Denial> {
    let declared = match session.req_header().headers.get(header::CONTENT_LENGTH) {
        None => return Some(NO_LENGTH),
        Some(text) if text.is_empty() => return Some(NO_LENGTH),
        Some(text) => text.to_str().ok().and_then(|text| text.parse::<i64>().ok()),
    };
    let Some(declared) = declared else { return Some(NO_NUMBER) };
    // A hook may have written another body.
    let real = ctx.body.as_ref().map_or(0, |body| i64::try_from(body.len()).unwrap_or(i64::MAX));
    (declared.max(real) > limit).then_some(TOO_LARGE)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::middleware::tests::{Bench, denied, passed};

    fn limits(version: Value) -> Bench {
        Bench::new(version, json!({}))
    }

    async fn post(bench: &Bench, method: &str, path: &str, line: &str) -> Option<(u16, String)> {
        let (_, flow) = bench.send(&format!("{method} /app{path} HTTP/1.1\r\nHost: h\r\n{line}\r\n")).await;
        if passed(&flow) {
            return None;
        }
        let (status, text) = denied(&flow);
        Some((status, text.to_owned()))
    }

    #[tokio::test]
    async fn bodies_are_measured_by_what_they_declare() {
        let bench = limits(json!({ "extended_paths": { "size_limits": [
            { "path": "/s", "method": "POST", "size_limit": 10 },
            { "path": "/off", "method": "POST", "size_limit": 1, "disabled": true },
        ] } }));
        assert_eq!(post(&bench, "POST", "/s", "Content-Length: 10\r\n").await, None);
        let large = post(&bench, "POST", "/s", "Content-Length: 11\r\n").await;
        assert_eq!(large, Some((400, "Request is too large".to_owned())));
        let chunked = post(&bench, "POST", "/s", "Transfer-Encoding: chunked\r\n").await;
        assert_eq!(chunked, Some((411, "Content length is required for this request".to_owned())));
        assert_eq!(post(&bench, "PUT", "/s", "Content-Length: 99\r\n").await, None, "another method");
        assert_eq!(post(&bench, "POST", "/off", "Content-Length: 99\r\n").await, None);
        assert_eq!(post(&bench, "POST", "/other", "Transfer-Encoding: chunked\r\n").await, None);
    }

    #[tokio::test]
    async fn the_global_limit_comes_first_and_counts_wherever_the_step_is() {
        let bench = limits(json!({ "global_size_limit": 5 }));
        assert_eq!(post(&bench, "POST", "/x", "Content-Length: 5\r\n").await, None);
        assert_eq!(post(&bench, "PATCH", "/x", "Content-Length: 6\r\n").await.unwrap().0, 400);
        assert_eq!(post(&bench, "POST", "/x", "").await.unwrap().0, 411);
        for method in ["GET", "DELETE", "TRACE", "OPTIONS", "HEAD"] {
            assert_eq!(post(&bench, method, "/x", "Content-Length: 6\r\n").await, None, "{method}");
        }
        let off = json!({ "global_size_limit": 5, "global_size_limit_disabled": true });
        assert_eq!(limits(off.clone()).chain.request_steps().count(), 0);
        let mut both = off;
        both["extended_paths"] =
            json!({ "size_limits": [{ "path": "/s", "method": "POST", "size_limit": 50 }] });
        assert_eq!(post(&limits(both), "POST", "/x", "Content-Length: 6\r\n").await.unwrap().0, 400);
    }
}
