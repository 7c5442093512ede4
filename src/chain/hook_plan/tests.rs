use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::definition;

fn plan_of(root: Value, config: &Config) -> HookPlan {
    let mut all = json!({
        "name": "app", "api_id": "app", "org_id": "org", "use_keyless": true,
        "proxy": { "listen_path": "/app/", "target_url": "http://up" },
        "version_data": { "not_versioned": true, "versions": {
            "Default": { "name": "Default", "use_extended_paths": true }
        } },
    });
    all.as_object_mut().unwrap().extend(root.as_object().unwrap().clone());
    HookPlan::new(&definition::parse(&all.to_string(), "test").unwrap(), config, None)
}

fn names(entries: &[HookEntry]) -> Vec<(&str, bool)> {
    entries.iter().map(|entry| (entry.name.as_str(), entry.require_session)).collect()
}

fn folder(files: &[&str]) -> (tempfile::TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join("app").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let config = Config { middleware_path: folder.path().to_str().unwrap().to_owned(), ..Config::default() };
    (folder, config)
}

#[test]
fn scripts_of_the_folder_come_after_those_of_the_definition() {
    let (_folder, config) = folder(&[
        "pre/b.min.js",
        "pre/a_with_session.js",
        "pre/notes.txt",
        "post/p.js",
        "post_auth/k.js",
        "auth/one.js",
        "auth/two.js",
        "response/r.js",
    ]);
    let wish = json!({ "pre": [{ "name": "own", "path": "own.js" }], "auth_check": { "name": "named" } });
    for driver in ["otto", "javascript"] {
        let mut wish = wish.clone();
        wish["driver"] = driver.into();
        let plan = plan_of(json!({ "custom_middleware": wish }), &config);
        assert_eq!(names(&plan.custom.pre), [("own", false), ("a_with_session", true), ("b", false)]);
        assert_eq!(names(&plan.custom.post), [("p", false)]);
        assert_eq!(names(&plan.custom.post_key_auth), [("k", false)]);
        assert_eq!(plan.custom.auth_check.name, "two", "the last one wins");
        assert!(plan.custom.response.is_empty() && plan.complaints.is_empty());
        assert_eq!(plan.siblings(driver).len(), 6, "each file once");
    }
    for driver in ["lua", "goplugin", ""] {
        let mut wish = wish.clone();
        wish["driver"] = driver.into();
        let plan = plan_of(json!({ "custom_middleware": wish }), &config);
        assert_eq!(names(&plan.custom.pre), [("own", false)], "{driver:?}");
        assert_eq!(plan.custom.auth_check.name, "named");
    }
}

#[test]
fn a_folder_that_cannot_be_read_closes_its_gate() {
    let (folder, config) = folder(&["pre/a.js"]);
    let loops = folder.path().join("app/post");
    std::os::unix::fs::symlink(&loops, &loops).unwrap();
    let plan = plan_of(json!({ "custom_middleware": { "driver": "otto" } }), &config);
    assert_eq!(names(&plan.custom.pre), [("a", false)]);
    assert_eq!(Path::new(&plan.custom.post[0].path), loops, "an entry that cannot be loaded");
    assert!(plan.complaints[0].1.contains("app/post: cannot be read"), "{:?}", plan.complaints);
}

#[test]
fn siblings_are_by_driver_and_in_load_order() {
    let text = |source: &str| STANDARD.encode(source);
    let root = json!({
        "custom_middleware": {
            "driver": "otto",
            "pre": [
                { "name": "p", "path": "p.js" },
                { "name": "again", "path": "p.js" },
                { "name": "off", "path": "off.js", "disabled": true },
                { "name": "l", "path": "l.lua", "pinhook": { "driver": "lua" } },
                { "name": "inline", "code": text("var inline") },
            ],
            "auth_check": { "name": "a", "path": "a.js" },
        },
        "version_data": { "not_versioned": true, "versions": { "Default": {
            "name": "Default", "use_extended_paths": true, "extended_paths": {
                "virtual": [
                    { "path": "/v", "method": "GET", "response_function_name": "v",
                      "function_source_type": "file", "function_source_uri": "v.js" },
                    { "path": "/b", "method": "GET", "response_function_name": "b",
                      "function_source_type": "blob", "function_source_uri": text("function b(){}") },
                    { "path": "/l", "method": "GET", "response_function_name": "w", "pinhook": { "driver": "lua" },
                      "function_source_type": "file", "function_source_uri": "w.lua" },
                ],
                "go_plugin": [
                    { "path": "/g", "method": "GET", "plugin_path": "g.so", "func_name": "G" },
                    { "path": "/j", "method": "GET", "plugin_path": "j.js", "func_name": "j",
                      "pinhook": { "driver": "javascript" } },
                ],
            }
        } } },
    });
    let plan = plan_of(root.clone(), &Config::default());
    let file = |name: &str| Code::File(name.into());
    let text = |source: &str| Code::Text(source.into());
    let otto = [file("v.js"), text("function b(){}"), file("a.js"), file("p.js"), text("var inline")];
    assert_eq!(*plan.siblings("otto"), otto);
    assert_eq!(*plan.siblings("javascript"), [file("j.js")]);
    assert_eq!(*plan.siblings("lua"), [file("w.lua"), file("l.lua")]);
    assert!(plan.siblings("goplugin").is_empty());
    let strict = Config { disable_virtual_path_blobs: true, ..Config::default() };
    assert_eq!(plan_of(root, &strict).siblings("otto").len(), 4, "a forbidden blob is not run either");
}

#[test]
fn a_script_may_be_in_the_file_of_another_entry() {
    let entry = HookEntry { name: "m".into(), ..HookEntry::default() };
    assert_eq!(code_of(&entry, "otto"), Ok(Code::Text("".into())));
    assert_eq!(code_of(&entry, "lua"), Ok(Code::File("".into())));
    let broken = HookEntry { code: "%%".into(), ..entry };
    assert!(code_of(&broken, "otto").unwrap_err().contains("no base64"));
}
