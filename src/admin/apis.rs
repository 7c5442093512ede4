//! `/tyk/apis`: the definitions that are live.

use serde_json::{Value, json};

use super::{Call, Reply, reply};
use crate::error::{Problem, Severity};

/// Every definition, in Classic form.
pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        let all: Vec<_> = snapshot.apis.iter().map(|api| &*api.definition).collect();
        reply::json(200, &all)
    })
}

/// One definition.
pub(super) fn one(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        match call.gateway.snapshot().api(call.id) {
            Some(api) => reply::json(200, &*api.definition),
            None => reply::error(404, "API not found"),
        }
    })
}

/// How the load of one API went: is it served, where, and what was found wrong. Ours; Tyk has no such call.
pub(super) fn status(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        let Some(api) = snapshot.api(call.id) else { return reply::error(404, "API not found") };
        let state = if api.refuses { "refuses" } else { "serves" };
        let problems: Vec<Value> = call.gateway.problems_of(api).iter().map(problem).collect();
        reply::json(
            200,
            &json!({
                "api_id": &*api.spec.api_id,
                "state": state,
                "file": api.file.display().to_string(),
                "request_steps": api.chain.request_steps().collect::<Vec<_>>(),
                "response_steps": api.chain.response_steps().collect::<Vec<_>>(),
                "problems": problems,
            }),
        )
    })
}

fn problem(problem: &Problem) -> Value {
    json!({
        "severity": match problem.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
    })
}
