//! The OAS half of an API (`X-oas.json` beside `X.json`). The Classic half says everything about routing; of this
//! one only what nobody else carries is looked at, such as request validation and mock responses (api-definition
//! reference 1.2). A document without a Classic half is the business of [`oas`](super::oas).

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Lint, parse::is_oas, support};
use crate::error::Problem;

/// The file of the half that belongs to `classic`.
fn companion(classic: &Path) -> PathBuf {
    let stem = classic.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let oas = classic.with_file_name(format!("{stem}-oas.json"));
    let mcp = classic.with_file_name(format!("{stem}-mcp.json"));
    if !oas.exists() && mcp.exists() { mcp } else { oas }
}

/// Reads the half that belongs to `classic`: its text, and what it asks for that is not built.
pub(super) fn read(classic: &Path) -> Result<(String, Lint), Problem> {
    let path = companion(classic);
    let place = path.display().to_string();
    let not_served = |message: String| {
        Problem::error(&place, "", format!("{message}: this API is not served"))
            .hint(format!("is_oas is set in {}", classic.display()))
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|error| not_served(format!("cannot read the OAS document: {error}")))?;
    let root: Value =
        serde_json::from_str(&text).map_err(|error| not_served(format!("not valid JSON: {error}")))?;
    if !is_oas(|name| root.get(name)) {
        return Err(not_served("no OpenAPI document".into()));
    }
    let mut found = Lint::default();
    support::check_document(&root, &place, &mut found);
    Ok((text, found))
}
