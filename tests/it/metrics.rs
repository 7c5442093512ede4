//! Metrics of a whole gateway, read as Prometheus reads them.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{
    client::Request,
    definition::api,
    free_port,
    gateway::{Gateway, value},
    plugins::build,
    until,
    upstream::Upstream,
};

#[tokio::test]
async fn requests_are_counted_exactly_by_api_method_and_status() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(api("one").target(&upstream))
        .api(api("two").target_url(format!("http://127.0.0.1:{}", free_port())))
        .start()
        .await;
    for (method, path, times) in [
        ("GET", "/one/x", 7),
        ("POST", "/one/x", 3),
        ("PURGE", "/one/x", 2),
        ("GET", "/two/x", 4),
        ("GET", "/none", 5),
    ] {
        for _ in 0..times {
            gateway.request(method, path).send().await;
        }
    }
    for (labels, count) in [
        (r#"api="one",method="GET",status="200""#, 7.0),
        (r#"api="one",method="POST",status="200""#, 3.0),
        (r#"api="one",method="other",status="200""#, 2.0),
        (r#"api="two",method="GET",status="500""#, 4.0),
        (r#"api="",method="GET",status="404""#, 5.0),
    ] {
        let series = format!("pinhook_requests_total{{{labels}}}");
        until(&series, async || gateway.metric(&series) == Some(count)).await;
    }
    assert_eq!(gateway.metric(r#"pinhook_request_duration_seconds_count{api="one"}"#), Some(12.0));
    assert_eq!(gateway.metric(r#"pinhook_upstream_duration_seconds_count{api="one"}"#), Some(12.0));
    assert_eq!(gateway.metric(r#"pinhook_upstream_errors_total{api="two",kind="connection"}"#), Some(4.0));
}

#[tokio::test]
async fn time_is_split_between_upstream_and_gateway() {
    let upstream = Upstream::named("up").await;
    upstream.close();
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut connection = gateway.get("/a/x").start().await;
    until("the request is upstream", async || upstream.count() == 1).await;
    let held = Instant::now();
    until("it waits there", async || held.elapsed() > Duration::from_millis(300)).await;
    upstream.open();
    connection.response().await;
    let sum = |name: &str| gateway.metric(&format!("pinhook_{name}_duration_seconds_sum{{api=\"a\"}}"));
    until("it is counted", async || sum("request").is_some()).await;
    let (total, upstream, own) = (sum("request").unwrap(), sum("upstream").unwrap(), sum("gateway").unwrap());
    assert!(upstream >= 0.29, "{upstream}");
    assert!((total - upstream - own).abs() < 0.001, "{total} {upstream} {own}");
}

#[tokio::test]
async fn hooks_are_counted_with_their_faults() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(api("a").target(&upstream).hook("pre", &build("add_header"), "AddFooHeader"))
        .api(api("b").target(&upstream).hook("post", &build("rough"), "Fails"))
        .start()
        .await;
    for _ in 0..3 {
        gateway.get("/a/x").send().await;
        gateway.get("/b/x").send().await;
    }
    for (labels, calls, errors) in [
        (r#"{api="a",hook="pre",driver="goplugin",function="AddFooHeader"}"#, 3.0, 0.0),
        (r#"{api="b",hook="post",driver="goplugin",function="Fails"}"#, 3.0, 3.0),
    ] {
        assert_eq!(gateway.metric(&format!("pinhook_hook_calls_total{labels}")), Some(calls));
        assert_eq!(gateway.metric(&format!("pinhook_hook_errors_total{labels}")), Some(errors));
        assert_eq!(gateway.metric(&format!("pinhook_hook_duration_seconds_count{labels}")), Some(calls));
    }
    assert_eq!(gateway.metric("pinhook_native_libraries_loaded"), Some(2.0));
}

#[tokio::test]
async fn reloads_and_problems_are_counted() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let counts = || {
        let reloads =
            |result| gateway.metric(&format!(r#"pinhook_reloads_total{{result="{result}"}}"#)).unwrap();
        let errors = gateway.metric(r#"pinhook_config_problems{severity="error"}"#).unwrap();
        (reloads("ok"), reloads("failed"), errors)
    };
    assert_eq!(counts(), (1.0, 0.0, 0.0));
    gateway.write("broken.json", "{");
    gateway.reload().await;
    assert_eq!(counts(), (1.0, 1.0, 1.0));
    fs::remove_file(gateway.file("broken.json")).unwrap();
    gateway.reload().await;
    assert_eq!(counts(), (2.0, 1.0, 0.0));
    assert_eq!(gateway.metric("pinhook_reload_duration_seconds_count"), Some(3.0));
}

#[tokio::test]
async fn series_outlive_a_reload_and_go_with_their_api() {
    let upstream = Upstream::named("up").await;
    let definition = api("a").target(&upstream).hook("pre", &build("add_header"), "AddFooHeader");
    let gateway = Gateway::build().api(definition.clone()).start().await;
    let requests = r#"pinhook_requests_total{api="a",method="GET",status="200"}"#;
    gateway.get("/a/x").send().await;
    until("counted", async || gateway.metric(requests) == Some(1.0)).await;

    gateway.put(&definition.set("config_data", json!({ "new": true })));
    gateway.reload().await;
    gateway.get("/a/x").send().await;
    until("counted on", async || gateway.metric(requests) == Some(2.0)).await;

    fs::remove_file(gateway.file("a.json")).unwrap();
    gateway.reload().await;
    until("gone", async || !gateway.metrics().contains(r#"api="a""#)).await;
}

#[tokio::test]
async fn connections_are_counted_while_they_are_open() {
    let gateway = Gateway::build().start().await;
    let sum = |name: &str| -> f64 {
        let text = gateway.metrics();
        let lines = text.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let mut connections = Vec::new();
    for _ in 0..3 {
        let mut connection = gateway.connect().await;
        connection.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").await;
        connection.response().await;
        connections.push(connection);
    }
    until("three are open", async || sum("pinhook_connections_open") == 3.0).await;
    drop(connections);
    until("none is open", async || sum("pinhook_connections_open") == 0.0).await;
    assert_eq!(sum("pinhook_connections_total"), 3.0);
}

#[tokio::test]
async fn prometheus_finds_them_at_their_address() {
    let upstream = Upstream::named("up").await;
    let builder = Gateway::build().api(api("a").target(&upstream));
    // Another address of this machine: two sockets on port 0 of one address would be the same.
    let gateway = builder
        .config(|config| config.pinhook.metrics_address = Some("127.0.0.2:0".to_owned()))
        .start()
        .await;
    let page = gateway.address_on("127.0.0.2");
    gateway.get("/a/x").send().await;

    let response = Request::new(page, "GET", "/metrics").send().await;

    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = response.text();
    assert_eq!(value(&text, r#"pinhook_requests_total{api="a",method="GET",status="200"}"#), Some(1.0));
    let build = concat!(r#"pinhook_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""}"#);
    assert_eq!(value(&text, build), Some(1.0));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let number = line.rsplit(' ').next().unwrap();
        assert!(number.parse::<f64>().is_ok(), "{line}");
    }
    assert_eq!(Request::new(page, "GET", "/").send().await.status, 404);
    assert_eq!(gateway.get("/metrics").send().await.status, 404, "not on the traffic port");
}
