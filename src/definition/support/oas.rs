//! What only an OAS document can ask for.

use serde_json::Value;

use super::{
    super::{member::below, oas::EXTENSION},
    Effect,
    Effect::{Instead, Refuse},
    Lint,
};

/// A feature: its place below the extension (`*` is any member), whether what stands there is on, what follows.
struct Feature(&'static str, fn(&Value) -> bool, Effect);

const OPERATIONS: &[Feature] = &[
    Feature("middleware.operations.*.validateRequest", is_on, Refuse("requests can be validated")),
    Feature("middleware.operations.*.mockResponse", is_on, Instead("the request goes upstream")),
    Feature("middleware.operations.*.scopeCheck", is_on, Refuse("scopes can be checked by operation")),
    Feature("middleware.operations.*.exchange", is_on, Refuse("tokens can be exchanged")),
];

/// Those of a guarded API.
const AUTHENTICATION: &[Feature] = &[
    Feature("server.authentication.security", is_said, Refuse("one of several requirements suffices")),
    Feature("server.authentication.certificateAuth", is_on, Refuse("certificates are credentials")),
    Feature(
        "server.authentication.protectedResourceMetadata",
        is_on,
        Instead("the metadata of the resource is not served"),
    ),
    Feature(
        "server.authentication.securitySchemes.*.allowedIssuers",
        is_said,
        Refuse("the issuer of a token can be checked"),
    ),
    Feature(
        "server.authentication.securitySchemes.*.allowedAudiences",
        is_said,
        Refuse("the audience of a token can be checked"),
    ),
    Feature(
        "server.authentication.securitySchemes.*.allowedSubjects",
        is_said,
        Refuse("the subject of a token can be checked"),
    ),
    Feature(
        "server.authentication.securitySchemes.*.jtiValidation",
        is_on,
        Refuse("the id of a token can be checked"),
    ),
    Feature(
        "server.authentication.securitySchemes.*.customClaimValidation",
        is_said,
        Refuse("claims of one's own can be checked"),
    ),
    Feature(
        "server.authentication.securitySchemes.*.subjectClaims",
        several,
        Instead("only the first claim is looked at"),
    ),
    Feature(
        "server.authentication.securitySchemes.*.basePolicyClaims",
        several,
        Instead("only the first claim is looked at"),
    ),
    Feature(
        "server.authentication.securitySchemes.*.scopes.claims",
        several,
        Instead("only the first claim is looked at"),
    ),
];

/// Names what a document asks for, that no Classic definition could, and that is not done.
pub(in super::super) fn check_document(root: &Value, place: &str, found: &mut Lint) {
    let Some(extension) = root.get(EXTENSION) else { return };
    for Feature(path, asked, effect) in OPERATIONS {
        visit(extension, path, *asked, &mut EXTENSION.to_owned(), &mut |at| effect.report(place, at, found));
    }
    let wish = extension.pointer("/server/authentication").unwrap_or(&Value::Null);
    if !is_on(wish) {
        return;
    }
    let compliant = wish.get("securityProcessingMode").and_then(Value::as_str) == Some("compliant");
    let several = root.get("security").and_then(Value::as_array).is_some_and(|list| list.len() > 1);
    if compliant && several {
        let at = format!("{EXTENSION}.server.authentication.securityProcessingMode");
        Refuse("one of several requirements suffices").report(place, at, found);
    }
    for Feature(path, asked, effect) in AUTHENTICATION {
        // Tyk looks at its own list in compliant mode only.
        if path.ends_with(".security") && !compliant {
            continue;
        }
        visit(extension, path, *asked, &mut EXTENSION.to_owned(), &mut |at| effect.report(place, at, found));
    }
}

fn visit(
    value: &Value,
    pattern: &str,
    asked: fn(&Value) -> bool,
    at: &mut String,
    report: &mut dyn FnMut(&str),
) {
    let (name, rest) = pattern.split_once('.').map_or((pattern, None), |(name, rest)| (name, Some(rest)));
    let Some(members) = value.as_object() else { return };
    for (key, value) in members.iter().filter(|(key, _)| name == "*" || key.eq_ignore_ascii_case(name)) {
        below(at, key, |at| match rest {
            Some(rest) => visit(value, rest, asked, at, report),
            None if asked(value) => report(at),
            None => {}
        });
    }
}

fn is_on(value: &Value) -> bool {
    value.get("enabled").and_then(Value::as_bool).unwrap_or_default()
}

fn is_said(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}

fn several(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.len() > 1)
}
