use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::plain;
use crate::definition::{Identity, LoadOptions, Loaded, Secrets, Source, load_dir};

const PORT: u16 = 8080;

pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

pub(super) fn load(folder: &Path) -> Loaded {
    load_with(folder, &|_| None)
}

pub(super) fn load_with(folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Loaded {
    load_again(folder, env, &HashMap::new())
}

fn load_again(
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    known: &HashMap<PathBuf, Arc<Source>>,
) -> Loaded {
    let values =
        BTreeMap::from([("a".to_owned(), "short".to_owned()), ("ab".to_owned(), "lo\"ng".to_owned())]);
    let secrets = Secrets { env, values: &values, file_base: Some(folder.join("kv")) };
    load_dir(folder, &LoadOptions { secrets, gateway_port: PORT, known })
}

pub(super) fn api(id: &str) -> Value {
    let mut api = plain();
    api["api_id"] = json!(id);
    api
}

fn ids(loaded: &Loaded) -> Vec<&str> {
    loaded.definitions.iter().map(|source| source.definition.api_id.as_str()).collect()
}

/// The message of the only broken file.
fn fault(api: &Value) -> String {
    let folder = folder(&[("x.json", &api.to_string())]);
    let loaded = load(folder.path());
    assert!(loaded.definitions.is_empty(), "{api}");
    loaded.broken[0].problems[0].to_string()
}

#[test]
fn json_files_of_one_level_by_name() {
    let (one, two) = (api("one").to_string(), api("two").to_string());
    let folder = folder(&[("b.json", &one), ("a.json", &two), ("c.txt", &one), ("d.JSON", &one)]);
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("sub/e.json"), api("deep").to_string()).unwrap();
    let loaded = load(folder.path());
    assert_eq!(ids(&loaded), ["two", "one"]);
    assert!(loaded.all_problems().next().is_none());
}

#[test]
fn a_folder_that_cannot_be_read_is_a_problem() {
    let loaded = load(Path::new("/nowhere/apps"));
    assert!(loaded.problems[0].message.starts_with("cannot read the folder of definitions"));
}

