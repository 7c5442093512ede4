//! `/hello` and `/ready` (sessions-and-control reference 11).

use http::Method;
use serde_json::{Map, Value, json};

use super::reply;
use crate::{
    analytics,
    gateway::{ControlAnswer, Gateway},
};

/// Liveness: always 200; the body says how the parts are.
pub(super) fn hello(gateway: &Gateway, method: &Method) -> ControlAnswer {
    if method != Method::GET {
        return reply::error(405, "Method Not Allowed");
    }
    let status = match gateway.health.store().filter(|check| !check.starting) {
        Some(check) if check.fault.is_some() => "fail",
        _ => "pass",
    };
    reply::json(200, &report(gateway, status, "Tyk GW"))
}

/// Readiness: 503 until a load has succeeded, while Redis is needed and away, and once the process is stopping.
pub(super) fn ready(gateway: &Gateway, method: &Method) -> ControlAnswer {
    if method != Method::GET {
        return reply::error(405, "Method Not Allowed");
    }
    let health = &gateway.health;
    if health.stopping() {
        return reply::error(503, "Gateway is shutting down");
    }
    if !gateway.has_store() {
        return reply::error(503, "Redis connection not available");
    }
    if !health.loaded() {
        return reply::error(503, "A successful API reload did not happen");
    }
    reply::json(200, &report(gateway, "pass", "Tyk GW Ready"))
}

fn report(gateway: &Gateway, status: &str, description: &str) -> Value {
    let mut report = Map::new();
    report.insert("status".into(), status.into());
    report.insert("version".into(), concat!("v", env!("CARGO_PKG_VERSION")).into());
    report.insert("description".into(), description.into());
    if let Some(check) = gateway.health.store().filter(|check| !check.starting) {
        let mut redis = json!({
            "status": if check.fault.is_some() { "fail" } else { "pass" },
            "componentType": "datastore",
            "time": analytics::rfc3339(check.at),
        });
        if let (Some(fault), Some(object)) = (check.fault, redis.as_object_mut()) {
            object.insert("output".into(), fault.into());
        }
        report.insert("details".into(), json!({ "redis": redis }));
    }
    report.into()
}
