//! `analytics_plugin` in a whole gateway: what a native hook makes of the records of its API, and of no other.

use std::{fs, path::Path};

use pinhook::config::{Config, SinkKind};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    definition::{Definition, api},
    gateway::Gateway,
    plugins::{build, temporary},
    upstream::Upstream,
};

/// A file for records.
struct Records(TempDir);

impl Records {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn config(&self) -> impl FnOnce(&mut Config) {
        let path = self.0.path().join("records.jsonl").display().to_string();
        |config| {
            config.enable_analytics = true;
            config.pinhook.analytics.sink = SinkKind::File;
            config.pinhook.analytics.path = path;
        }
    }

    fn read(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.0.path().join("records.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The one record of an API.
    fn of(&self, api_id: &str) -> Value {
        let records = self.read();
        let mut found = records.iter().filter(|record| record["api_id"] == api_id);
        let record = found.next().unwrap_or_else(|| panic!("no record of {api_id} in {records:#?}"));
        assert!(found.next().is_none(), "{records:#?}");
        record.clone()
    }
}

fn with_hook(id: &str, upstream: &Upstream, library: &Path, function: &str) -> Definition {
    let plugin = json!({ "enable": true, "plugin_path": library, "func_name": function });
    api(id).target(upstream).set("analytics_plugin", plugin)
}

fn has_tag(record: &Value, tag: &str) -> bool {
    record["tags"].as_array().unwrap().iter().any(|found| found == tag)
}

#[tokio::test]
async fn a_hook_edits_the_records_of_its_api_alone() {
    let (records, upstream) = (Records::new(), Upstream::named("up").await);
    let off = json!({ "enable": false, "plugin_path": build("anonymise"), "func_name": "Anonymise" });
    let gateway = Gateway::build()
        .config(records.config())
        .api(with_hook("hidden", &upstream, &build("anonymise"), "Anonymise"))
        .api(with_hook("waits", &upstream, &build("rough"), "EditsRecord").set("tags", json!(["old"])))
        .api(api("plain").target(&upstream))
        .api(api("off").target(&upstream).set("analytics_plugin", off))
        .start()
        .await;
    for id in ["hidden", "waits", "plain", "off"] {
        assert_eq!(gateway.get(&format!("/{id}/x")).send().await.text(), "up");
    }
    let calls = r#"{api="hidden",hook="analytics",driver="goplugin",function="Anonymise"}"#;
    gateway.stop().await;
    assert_eq!(gateway.metric(&format!("pinhook_hook_calls_total{calls}")), Some(1.0));

    let hidden = records.of("hidden");
    assert_eq!((hidden["ip_address"].as_str(), has_tag(&hidden, "anonymised")), (Some("127.0.0.0"), true));
    assert!(has_tag(&hidden, "api-hidden"), "the last tags are still added: {hidden}");
    let waits = records.of("waits");
    assert_eq!(
        (waits["response_code"].as_i64(), waits["alias"].as_str()),
        (Some(418), Some(r#"Some("/x") Some(200)"#))
    );
    assert!(
        has_tag(&waits, "was old") && !has_tag(&waits, "old"),
        "the API's own tags are the hook's to take"
    );
    for id in ["plain", "off"] {
        let record = records.of(id);
        assert_eq!(
            (record["ip_address"].as_str(), has_tag(&record, "anonymised")),
            (Some("127.0.0.1"), false)
        );
    }
}

#[tokio::test]
async fn a_hook_that_fails_or_is_missing_leaves_records_as_they_were() {
    let (records, upstream) = (Records::new(), Upstream::named("up").await);
    let gateway = Gateway::build()
        .config(records.config())
        .config(|config| config.pinhook.plugin_timeout_ms = 300)
        .api(with_hook("panics", &upstream, &build("rough"), "SpoilsRecord"))
        .api(with_hook("hangs", &upstream, &build("rough"), "HangsOnRecord"))
        .api(with_hook("gone", &upstream, Path::new("/nowhere/gone.so"), "Anonymise"))
        .start()
        .await;
    for id in ["panics", "hangs", "gone"] {
        assert_eq!(gateway.get(&format!("/{id}/x")).send().await.text(), "up", "the request does not notice");
    }
    let report = gateway.reload().await;
    let named: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert!(
        named.iter().any(|problem| problem.contains("analytics_plugin") && problem.contains("no such file")),
        "{named:?}"
    );
    gateway.stop().await;
    for id in ["panics", "hangs", "gone"] {
        let record = records.of(id);
        assert_eq!(
            (record["path"].as_str(), record["response_code"].as_i64()),
            (Some("/x"), Some(200)),
            "{id}"
        );
    }
}

#[tokio::test]
async fn new_code_counts_after_a_reload_and_broken_code_does_not() {
    let (records, upstream) = (Records::new(), Upstream::named("up").await);
    let library = temporary("records_in_place.so");
    fs::copy(build("rough"), &library).unwrap();
    let gateway = Gateway::build()
        .config(records.config())
        .api(with_hook("a", &upstream, &library, "Anonymise"))
        .start()
        .await;
    assert_eq!(gateway.get("/a/before").send().await.status, 200);
    fs::copy(build("anonymise"), temporary("records_new.so")).unwrap();
    fs::rename(temporary("records_new.so"), &library).unwrap();
    gateway.reload().await;
    assert_eq!(gateway.get("/a/after").send().await.status, 200);
    fs::write(&library, "no library").unwrap();
    gateway.reload().await;
    assert_eq!(gateway.get("/a/broken").send().await.status, 200);
    gateway.stop().await;
    let mut seen: Vec<_> = records
        .read()
        .iter()
        .map(|record| (record["path"].as_str().unwrap().to_owned(), has_tag(record, "anonymised")))
        .collect();
    seen.sort();
    let expected = [("/after", true), ("/before", false), ("/broken", true)];
    assert_eq!(seen, expected.map(|(path, edited)| (path.to_owned(), edited)));
}
