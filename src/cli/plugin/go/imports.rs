//! Imports of Tyk that no stand-in answers: what the go command says of them, in words that help.

use std::{collections::BTreeSet, fmt::Write as _};

use super::sources::SOURCES;

/// Modules whose packages are stand-ins or nothing, with their folders among the stand-ins.
const MODULES: &[(&str, &str)] =
    &[("github.com/TykTechnologies/tyk", "tyk"), ("github.com/TykTechnologies/tyk-pump", "tyk-pump")];

/// What to do about a package, by the beginning of its path. The first that fits holds.
const REMEDIES: &[(&str, &str)] = &[
    (
        "github.com/TykTechnologies/tyk/gateway",
        "the inside of Tyk's gateway; hooks reach session, definition, store and log by ctx, storage and log",
    ),
    (
        "github.com/TykTechnologies/tyk/coprocess",
        "messages of gRPC plugins; a gRPC server is built with `go build` and runs beside the gateway (docs/grpc.md)",
    ),
    (
        "github.com/TykTechnologies/tyk/trace",
        "spans of Tyk's process; leave them out, or import OpenTelemetry's packages",
    ),
    ("github.com/TykTechnologies/tyk/test", "Tyk's test helpers; keep them in files that end in _test.go"),
    (
        "github.com/TykTechnologies/tyk/internal",
        "Go lets no other module import it; copy what the plugin needs of it",
    ),
    ("github.com/TykTechnologies/tyk-pump", "the pump itself; of it there is the record type alone"),
    ("", "only Tyk's own process can use it; take the import out, or copy what the plugin needs of it"),
];

/// The packages of Tyk that the go command did not find, each with its remedy, and those that there are; nothing if it
/// missed none of them.
pub(super) fn unanswered(said: &str) -> Option<(String, String)> {
    let there: BTreeSet<String> = SOURCES.iter().filter_map(|(path, _)| package(path)).collect();
    let missing: BTreeSet<&str> = said
        .split(|c: char| c.is_whitespace() || matches!(c, ':' | '"' | ';' | ',' | '@'))
        .filter(|word| MODULES.iter().any(|(module, _)| *word == *module || inside(word, module)))
        .filter(|word| !there.contains(*word) && said.contains(&format!("package {word}")))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let mut text = "it imports packages of Tyk that pinhook has no stand-in for:".to_owned();
    for package in missing {
        let remedy = REMEDIES
            .iter()
            .find(|(start, _)| start.is_empty() || package == *start || inside(package, start));
        let _ = write!(text, "\n{package}: {}", remedy.map(|(_, remedy)| *remedy).unwrap_or_default());
    }
    let there: Vec<&str> =
        there.iter().filter_map(|path| path.strip_prefix("github.com/TykTechnologies/")).collect();
    Some((text, format!("there are github.com/TykTechnologies/{{{}}}", there.join(", "))))
}

fn inside(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.starts_with('/'))
}

/// The import path of a stand-in's file.
fn package(file: &str) -> Option<String> {
    let (folder, _) = file.rsplit_once('/')?;
    let (module, folder) = MODULES.iter().find_map(|(module, name)| {
        let rest = folder.strip_prefix(name)?.strip_prefix('/')?;
        Some((module, rest))
    })?;
    Some(format!("{module}/{folder}"))
}