#[test]
fn a_bad_file_does_not_keep_the_others() {
    let folder = folder(&[
        ("bad1.json", "{not json"),
        ("bad2.json", r#"{"api_id":"b","listen_port":"x"}"#),
        ("ok.json", &api("ok").to_string()),
    ]);
    fs::write(folder.path().join("bad3.json"), b"{\"name\":\n\"\xff\"}").unwrap();
    fs::create_dir(folder.path().join("bad4.json")).unwrap();
    let loaded = load(folder.path());
    assert_eq!(ids(&loaded), ["ok"]);
    let messages: Vec<_> = loaded.broken.iter().map(|broken| broken.problems[0].to_string()).collect();
    assert!(messages[0].contains("bad1.json:1: not valid JSON at column 2"), "{messages:?}");
    assert!(messages[1].contains("bad2.json:1: listen_port: invalid type"), "{messages:?}");
    assert!(messages[2].contains("not UTF-8") && messages[2].contains("line 2"), "{messages:?}");
    assert!(messages[3].contains("cannot read the file"), "{messages:?}");
    for broken in &loaded.broken {
        assert_eq!(broken.identity(), Identity::File(broken.path.clone()));
    }
}

#[test]
fn the_first_of_two_equal_ids_stays() {
    let folder = folder(&[("a.json", &api("same").to_string()), ("b.json", &api("same").to_string())]);
    let loaded = load(folder.path());
    assert_eq!(ids(&loaded), ["same"]);
    assert!(loaded.definitions[0].path.ends_with("a.json"));
    let problem = &loaded.broken[0].problems[0];
    assert!(problem.place.ends_with("b.json"));
    assert_eq!(problem.path, "api_id");
    assert!(problem.message.contains("a.json already"), "{problem}");
}

#[test]
fn an_id_stands_for_a_definition_and_a_file_for_one_without() {
    let mut empty = api("");
    empty["proxy"]["listen_path"] = json!("");
    let mut named = api("n");
    named["proxy"]["listen_path"] = json!("");
    let folder = folder(&[
        ("a.json", &api("x").to_string()),
        ("b.json", &api("").to_string()),
        ("c.json", &api("").to_string()),
        ("d.json", &empty.to_string()),
        ("e.json", &named.to_string()),
    ]);
    let loaded = load(folder.path());
    let file = |name: &str| Identity::File(folder.path().join(name));
    let served: Vec<_> = loaded.definitions.iter().map(|source| source.identity()).collect();
    assert_eq!(served, [Identity::Id("x".into()), file("b.json"), file("c.json")]);
    let broken: Vec<_> = loaded.broken.iter().map(|broken| broken.identity()).collect();
    assert_eq!(broken, [file("d.json"), Identity::Id("n".into())]);
}

#[test]
fn what_cannot_be_routed_is_left_out_with_its_path() {
    for (path, value, said) in [
        ("/proxy/listen_path", json!(""), "proxy.listen_path: the listen path is empty"),
        ("/proxy/listen_path", json!("/a b"), "proxy.listen_path: a listen path may not hold a space"),
        ("/proxy/listen_path", json!("/{x"), "proxy.listen_path: unbalanced braces"),
        ("/proxy/target_url", json!("http://a b/"), "proxy.target_url: "),
        ("/proxy/target_url", json!("10.0.0.1:80"), "proxy.target_url: "),
        ("/protocol", json!("tcp"), "listen_port: missing listening port"),
        ("/listen_port", json!(70_000), "listen_port: 70000 is no port"),
        ("/domain", json!("{a"), "domain: unbalanced braces"),
    ] {
        let message = fault(&super::with(path, value));
        assert!(message.contains(said) && message.contains("not served"), "{message}");
    }
    let mut tcp = super::with("/protocol", json!("tls"));
    tcp["listen_port"] = json!(PORT);
    assert!(fault(&tcp).contains("port 8080 is the gateway's own"));
    tcp["listen_port"] = json!(9000);
    assert!(fault(&tcp).contains("tls services are not built yet"));
    let bare = fault(&json!({ "openapi": "3.0.3", "paths": {} }));
    assert!(bare.contains("the payload should contain x-tyk-api-gateway: this API is not served"), "{bare}");
}

#[test]
fn companions_are_not_definitions() {
    let oas = r#"{"openapi":"3.0.3","info":{},"paths":{}}"#;
    let mut twin = api("twin");
    twin["is_oas"] = json!(true);
    let folder = folder(&[
        ("x.json", &twin.to_string()),
        ("x-oas.json", oas),
        ("lone-oas.json", &api("lone").to_string()),
        ("y.json", &api("y").to_string()),
        ("y-mcp.json", &api("plain-mcp").to_string()),
        ("z-oas.json", oas),
    ]);
    let loaded = load(folder.path());
    assert_eq!(ids(&loaded), ["lone", "twin", "plain-mcp", "y"]);
    assert_eq!(loaded.broken.len(), 1);
    assert!(loaded.broken[0].path.ends_with("z-oas.json"));
}

#[test]
fn the_checksum_follows_the_text_and_its_secrets() {
    let mut secret = api("s");
    secret["proxy"]["target_url"] = json!("http://env://HOST");
    let folder = folder(&[("s.json", &secret.to_string())]);
    let sum = |host: &str| load_with(folder.path(), &|_| Some(host.to_owned())).definitions[0].checksum;
    assert_eq!(sum("one.test"), sum("one.test"));
    assert_ne!(sum("one.test"), sum("two.test"));
}

#[test]
fn references_become_their_values() {
    let mut api = api("s");
    api["config_data"] = json!({
        "env": "env://NAME", "quoted": "env://QUOTE", "inside": "x $kv{env:name} y", "kv": "kv://env/name",
        "long": "secrets://ab", "short": "secrets://a", "file": "file://dir/key", "kvfile": "$kv{file:dir/key}",
    });
    api["proxy"]["target_url"] = json!("http://env://HOST");
    api["proxy"]["listen_path"] = json!("$kv{env:listen}");
    let folder = folder(&[("s.json", &api.to_string())]);
    fs::create_dir_all(folder.path().join("kv/dir")).unwrap();
    fs::write(folder.path().join("kv/dir/key"), "from file\n").unwrap();
    let env = |name: &str| {
        let value = match name {
            "NAME" => "plain",
            "QUOTE" => "a\"b\\c",
            "HOST" => "up.test",
            "TYK_SECRET_NAME" => "prefixed",
            "TYK_SECRET_LISTEN" => "x/../listen/",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let loaded = load_with(folder.path(), &env);
    let source = &loaded.definitions[0];
    assert_eq!(
        Value::Object(source.definition.config_data.clone()),
        json!({
            "env": "plain", "quoted": "a\"b\\c", "inside": "x prefixed y", "kv": "prefixed",
            "long": "lo\"ng", "short": "short", "file": "from file", "kvfile": "from file",
        })
    );
    assert_eq!(source.definition.proxy.target_url, "http://up.test");
    assert_eq!(source.definition.proxy.listen_path, "/listen/");
    assert!(source.problems.is_empty(), "{:?}", source.problems);
}

#[test]
fn references_without_a_value_stay_and_are_named() {
    let text = json!({
        "config_data": {
            "a": "env://NOPE", "b": "secrets://nope", "c": "consul://k", "d": "vault://k", "e": "file:///etc/hosts",
            "f": "file://../x.json", "g": "file://nope", "h": "kv://env/nope", "i": "$kv{env:nope}", "j": "kv://odd"
        }
    });
    let mut api = api("s");
    api["config_data"] = text["config_data"].clone();
    let pretty = serde_json::to_string_pretty(&api).unwrap();
    let folder = folder(&[("s.json", &pretty)]);
    let loaded = load(folder.path());
    let source = &loaded.definitions[0];
    assert_eq!(Value::Object(source.definition.config_data.clone()), text["config_data"]);
    assert_eq!(source.problems.len(), 10, "{:?}", source.problems);
    for problem in &source.problems {
        let line = pretty.lines().nth(problem.line.unwrap() - 1).unwrap();
        let reference = problem.message.split(' ').next().unwrap();
        assert!(line.contains(reference), "{problem}: {line}");
    }
}

#[test]
fn the_target_is_resolved_once_more_by_its_prefixed_name() {
    let mut api = api("s");
    api["proxy"]["target_url"] = json!("env://TARGET");
    let folder = folder(&[("s.json", &api.to_string())]);
    let env = |name: &str| (name == "TYK_SECRET_TARGET").then(|| "http://late.test".to_owned());
    assert_eq!(load_with(folder.path(), &env).definitions[0].definition.proxy.target_url, "http://late.test");
}

#[test]
fn only_what_its_text_alone_decides_is_taken_from_the_last_load() {
    let target = |target: &str| {
        let mut api = api(target);
        api["proxy"]["target_url"] = json!(target);
        api.to_string()
    };
    let folder = folder(&[
        ("changed.json", &target("http://changed")),
        ("inside.json", &target("http://env://HOST")),
        ("missing.json", &target("http://env://NONE")),
        ("same.json", &target("http://same")),
    ]);
    let env = |host: &'static str| move |name: &str| (name == "HOST").then(|| host.to_owned());
    let first = load_with(folder.path(), &env("one"));
    assert_eq!(first.definitions.len(), 4, "{:?}", first.broken);
    let known: HashMap<_, _> =
        first.definitions.iter().map(|source| (source.path.clone(), source.clone())).collect();
    fs::write(folder.path().join("changed.json"), target("http://other")).unwrap();

    let second = load_again(folder.path(), &env("two"), &known);

    let same = |name: &str| {
        let find = |loaded: &Loaded| {
            loaded.definitions.iter().find(|source| source.path.ends_with(name)).unwrap().clone()
        };
        Arc::ptr_eq(&find(&first), &find(&second))
    };
    assert!(same("same.json"));
    for changed in ["changed.json", "inside.json", "missing.json"] {
        assert!(!same(changed), "{changed}");
    }
}
