//! The OAS half of an API (`X-oas.json` beside `X.json`). The Classic half says everything about routing; of this
//! one only what nobody else carries is looked at: request validation and mock responses (api-definition
//! reference 1.2).

use std::path::Path;

use serde_json::Value;

use super::{Lint, parse::is_oas};
use crate::error::Problem;

/// Reads the half that belongs to `classic`: its bytes, and what it asks for that is not built.
pub(super) fn read(classic: &Path) -> Result<(Vec<u8>, Lint), Problem> {
    let stem = classic.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let oas = classic.with_file_name(format!("{stem}-oas.json"));
    let mcp = classic.with_file_name(format!("{stem}-mcp.json"));
    let path = if !oas.exists() && mcp.exists() { mcp } else { oas };
    let place = path.display().to_string();
    let not_served = |message: String| {
        Problem::error(&place, "", format!("{message}: this API is not served"))
            .hint(format!("is_oas is set in {}", classic.display()))
    };
    let bytes =
        std::fs::read(&path).map_err(|error| not_served(format!("cannot read the OAS document: {error}")))?;
    let root: Value =
        serde_json::from_slice(&bytes).map_err(|error| not_served(format!("not valid JSON: {error}")))?;
    if !is_oas(|name| root.get(name)) {
        return Err(not_served("no OpenAPI document".into()));
    }
    let found = asked_for(&root, &place);
    Ok((bytes, found))
}

fn asked_for(root: &Value, place: &str) -> Lint {
    let mut found = Lint::default();
    let operations = root.pointer("/x-tyk-api-gateway/middleware/operations").and_then(Value::as_object);
    for (name, operation) in operations.into_iter().flatten() {
        let enabled = |kind: &str| {
            operation
                .get(kind)
                .and_then(|entry| entry.get("enabled"))
                .and_then(Value::as_bool)
                .unwrap_or_default()
        };
        let path = |kind: &str| format!("x-tyk-api-gateway.middleware.operations.{name}.{kind}");
        if enabled("validateRequest") {
            found.refuse(Problem::error(
                place,
                path("validateRequest"),
                "not built yet: the API answers 500 until requests can be validated",
            ));
        }
        if enabled("mockResponse") {
            found.problems.push(Problem::warning(
                place,
                path("mockResponse"),
                "not built yet: the request goes upstream",
            ));
        }
    }
    found
}
