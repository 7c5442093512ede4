use std::{sync::Arc, thread, time::Duration};

use http::Method;

use super::*;
use crate::error::{Problem, UpstreamError};

const FAST: Times =
    Times { total: Duration::from_micros(1_500), upstream: Some(Duration::from_micros(1_300)) };

fn metrics() -> Arc<Metrics> {
    Metrics::new(true).unwrap()
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|found| found == line)
}

#[test]
fn a_request_is_counted_by_api_method_and_status() {
    let metrics = metrics();
    let api = metrics.api("a");
    api.request(&Method::GET, 200, FAST);
    api.request(&Method::GET, 200, FAST);
    api.request(&Method::from_bytes(b"PURGE").unwrap(), 999, FAST);
    let text = metrics.render();
    assert!(has(&text, r#"pinhook_requests_total{api="a",method="GET",status="200"} 2"#), "{text}");
    assert!(has(&text, r#"pinhook_requests_total{api="a",method="other",status="other"} 1"#), "{text}");
}

#[test]
fn times_are_split_between_upstream_and_gateway() {
    let metrics = metrics();
    let api = metrics.api("a");
    api.request(&Method::GET, 200, FAST);
    api.request(&Method::GET, 403, Times { total: Duration::from_secs(60), upstream: None });
    let text = metrics.render();
    for line in [
        r#"pinhook_request_duration_seconds_bucket{api="a",le="0.001"} 0"#,
        r#"pinhook_request_duration_seconds_bucket{api="a",le="0.0025"} 1"#,
        r#"pinhook_request_duration_seconds_bucket{api="a",le="30"} 1"#,
        r#"pinhook_request_duration_seconds_bucket{api="a",le="+Inf"} 2"#,
        r#"pinhook_request_duration_seconds_sum{api="a"} 60.001500"#,
        r#"pinhook_request_duration_seconds_count{api="a"} 2"#,
        r#"pinhook_upstream_duration_seconds_count{api="a"} 1"#,
        r#"pinhook_gateway_duration_seconds_bucket{api="a",le="0.0001"} 0"#,
        r#"pinhook_gateway_duration_seconds_bucket{api="a",le="0.00025"} 1"#,
        r#"pinhook_gateway_duration_seconds_sum{api="a"} 60.000200"#,
    ] {
        assert!(has(&text, line), "{line} not in\n{text}");
    }
}

#[test]
fn every_status_is_counted_exactly_under_contention() {
    let metrics = metrics();
    let api = metrics.api("a");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for status in 100..600 {
                    api.request(&Method::POST, status, FAST);
                }
            });
        }
    });
    let text = metrics.render();
    for status in 100..600 {
        let line = format!(r#"pinhook_requests_total{{api="a",method="POST",status="{status}"}} 4"#);
        assert!(has(&text, &line), "{line}");
    }
}

#[test]
fn generations_of_an_api_share_series_and_the_last_takes_them_along() {
    let metrics = metrics();
    let old = metrics.api("a");
    old.request(&Method::GET, 200, FAST);
    let new = metrics.api("a");
    drop(old);
    new.request(&Method::GET, 200, FAST);
    assert!(has(&metrics.render(), r#"pinhook_requests_total{api="a",method="GET",status="200"} 2"#));
    drop(new);
    assert!(!metrics.render().contains(r#"api="a""#));
}

#[test]
fn an_api_without_traffic_prints_nothing() {
    let metrics = metrics();
    let _idle = metrics.api("idle");
    assert!(!metrics.render().contains("idle"));
}

#[test]
fn labels_by_api_can_be_switched_off() {
    let metrics = Metrics::new(false).unwrap();
    let (a, b) = (metrics.api("a"), metrics.api("b"));
    a.request(&Method::GET, 200, FAST);
    b.request(&Method::GET, 200, FAST);
    let text = metrics.render();
    assert!(has(&text, r#"pinhook_requests_total{api="",method="GET",status="200"} 2"#), "{text}");
}

#[test]
fn label_values_are_escaped() {
    let metrics = metrics();
    let api = metrics.api("a\"b\\c\nd");
    api.request(&Method::GET, 200, FAST);
    assert!(metrics.render().contains(r#"api="a\"b\\c\nd""#));
}

#[test]
fn upstream_faults_are_counted_by_kind() {
    let metrics = metrics();
    let api = metrics.api("a");
    api.upstream_fault(&UpstreamError::Timeout("slow".into()));
    assert!(has(&metrics.render(), r#"pinhook_upstream_errors_total{api="a",kind="timeout"} 1"#));
}

#[test]
fn hook_calls_are_counted_and_timed() {
    let metrics = metrics();
    let labels =
        HookLabels { api: "a".into(), hook: "pre", driver: "goplugin", function: "AddHeader".into() };
    let hook = metrics.hook(labels.clone());
    hook.call(Duration::from_micros(40), false);
    hook.call(Duration::from_secs(2), true);
    let text = metrics.render();
    let series = r#"{api="a",hook="pre",driver="goplugin",function="AddHeader""#;
    for line in [
        format!("pinhook_hook_calls_total{series}}} 2"),
        format!("pinhook_hook_errors_total{series}}} 1"),
        format!(r#"pinhook_hook_duration_seconds_bucket{series},le="0.00005"}} 1"#),
        format!("pinhook_hook_duration_seconds_count{series}}} 2"),
    ] {
        assert!(has(&text, &line), "{line} not in\n{text}");
    }
    drop(hook);
    assert!(!metrics.render().contains("AddHeader"));
}

#[test]
fn process_wide_metrics_are_printed() {
    let metrics = metrics();
    metrics.listener("8080").accepted.inc();
    metrics.listener("8080").open.inc();
    metrics.analytics().dropped(DropReason::QueueFull, 3);
    metrics.config().reloaded(true, Duration::from_millis(5));
    metrics.config().problems(&[Problem::error("f", "", "m"), Problem::warning("f", "", "m")]);
    let text = metrics.render();
    for line in [
        r#"pinhook_connections_total{listener="8080"} 1"#,
        r#"pinhook_connections_open{listener="8080"} 1"#,
        r#"pinhook_analytics_records_dropped_total{reason="queue_full"} 3"#,
        r#"pinhook_reloads_total{result="ok"} 1"#,
        r#"pinhook_reloads_total{result="failed"} 0"#,
        r#"pinhook_reload_duration_seconds_count 1"#,
        r#"pinhook_config_problems{severity="error"} 1"#,
        r#"pinhook_config_problems{severity="warning"} 1"#,
        concat!(r#"pinhook_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
    ] {
        assert!(has(&text, line), "{line} not in\n{text}");
    }
}

#[test]
fn the_memory_of_five_thousand_apis_is_bounded() {
    assert!(size_of::<ApiMetrics>() <= 48, "{}", size_of::<ApiMetrics>());
}
