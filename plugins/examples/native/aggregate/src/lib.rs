//! One answer made of several: the parts are asked for at once, each by a URL or from an API of this gateway.
//!
//! ```json
//! {"aggregate": {"parts": {"user": "tyk://users/get", "orders": "http://orders:8080/latest"},
//!                "forward": ["Authorization"], "timeout_ms": 1000}}
//! ```
//!
//! As a per-endpoint hook (`extended_paths.go_plugin`) it makes an endpoint out of nothing:
//! `{"user": {…}, "orders": […], "errors": {}}`. A part that cannot be had is `null`, and `errors` says why. The parts
//! get the query of the request and the headers named by `forward`.

use std::{collections::BTreeMap, time::Duration};

use pinhook_plugin::{Ask, Config, Flow, Reply, Request, Result, hooks};
use serde::Deserialize;
use serde_json::{Map, Value};

// No NON_BLOCKING: it waits for the parts, so the gateway runs it on a thread of its pool.
hooks! {
    Aggregate = aggregate;
}

#[derive(Deserialize)]
struct ConfigData {
    aggregate: Settings,
}

#[derive(Deserialize)]
struct Settings {
    parts: BTreeMap<String, String>,
    #[serde(default)]
    forward: Vec<String>,
    timeout_ms: Option<u64>,
}

static SETTINGS: Config<ConfigData> = Config::new(|json| Ok(serde_json::from_str(json)?));

fn aggregate(request: &mut Request<'_>) -> Result<Flow> {
    let config = SETTINGS.get(request)?;
    let settings = &config.aggregate;
    let asks: Vec<Ask> = settings.parts.values().map(|url| part(request, settings, url)).collect();
    let replies = request.call_all(&asks)?;

    let (mut all, mut errors) = (Map::new(), Map::new());
    for (name, reply) in settings.parts.keys().zip(&replies) {
        match value(reply) {
            Ok(value) => all.insert(name.clone(), value),
            Err(error) => {
                errors.insert(name.clone(), error.into());
                all.insert(name.clone(), Value::Null)
            }
        };
    }
    all.insert("errors".to_owned(), errors.into());
    request.respond(200, &[("Content-Type", "application/json")], Value::from(all).to_string())
}

fn part(request: &Request<'_>, settings: &Settings, url: &str) -> Ask {
    let query = request.query();
    let mut ask = match query {
        "" => Ask::get(url),
        query => Ask::get(&format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' })),
    };
    for name in &settings.forward {
        if let Some(value) = request.header(name) {
            ask = ask.header(name, value);
        }
    }
    match settings.timeout_ms {
        Some(timeout) => ask.timeout(Duration::from_millis(timeout)),
        None => ask,
    }
}

/// The answer's body: JSON as it is, any other text as a text.
fn value(reply: &Reply) -> std::result::Result<Value, String> {
    match &reply.error {
        Some(error) => Err(error.clone()),
        None if !reply.is_success() => Err(format!("it answered with status {}", reply.status)),
        None => Ok(serde_json::from_slice(&reply.body).unwrap_or_else(|_| Value::from(reply.text()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_json_or_a_text_or_an_error() {
        let reply = |status, body: &str| Reply { status, body: body.into(), ..Reply::default() };
        assert_eq!(value(&reply(200, "{\"a\":1}")).unwrap()["a"], 1);
        assert_eq!(value(&reply(201, "text")).unwrap(), "text");
        assert_eq!(value(&reply(404, "{}")).unwrap_err(), "it answered with status 404");
        let failed = Reply { error: Some("why".into()), ..Reply::default() };
        assert_eq!(value(&failed).unwrap_err(), "why");
    }
}
