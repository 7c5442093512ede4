//! The definitions of the recorded cases, if they are here: in `tests/golden`, or beside the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::parse;
use crate::definition::{ApiDefinition, lint};

fn cases() -> Vec<(PathBuf, Value)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        here.join("tests/golden/cases"),
        here.join("../shared/golden/cases"),
        "/work/shared/golden/cases".into(),
    ];
    let Some(folder) = folders.iter().find(|folder| folder.exists()) else { return Vec::new() };
    let mut found = Vec::new();
    for area in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(area.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let case = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            found.push((path, case));
        }
    }
    assert!(found.len() > 400, "{} cases", found.len());
    found
}

/// The Classic texts of a case as the replay tool writes them.
fn definitions(case: &Value) -> Vec<String> {
    let apis = case["apis"].as_array().cloned().unwrap_or_default();
    let classic = apis.into_iter().filter(|api| api.get("raw").is_none());
    classic
        .map(|mut api| api.get_mut("classic").map(Value::take).unwrap_or(api))
        .filter(|api| api.is_object())
        .map(|api| filled(&api.to_string()))
        .collect()
}

fn filled(text: &str) -> String {
    let host = |name: &str, with: &str, text: String| text.replace(&format!("{{{{{name}}}}}"), with);
    let names = ["upstream", "upstream2", "upstream3", "gateway", "dead", "extra", "static"];
    let text = text.replace("{{int:", "{{").to_owned();
    names.iter().fold(text, |text, name| host(name, "http://127.0.0.1:7420", text))
}

fn read(text: &str) -> Option<ApiDefinition> {
    let wanted = !text.contains(r#""listen_port":"x""#);
    match parse(text, "case") {
        Ok(definition) => Some(definition),
        Err(problem) => {
            assert!(!wanted, "{problem}\n{text}");
            None
        }
    }
}

#[test]
fn every_definition_of_every_case_is_read_and_survives() {
    for (path, case) in cases() {
        for text in definitions(&case) {
            let Some(first) = read(&text) else { continue };
            let again = parse(&serde_json::to_string(&first).unwrap(), "again").unwrap();
            assert_eq!(first, again, "{}", path.display());
            let unknown: Vec<_> = lint(&first, "case")
                .problems
                .into_iter()
                .filter(|p| p.message.contains("unknown member"))
                .collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", path.display());
        }
    }
}

#[test]
fn every_definition_of_the_first_stage_is_served() {
    for (path, case) in cases().into_iter().filter(|(_, case)| case["stage"] == 1) {
        for text in definitions(&case) {
            let Some(definition) = read(&text) else { continue };
            let found = lint(&definition, "case");
            assert!(!found.refuses, "{}: {:?}", path.display(), found.problems);
        }
    }
}
