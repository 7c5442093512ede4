//! Takes credentials off the request once they are checked (`strip_auth_data`, sessions reference 3.2): for every entry
//! of `auth_configs`, or for the older `auth` where there is none.

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, Flow, Middleware},
    definition::AuthConfig,
    error::{Error, Result},
    url::{Url, Values},
};

/// The places of one credential.
struct Place {
    /// Goes even where it is not looked at.
    header: Option<HeaderName>,
    /// Query parameter.
    parameter: Option<Box<str>>,
    /// How the cookie that goes begins.
    cookie: Box<str>,
}

struct StripAuth(Box<[Place]>);

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let definition = blueprint.definition;
    if definition.use_keyless || !definition.strip_auth_data {
        return None;
    }
    let places = match definition.auth_configs.is_empty() {
        true => vec![place(&definition.auth)],
        false => definition.auth_configs.values().map(place).collect(),
    };
    Some(Box::new(StripAuth(places.into())))
}

fn place(settings: &AuthConfig) -> Place {
    let or = |own: &str, other: &str| Box::from(if own.is_empty() { other } else { own });
    let header: Box<str> = or(&settings.auth_header_name, "Authorization");
    Place {
        header: HeaderName::from_bytes(header.as_bytes()).ok(),
        parameter: settings.use_param.then(|| or(&settings.param_name, &header)),
        cookie: or(&settings.cookie_name, &header),
    }
}

#[async_trait]
impl Middleware for StripAuth {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let head = session.req_header_mut();
        for place in &self.0 {
            if let Some(name) = &place.header {
                head.remove_header(name);
            }
            if let Some(name) = &place.parameter {
                strip_parameter(&mut ctx.url, name);
            }
            if let Some(lines) = without_cookie(&head.headers, &place.cookie) {
                head.remove_header(&header::COOKIE);
                for line in lines {
                    head.append_header(header::COOKIE, line)
                        .map_err(|error| Error::Internal(error.into()))?;
                }
            }
        }
        Ok(Flow::Next)
    }
}

/// The query is written anew, sorted by key, where it held the parameter.
fn strip_parameter(url: &mut Url, name: &str) {
    let mut values = Values::parse(url.query());
    if values.remove(name) {
        let query = values.encode();
        url.set_query(&query);
    }
}

/// The `Cookie` lines without the first cookie that begins so; nothing if none does.
fn without_cookie(headers: &HeaderMap, begins: &str) -> Option<Vec<HeaderValue>> {
    let mut found = false;
    let mut lines = Vec::new();
    for line in headers.get_all(header::COOKIE) {
        let mut kept: Vec<&[u8]> = Vec::new();
        for cookie in line.as_bytes().split(|byte| *byte == b';') {
            if !found && cookie.trim_ascii().starts_with(begins.as_bytes()) {
                found = true;
            } else {
                kept.push(cookie);
            }
        }
        let joined = kept.join(&b';');
        if !joined.trim_ascii().is_empty() {
            lines.push(HeaderValue::from_bytes(joined.trim_ascii()).ok()?);
        }
    }
    found.then_some(lines)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::middleware::tests::{Bench, passed};

    async fn strip(root: serde_json::Value, target: &str, headers: &str) -> (String, String) {
        let mut all = json!({ "use_keyless": false, "strip_auth_data": true });
        all.as_object_mut().unwrap().extend(root.as_object().unwrap().clone());
        let bench = Bench::of(
            &crate::middleware::tests::definition(json!({}), all),
            crate::config::Config::default(),
            &[crate::chain::Slot::Step("strip_auth", super::build)],
            &[],
        );
        let (request, flow) = bench.get(target, headers).await;
        assert!(passed(&flow));
        let left = ["authorization", "x-key", "cookie"]
            .iter()
            .flat_map(|name| request.header(name).into_iter().map(move |value| format!("{name}: {value}")))
            .collect::<Vec<_>>();
        (request.ctx.url.query().to_owned(), left.join("|"))
    }

    fn left(query: &str, headers: &str) -> (String, String) {
        (query.to_owned(), headers.to_owned())
    }

    #[tokio::test]
    async fn the_old_object_counts_where_there_is_no_other() {
        let all = "Authorization: a\r\nX-Key: b\r\nCookie: x=1; AuthorizationX=2; Authorization=3\r\n";
        let rest = "x-key: b|cookie: x=1; Authorization=3";
        assert_eq!(strip(json!({}), "/app/?Authorization=a", all).await, left("Authorization=a", rest));
        let renamed =
            json!({ "auth": { "auth_header_name": "X-Key", "disable_header": true, "use_param": true } });
        assert_eq!(
            strip(renamed, "/app/?z=1&X-Key=q&a=%2f", all).await,
            left("a=%2F&z=1", "authorization: a|cookie: x=1; AuthorizationX=2; Authorization=3")
        );
    }

    #[tokio::test]
    async fn every_entry_is_stripped() {
        let entries = json!({ "auth": { "auth_header_name": "X-Other" }, "auth_configs": {
            "authToken": { "auth_header_name": "X-Key", "use_cookie": true, "cookie_name": "tok" },
            "basic": { "use_param": true, "param_name": "k" },
        } });
        let headers = "Authorization: a\r\nX-Key: b\r\nCookie: tok=1\r\nCookie: tok=2; y=3\r\n";
        assert_eq!(strip(entries, "/app/?b=%zz&k=1&c", headers).await, left("c=", "cookie: tok=2; y=3"));
    }

    #[tokio::test]
    async fn a_query_without_the_parameter_stays_as_it_is() {
        let entry = json!({ "auth": { "use_param": true, "param_name": "k" } });
        assert_eq!(strip(entry, "/app/?z=1&a=%2f", "").await, left("z=1&a=%2f", ""));
    }
}
