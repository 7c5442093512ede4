//! `/tyk/apis`: the definitions that are live, and their files (sessions reference 8.3).

mod oas;
mod rules;
mod versions;
mod write;

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

pub(super) use self::{
    oas::{
        add as add_oas, change as change_oas, export as export_oas, import as import_oas, list as list_oas,
        one as one_oas, replace as replace_oas,
    },
    versions::versions,
    write::{add, delete, update},
};
use super::{Call, Reply, files, reply};
use crate::{
    chain::Snapshot,
    definition::ApiDefinition,
    error::{Problem, Severity},
    gateway::ControlAnswer,
};

const NOT_FOUND: &str = "API not found";
const BASE_API: HeaderName = HeaderName::from_static("x-tyk-base-api-id");

fn not_found() -> ControlAnswer {
    reply::error(404, NOT_FOUND)
}

/// A definition as Tyk prints it: objects that are kept as they were written are not left out either.
fn shown(definition: &ApiDefinition) -> Value {
    let mut shown = json!(definition);
    let header = json!({"enabled": false, "name": ""});
    let client = json!({"client_id": "", "header": header, "token_url": ""});
    let user = json!({"client_id": "", "header": header, "username": "", "password": "", "token_url": ""});
    for (place, empty) in [
        ("/graphql", graphql()),
        ("/upstream_auth/oauth/client_credentials", client),
        ("/upstream_auth/oauth/password", user),
    ] {
        if let Some(value) = shown.pointer_mut(place).filter(|value| value.is_null()) {
            *value = empty;
        }
    }
    if definition.is_oas {
        empty_objects(&mut shown);
    }
    shown
}

/// Objects that Tyk's conversion of a document makes, also where it puts nothing into them.
fn empty_objects(shown: &mut Value) {
    let made = |place: Option<&mut Value>| {
        if let Some(value) = place.filter(|value| value.is_null()) {
            *value = json!({});
        }
    };
    made(shown.pointer_mut("/auth_configs"));
    made(shown.pointer_mut("/event_handlers/events"));
    let versions = shown.pointer_mut("/version_data/versions").and_then(Value::as_object_mut);
    for (_, version) in versions.into_iter().flatten() {
        made(version.pointer_mut("/global_headers"));
        made(version.pointer_mut("/global_response_headers"));
    }
}

fn graphql() -> Value {
    json!({
        "enabled": false,
        "execution_mode": "",
        "version": "",
        "schema": "",
        "type_field_configurations": null,
        "playground": {"enabled": false, "path": ""},
        "engine": {"field_configs": null, "data_sources": null, "global_headers": null},
        "proxy": {
            "features": {"use_immutable_headers": false},
            "auth_headers": null,
            "sse_use_post": false,
            "request_headers": null,
            "use_response_extensions": {"on_error_forwarding": false},
            "request_headers_rewrite": null
        },
        "subgraph": {"sdl": ""},
        "supergraph": {
            "subgraphs": null, "merged_sdl": "", "global_headers": null, "disable_query_batching": false
        },
        "introspection": {"disabled": false}
    })
}

/// Every definition, in Classic form.
pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        reply::json(200, &snapshot.apis.iter().map(|api| shown(&api.definition)).collect::<Vec<_>>())
    })
}

/// One definition; a header names the API that it is a version of.
pub(super) fn one(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        let Some(api) = snapshot.api(call.id) else { return not_found() };
        let mut answer = reply::json(200, &shown(&api.definition));
        answer.headers.extend(base_header(&snapshot, call.id));
        answer
    })
}

/// The header that names the API which the one with this id is a version of.
fn base_header(snapshot: &Snapshot, id: &str) -> Option<(HeaderName, HeaderValue)> {
    let base = versions::base(snapshot, id).filter(|base| *base.spec.api_id != *id)?;
    HeaderValue::from_str(&base.spec.api_id).ok().map(|id| (BASE_API, id))
}

/// How the load of one API went: is it served, where, and what was found wrong. Ours; Tyk has no such call.
pub(super) fn status(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let snapshot = call.gateway.snapshot();
        let Some(api) = snapshot.api(call.id) else { return not_found() };
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
