//! `<listen path>tyk/rate-limits/`: tells a key what is left of its limits (sessions reference 6). Limits do not count
//! this request.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use http::{HeaderValue, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use serde_json::json;

use crate::{
    chain::{Blueprint, Ctx, Flow, ListenPath, Middleware, Origin, Response},
    error::{Error, Result},
    session::KeyState,
    store::{Store, keys},
};

/// The path below the listen path.
const PAGE: &str = "/tyk/rate-limits/";

struct UsagePage {
    listen_path: ListenPath,
    store: Arc<dyn Store>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    if blueprint.definition.use_keyless {
        return None;
    }
    let (listen_path, store) = (blueprint.listen_path.clone(), blueprint.services.store.clone());
    Some(Box::new(UsagePage { listen_path, store }))
}

#[async_trait]
impl Middleware for UsagePage {
    async fn request(&self, _session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let path = ctx.url.path();
        if !path.ends_with(PAGE) || self.listen_path.strip(path) != PAGE {
            return Ok(Flow::Next);
        }
        let Some(key) = ctx.state.clone() else { return Ok(Flow::Next) };
        let (remaining, renews) = self.quota(&key).await;
        let state = &key.state;
        let body = json!({
            "quota": { "quota_max": state.quota_max, "quota_remaining": remaining, "quota_renews": renews },
            "rate_limit": { "requests": number(state.rate), "per_unit": number(state.per) },
        });
        let mut head = ResponseHeader::build(200, Some(2)).map_err(|error| Error::Internal(error.into()))?;
        head.insert_header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .map_err(|error| Error::Internal(error.into()))?;
        let response = Response { head, body: body.to_string().into(), origin: Origin::Page };
        Ok(Flow::Respond(Box::new(response)))
    }
}

impl UsagePage {
    /// Requests left and the end of the period. The key's state may be a second behind, its counter is not.
    async fn quota(&self, key: &KeyState) -> (i64, i64) {
        let state = &key.state;
        let stored = (state.quota_remaining, state.quota_renews);
        if state.quota_max <= 0 {
            return stored;
        }
        let counter = keys::quota("", &key.hash);
        let Ok(found) = self.store.get_many(&[&counter]).await else { return stored };
        let text = found.into_iter().next().flatten();
        let value = text.and_then(|text| std::str::from_utf8(&text).ok()?.parse::<i64>().ok());
        let Some(value) = value else { return stored };
        let Ok(ttl) = self.store.ttl(&counter).await else { return stored };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let renews = ttl.map(|ttl| i64::try_from((now + ttl).as_secs()).unwrap_or(i64::MAX));
        (state.quota_max.saturating_sub(value).max(0), renews.unwrap_or(state.quota_renews))
    }
}

/// As Go writes it: without a fraction where there is none.
fn number(number: f64) -> serde_json::Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { (number as i64).into() } else { number.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::build;
    use crate::{
        chain::{Flow, Origin, Slot},
        config::Config,
        limit::{Ask, QuotaAsk, Run},
        middleware::tests::{Bench, definition, passed},
        session::KeyState,
    };

    #[tokio::test]
    async fn a_key_sees_what_its_counter_says() {
        let root = json!({ "use_keyless": false });
        let steps = [Slot::Step("usage_page", build)];
        let bench = Bench::of(&definition(json!({}), root), Config::default(), &steps, &[]);
        let state = json!({ "rate": 5, "per": 60, "quota_max": 9, "quota_remaining": 4, "quota_renews": 7 });
        let call = async |path: &str, counted: usize| {
            let mut request = bench.request(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
            let quota = Some(QuotaAsk { limit: 9, renewal: 3600 });
            let limiter = request.ctx.snapshot.services.limiter.clone();
            for _ in 0..counted {
                limiter.check(&Ask { scope: "", id: "k", rate: None, quota }, Run::Real).await;
            }
            request.ctx.state = Some(KeyState {
                id: "k".into(),
                hash: "k".into(),
                state: Arc::new(serde_json::from_value(state.clone()).unwrap()),
                stored: true,
                modified: false,
            });
            bench.chain.request(&mut request.session, &mut request.ctx).await
        };
        for path in ["/app/tyk/rate-limits", "/app/x/tyk/rate-limits/", "/app/"] {
            assert!(passed(&call(path, 0).await), "{path}");
        }
        let page = async |counted| match call("/app/tyk/rate-limits/", counted).await {
            Ok(Flow::Respond(answer)) => {
                assert_eq!((answer.head.status.as_u16(), answer.origin), (200, Origin::Page));
                serde_json::from_slice::<Value>(&answer.body).unwrap()
            }
            other => panic!("{other:?}"),
        };
        let quota = json!({ "quota_max": 9, "quota_remaining": 4, "quota_renews": 7 });
        let rate = json!({ "requests": 5, "per_unit": 60 });
        assert_eq!(page(0).await, json!({ "quota": quota, "rate_limit": rate }), "nothing counted yet");
        let counted = page(2).await;
        assert_eq!(counted["quota"]["quota_remaining"], 7);
        assert!(counted["quota"]["quota_renews"].as_i64().unwrap() > 1_700_000_000);
    }
}
