//! Policies from files.

use std::path::Path;

use tempfile::TempDir;

use super::super::{Policies, load::LoadedPolicies};
use crate::{config::Config, error::Problem};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn from_folder(path: &Path) -> LoadedPolicies {
    let mut config = Config::default();
    config.policies.policy_path = path.display().to_string();
    Policies::load(&config).unwrap()
}

fn from_map(text: &str) -> Result<LoadedPolicies, Problem> {
    let folder = folder(&[("policies.json", text)]);
    let mut config = Config::default();
    config.policies.policy_record_name = folder.path().join("policies.json").display().to_string();
    Policies::load(&config)
}

fn messages(loaded: &LoadedPolicies) -> Vec<&str> {
    loaded.problems.iter().map(|problem| problem.message.as_str()).collect()
}

#[test]
fn a_folder_has_a_policy_per_file() {
    let folder = folder(&[
        (
            "a.json",
            r#"{ "id": "one", "org_id": "o", "quota_max": 1, "access_rights": { "x": { "limit": null } } }"#,
        ),
        ("b.json", r#"{ "_id": "5e9d9544a1dcd60001d0ed20", "org_id": "o" }"#),
        ("c.json", r#"{ "_id": { "$oid": "5e9d9544a1dcd60001d0ed21" }, "org_id": "o" }"#),
        ("d.json", r#"{ "org_id": "o" }"#),
        ("e.json", r#"{ "id": "broken" "#),
        ("f.json", r#"{ "id": "typed", "quota_max": "many" }"#),
        ("readme.txt", "no policy"),
    ]);
    let loaded = from_folder(folder.path());
    assert_eq!(loaded.policies.get("o", "one").unwrap().quota_max, 1);
    assert!(loaded.policies.get("other", "one").is_none());
    for id in ["5e9d9544a1dcd60001d0ed20", "5e9d9544a1dcd60001d0ed21"] {
        assert_eq!(loaded.policies.by_id(id).unwrap().id, id);
    }
    assert_eq!(loaded.policies.iter().count(), 3);
    let problems: Vec<_> = loaded
        .problems
        .iter()
        .map(|problem| (problem.place.rsplit('/').next().unwrap(), &*problem.path))
        .collect();
    assert_eq!(problems, [("d.json", ""), ("e.json", ""), ("f.json", "quota_max")]);
    assert!(messages(&loaded)[0].contains("neither id nor _id"));
}

#[test]
fn a_missing_folder_is_named_and_gives_nothing() {
    let loaded = from_folder(Path::new("/nowhere/at/all"));
    assert_eq!(loaded.policies.iter().count(), 0);
    assert!(messages(&loaded)[0].starts_with("cannot be read"), "{:?}", loaded.problems);
}

#[test]
fn the_key_of_a_map_file_is_the_id() {
    let loaded = from_map(
        r#"{ "one": { "id": "other", "org_id": "o" }, "two": { "org_id": "o" }, "": { "id": "own", "org_id": "o" } }"#,
    )
    .unwrap();
    for id in ["one", "two", "own"] {
        assert!(loaded.policies.get("o", id).is_some(), "{id}");
    }
    assert!(loaded.policies.get("o", "other").is_none());
}

#[test]
fn a_broken_map_file_stops_the_load() {
    for text in ["{", "[]", r#"{ "a": { "rate": "fast" } }"#, r#"{ "a": {} } x"#] {
        assert!(from_map(text).is_err(), "{text}");
    }
    let problem = from_map(r#"{ "a": { "rate": "fast" } }"#).unwrap_err();
    assert_eq!((problem.path.as_str(), problem.line), ("a.rate", Some(1)));
    let mut config = Config::default();
    config.policies.policy_record_name = "/nowhere/policies.json".to_owned();
    assert!(Policies::load(&config).is_err());
}

#[test]
fn doubles_and_unknown_members_are_named() {
    let folder = folder(&[
        ("a.json", r#"{ "id": "one", "org_id": "o", "quota_max": 1 }"#),
        ("b.json", r#"{ "id": "one", "org_id": "o", "quota_max": 2, "qouta": 3 }"#),
    ]);
    let loaded = from_folder(folder.path());
    assert_eq!(loaded.policies.get("o", "one").unwrap().quota_max, 2, "the later one counts");
    assert_eq!(
        loaded.problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(),
        ["qouta", ""]
    );
    assert!(messages(&loaded)[1].contains("takes the place"));
}

#[test]
fn no_source_is_no_policy() {
    let loaded = Policies::load(&Config::default()).unwrap();
    assert_eq!((loaded.policies.iter().count(), loaded.problems.len()), (0, 0));
}
