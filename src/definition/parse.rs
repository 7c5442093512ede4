//! One document: text in, [`ApiDefinition`] or one [`Problem`] with file, line and JSON path out.

use serde_json::Value;

use super::ApiDefinition;
use crate::error::Problem;

/// Reads one Classic definition. `place` names it in messages: a file, mostly.
///
/// # Errors
/// Broken JSON, a member of the wrong type, an `id` that is not empty or 24 hex digits, or a bare OAS document.
pub fn parse(text: &str, place: &str) -> Result<ApiDefinition, Problem> {
    let mut from = serde_json::Deserializer::from_str(text);
    let definition: ApiDefinition = match serde_path_to_error::deserialize(&mut from) {
        Ok(definition) => definition,
        Err(error) => {
            let path = error.path().to_string();
            return Err(explain(text, place, &path, error.inner()));
        }
    };
    from.end().map_err(|error| explain(text, place, "", &error))?;
    if definition.proxy.listen_path.is_empty() && is_oas(|name| definition.extra.get(name)) {
        return Err(bare_oas(place));
    }
    check_id(&definition, place)?;
    Ok(definition)
}

/// Refuses a database id that is none.
pub(super) fn check_id(definition: &ApiDefinition, place: &str) -> Result<(), Problem> {
    if definition.id.is_empty() || is_object_id(&definition.id) {
        return Ok(());
    }
    let message = format!("expected an empty string or 24 hex digits, found {:?}", definition.id);
    Err(Problem::error(place, "id", message))
}

fn explain(text: &str, place: &str, path: &str, error: &serde_json::Error) -> Problem {
    if let Ok(Value::Object(root)) = serde_json::from_str(text)
        && is_oas(|name| root.get(name))
    {
        return bare_oas(place);
    }
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let column = error.column();
    if error.is_data() {
        let path = if path == "." { "" } else { path };
        return Problem::error(place, path, format!("{} (column {column})", plain(message)))
            .at_line(error.line());
    }
    Problem::error(place, "", format!("not valid JSON at column {column}: {message}")).at_line(error.line())
}

/// The decoder's expectations in the words of JSON.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 7] = [
        ("expected i64", "expected a whole number"),
        ("expected u64", "expected a whole number that is not negative"),
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected f64", "expected a number"),
        ("expected a map", "expected an object"),
        ("expected a sequence", "expected a list"),
        ("invalid type: sequence", "invalid type: list"),
    ];
    let message = message.replace("invalid type: map", "invalid type: object");
    WORDS.iter().fold(message, |text, (from, to)| text.replace(from, to))
}

/// Whether an object with these members is an OpenAPI document.
pub(super) fn is_oas<'a>(member: impl Fn(&str) -> Option<&'a Value>) -> bool {
    ["openapi", "swagger"]
        .iter()
        .any(|key| member(key).and_then(Value::as_str).is_some_and(|v| !v.is_empty()))
}

fn bare_oas(place: &str) -> Problem {
    Problem::error(place, "", "an OAS document where a Classic definition is expected")
        .hint("the control API takes it at /tyk/apis/oas")
}

fn is_object_id(id: &str) -> bool {
    id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}
