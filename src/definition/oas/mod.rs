//! OAS documents: OpenAPI with the extension `x-tyk-api-gateway`, turned into Classic definitions, so that everything
//! behind has one form to know (api-definition reference 9).
//!
//! Members that become members are lines of tables; what an absent block means follows from the kind of its line. A
//! member that no line looks at is named, and what is found wrong with the Classic form later on is named by the
//! place in the document.

mod auth;
mod build;
mod document;
mod draft;
mod hooks;
mod lines;
mod operations;
mod read;
mod schema;
mod tables;
#[cfg(test)]
mod tests;
mod upstream;

use serde_json::Value;

pub use self::{
    build::{Wishes, extend},
    document::{EXTENSION, api_id, listen_path, public, set_api_id, set_servers, tidy},
    read::Fault,
};
use self::{
    draft::Draft,
    lines::take,
    read::{Node, Notes},
};
use super::{
    ApiDefinition,
    parse::{check_id, is_oas},
};
use crate::error::Problem;

/// Members that no Classic one stands for: `definition::support` names those that pinhook does not honour.
const NAMED_ELSEWHERE: [&str; 13] = [
    "middleware.operations.*.validateRequest",
    "middleware.operations.*.mockResponse",
    "middleware.operations.*.scopeCheck",
    "middleware.operations.*.exchange",
    "server.authentication.securityProcessingMode",
    "server.authentication.security",
    "server.authentication.certificateAuth",
    "server.authentication.protectedResourceMetadata",
    "server.authentication.securitySchemes.*.allowedIssuers",
    "server.authentication.securitySchemes.*.allowedAudiences",
    "server.authentication.securitySchemes.*.allowedSubjects",
    "server.authentication.securitySchemes.*.jtiValidation",
    "server.authentication.securitySchemes.*.customClaimValidation",
];

/// A document in Classic form.
#[derive(Debug)]
pub struct Converted {
    /// The definition; `is_oas` is set.
    pub definition: ApiDefinition,
    /// What is said about the document itself, such as members that have no effect.
    pub problems: Vec<Problem>,
    origins: Vec<(String, String)>,
}

impl Converted {
    /// Lets problems of the Classic form name the place in the document that they come from.
    pub fn locate(&self, problems: &mut [Problem]) {
        for problem in problems {
            let within = |path: &str| {
                problem
                    .path
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            // The longest says most; of two alike the later one has replaced the other.
            let origins = self.origins.iter().filter(|(path, _)| within(path));
            if let Some((_, origin)) = origins.max_by_key(|(path, _)| path.len()) {
                problem.path.clone_from(origin);
            }
        }
    }
}

/// The document in a text, if it is one and no Classic definition.
pub fn document(text: &str) -> Option<Value> {
    if !["\"openapi\"", "\"swagger\""].iter().any(|word| text.contains(word)) {
        return None;
    }
    let root: Value = serde_json::from_str(text).ok()?;
    (is_oas(|name| root.get(name)) && root.get("proxy").is_none()).then_some(root)
}

/// Converts a document. `place` names it in messages.
///
/// # Errors
/// What it lacks or has of the wrong type.
pub fn convert(root: &Value, place: &str) -> Result<Converted, Vec<Fault>> {
    let notes = Notes::default();
    let document = Node::new(Some(root), "", &notes);
    let extension = document.member(EXTENSION);
    if !extension.exists() {
        return Err(vec![schema::no_extension()]);
    }
    let mut faults = schema::document(&document, root);
    faults.extend(schema::extension(&extension));
    let mut draft = Draft::default();
    fill(root, &document, &extension, &mut draft);
    for pattern in NAMED_ELSEWHERE {
        claim(&extension, pattern);
    }
    faults.extend(notes.faults());
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut problems: Vec<Problem> = draft
        .remarks
        .iter()
        .map(|(path, message)| Problem::warning(place, path.as_str(), message.as_str()))
        .collect();
    if let Some(own) = root.get(EXTENSION) {
        let unused = notes.unused(own, EXTENSION).into_iter();
        problems.extend(unused.map(|path| Problem::warning(place, path, "unknown member, it has no effect")));
    }
    let (classic, origins) = draft.finish();
    let definition: ApiDefinition = serde_path_to_error::deserialize(classic).map_err(|error| {
        let path = error.path().to_string();
        vec![Fault::new(origin(&origins, &path), error.into_inner().to_string())]
    })?;
    check_id(&definition, place).map_err(|problem| vec![Fault::new("info.dbId", problem.message)])?;
    Ok(Converted { definition, problems, origins })
}

fn fill(root: &Value, document: &Node<'_>, extension: &Node<'_>, draft: &mut Draft) {
    draft.put("is_oas", true, "openapi");
    draft.put("version_data.not_versioned", true, EXTENSION);
    take(tables::EXTENSION, extension, "", draft);
    hooks::versions(&extension.at("info.versioning.versions"), draft);
    let server = extension.member("server");
    take(tables::SERVER, &server, "", draft);
    hooks::events(&server.member("eventHandlers"), draft);
    for name in ["contextVariables", "slug"] {
        let member = server.member(name);
        if member.exists() {
            member.claim();
            draft.remark(&member, "has no effect, in Tyk neither");
        }
    }
    auth::convert(document, extension, draft);
    upstream::convert(&extension.member("upstream"), draft);
    let global = extension.at("middleware.global");
    take(tables::GLOBAL, &global, "", draft);
    hooks::global(&global, draft);
    operations::convert(root, &extension.at("middleware.operations"), draft);
    let own = document.member("x-pinhook");
    if let Some(value) = own.raw() {
        draft.put("pinhook", value, own.path());
    }
}

/// Counts places as looked at; `*` is any member.
fn claim(node: &Node<'_>, pattern: &str) {
    match pattern.split_once(".*.") {
        Some((before, after)) => {
            let places = node.at(before);
            places.members().iter().for_each(|(_, place)| claim(place, after));
        }
        None => node.at(pattern).claim(),
    }
}

fn origin(origins: &[(String, String)], path: &str) -> String {
    let found = origins.iter().filter(|(classic, _)| path.starts_with(classic.as_str()));
    found.max_by_key(|(classic, _)| classic.len()).map_or(path, |(_, origin)| origin).to_owned()
}
