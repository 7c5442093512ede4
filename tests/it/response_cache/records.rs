//! What a hit leaves behind (analytics reference 2.4).

use pinhook::config::SinkKind;

use super::*;

#[tokio::test]
async fn a_hit_is_recorded_with_its_own_path_and_tag() {
    let up = counting("HTTP/1.1 200 OK\r\nX-Up: 1").await;
    let definition = cached("c", &up, json!({})).target_url(format!("{}/base", up.url()));
    let definition = definition.set("enable_detailed_recording", true).set("tags", json!(["mine"]));
    let builder = Gateway::build().api(definition);
    let file = builder.folder().join("records.jsonl");
    let path = file.display().to_string();
    let config = |config: &mut pinhook::config::Config| {
        config.enable_analytics = true;
        config.pinhook.analytics.sink = SinkKind::File;
        config.pinhook.analytics.path = path;
    };
    let gateway = builder.config(config).start().await;
    gateway.get("/c/a").send().await;
    stored(&gateway, "c", 1).await;
    assert!(is_hit(&gateway.get("/c/a").send().await));
    gateway.stop().await;

    let text = std::fs::read_to_string(&file).unwrap();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [first, hit] = records.as_slice() else { panic!("{records:#?}") };
    assert_eq!((&first["path"], &first["tags"]), (&json!("/base/a"), &json!(["mine", "org-org", "api-c"])));
    assert_eq!(hit["tags"], json!(["mine", "cached-response", "org-org", "api-c"]));
    assert_eq!(
        (&hit["path"], &hit["raw_path"], &hit["response_code"]),
        (&json!("/c/a"), &json!("/c/a"), &json!(200))
    );
    assert_eq!(hit["latency"]["upstream"], 0);
    let image = STANDARD.decode(hit["raw_response"].as_str().unwrap()).unwrap();
    let limits = "X-Ratelimit-Limit: 0\r\nX-Ratelimit-Remaining: 0\r\nX-Ratelimit-Reset: 0\r\n";
    let expected = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n{limits}X-Tyk-Cached-Response: 1\r\nX-Up: 1\r\n\r\nanswer 0"
    );
    assert_eq!(String::from_utf8(image).unwrap(), expected);
}
