//! The access log and the error log of the real program, read from standard error.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    definition::api,
    free_port,
    program::{Builder, Program},
    upstream::Upstream,
};

fn logging(format: &str) -> Builder {
    Program::build().set("log_format", format).set("access_logs", json!({ "enabled": true }))
}

/// The lines of its log after its end.
async fn log_of(mut program: Program) -> Vec<String> {
    program.signal(Signal::TERM);
    assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
    program.log().lines().map(str::to_owned).collect()
}

fn parsed(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[tokio::test]
async fn each_request_of_an_api_is_a_line_and_shares_its_id_with_errors_and_variables() {
    let up = Upstream::named("up").await;
    let headers = json!({ "X-Id": "$tyk_context.request_id" });
    let proxied = api("a")
        .target(&up)
        .set("enable_context_vars", true)
        .set("version_data.versions.Default.global_headers", headers);
    let down = api("down").target_url(format!("http://127.0.0.1:{}", free_port()));
    let program = logging("json").api(proxied).api(down).start().await;
    for (path, status) in [("/a/x?q=1", 200), ("/down/x?secret=1", 500), ("/nowhere", 404)] {
        assert_eq!(program.get(path).send().await.status, status, "{path}");
    }
    let log = parsed(&log_of(program).await);
    let lines: Vec<_> = log.iter().filter(|line| line["prefix"] == "access-log").collect();
    assert_eq!(lines.len(), 2, "{log:#?}");
    // A line is written after its answer, so that of the next connection may come first.
    let of = |api: &str| lines.iter().find(|line| line["api_id"] == api).unwrap();
    let (proxied, down) = (of("a"), of("down"));
    for (line, field, expected) in [
        (proxied, "api_id", json!("a")),
        (proxied, "status", json!(200)),
        (proxied, "path", json!("/x")),
        (proxied, "original_path", json!("/a/x")),
        (proxied, "upstream_addr", json!(format!("http://{}/x", up.authority()))),
        (proxied, "response_flag", Value::Null),
        (down, "status", json!(500)),
        (down, "response_flag", json!("UCF")),
    ] {
        assert_eq!(line[field], expected, "{field}: {line:#}");
    }
    assert_eq!(up.last().header("x-id").as_deref(), proxied["request_id"].as_str());
    let error = log.iter().find(|line| line["message"] == "request failed").unwrap();
    assert_eq!(error["request_id"], down["request_id"]);
    assert_eq!((&error["method"], &error["path"]), (&json!("GET"), &json!("/down/x")));
    assert!(error["error"].as_str().unwrap().starts_with("upstream connection failed: "), "{error:#}");
    assert!(!log.iter().any(|line| line.to_string().contains("secret=1")), "queries may hold keys");
}

#[tokio::test]
async fn text_and_a_template_are_as_the_config_says() {
    let up = Upstream::named("up").await;
    let program = logging("text")
        .set("access_logs", json!({ "enabled": true, "template": ["status", "path"] }))
        .set("track_404_logs", true)
        .api(api("a").target(&up))
        .start()
        .await;
    program.get("/a/x").send().await;
    program.get("/nowhere").send().await;
    let log = log_of(program).await;
    let line = log.iter().find(|line| line.contains("access-log")).unwrap();
    assert!(line.ends_with(" level=info prefix=access-log path=/x status=200"), "{line}");
    let missing = log.iter().find(|line| line.contains("Not Found")).unwrap();
    assert!(missing.contains("GET /nowhere HTTP/1.1"), "{missing}");
}

#[tokio::test]
async fn without_the_switch_nothing_is_logged_of_a_request() {
    let up = Upstream::named("up").await;
    let program = Program::build().api(api("a").target(&up)).start().await;
    program.get("/a/x").send().await;
    program.get("/nowhere").send().await;
    let log = log_of(program).await;
    assert!(!log.iter().any(|line| line.contains("/x") || line.contains("/nowhere")), "{log:#?}");
}
