use std::{
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
    time::SystemTime,
};

use http::{HeaderValue, Method, Version};
use serde_json::{Value, json};

use super::*;
use crate::{analytics::RecordedApi, chain::Fault, config::AccessLogs, upstream::Target};

fn config(template: &[&str]) -> Config {
    let template = template.iter().map(|name| (*name).to_owned()).collect();
    Config { access_logs: AccessLogs { enabled: true, template }, ..Config::default() }
}

/// The line of a request, under this config.
fn line(config: &Config, json: bool, change: impl FnOnce(&mut Visit<'_>)) -> String {
    let metrics = Metrics::new(true).unwrap();
    let (log, ..) = open(config, json, &metrics, &mut Vec::new()).unwrap();
    let api = RecordedApi { name: "An API".to_owned(), id: "a".to_owned(), ..RecordedApi::default() };
    let target = Target::parse("http://up:80/base").unwrap();
    let agent = HeaderValue::from_bytes(b"a\t\"x\"\xff").unwrap();
    let mut visit = Visit {
        at: SystemTime::UNIX_EPOCH,
        api: &api,
        key: "0123456789",
        client: Some([10, 0, 0, 1].into()),
        host: "gateway",
        method: &Method::GET,
        path: "/base/x",
        original_path: "/a/x",
        protocol: Version::HTTP_11,
        remote: Some(([127, 0, 0, 1], 5000).into()),
        request_id: uuid::Uuid::nil(),
        status: 200,
        total: Duration::from_micros(7_900),
        upstream: Duration::from_micros(5_900),
        target: Some(&target),
        user_agent: Some(&agent),
        fault: None,
        upstream_status: Some(200),
    };
    change(&mut visit);
    String::from_utf8(log.selected.line(&visit)).unwrap()
}

fn parsed(config: &Config, change: impl FnOnce(&mut Visit<'_>)) -> Value {
    serde_json::from_str(&line(config, true, change)).unwrap()
}

#[test]
fn a_line_has_tyks_fields() {
    let mut seen = parsed(&config(&[]), |_| {});
    assert!(seen["time"].as_str().unwrap().contains("19"), "{seen}");
    seen.as_object_mut().unwrap().remove("time");
    let expected = json!({
        "level": "info", "msg": "", "prefix": "access-log",
        "api_id": "a", "api_key": "****6789", "api_name": "An API", "client_ip": "10.0.0.1", "host": "gateway",
        "latency_gateway": 2, "latency_total": 7, "method": "GET", "org_id": "", "original_path": "/a/x",
        "path": "/base/x", "protocol": "HTTP/1.1", "remote_addr": "127.0.0.1:5000",
        "request_id": "00000000-0000-0000-0000-000000000000", "status": 200,
        "upstream_addr": "http://up:80/base/x", "upstream_latency": 5, "user_agent": "a\t\"x\"\u{fffd}",
    });
    assert_eq!(seen, expected);
}

#[test]
fn what_failed_is_named() {
    let fault = Fault { flag: "UCF", details: "upstream connection failed" };
    let seen = parsed(&config(&[]), |visit| {
        (visit.status, visit.fault, visit.upstream_status) = (500, Some(fault), None);
    });
    for (name, value) in [
        ("response_flag", json!("UCF")),
        ("response_code_details", json!(fault.details)),
        ("error_source", json!("ReverseProxy")),
        ("error_target", json!("up:80")),
        ("upstream_status", Value::Null),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
    let seen = parsed(&config(&[]), |visit| visit.upstream_status = Some(503));
    assert_eq!((&seen["response_flag"], &seen["upstream_status"]), (&json!("URS"), &json!(503)));
}

#[test]
fn a_template_picks_fields_and_its_mistakes_are_named() {
    let config = config(&["status", "path", "prefix", "trace_id", "stauts"]);
    assert!(
        line(&config, false, |_| {}).ends_with(" level=info prefix=access-log path=/base/x status=200\n")
    );
    let mut problems = Vec::new();
    assert!(open(&config, true, &Metrics::new(true).unwrap(), &mut problems).is_some());
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["access_logs.template[3]", "access_logs.template[4]"]);
}

#[test]
fn text_is_quoted_where_it_has_to_be_and_stays_one_line() {
    let text = line(&config(&["user_agent", "host", "api_name"]), false, |visit| visit.host = "");
    let expected = " api_name=\"An API\" host=\"\" user_agent=\"a\\t\\\"x\\\"\u{fffd}\"\n";
    assert!(text.ends_with(expected), "{text}");
    let text = line(&config(&["path"]), false, |visit| visit.path = "/a\nlevel=info");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn keys_are_masked_or_hashed_unless_the_config_wants_them_whole() {
    let shown = |hash_keys, enable_key_logging, key: &'static str| {
        let config = Config { hash_keys, enable_key_logging, ..config(&["api_key"]) };
        parsed(&config, |visit| visit.key = key)["api_key"].as_str().unwrap().to_owned()
    };
    assert_eq!(shown(false, false, "abcdef"), "****cdef");
    assert_eq!(shown(false, false, "abcd"), "--");
    assert_eq!(shown(false, false, ""), "--");
    assert_eq!(shown(false, true, "abcdef"), "abcdef");
    assert_eq!(shown(true, true, "hello"), "ef13efcd");
}

#[test]
fn without_the_switch_or_below_the_log_level_there_is_no_log() {
    let metrics = Metrics::new(true).unwrap();
    let mut problems = Vec::new();
    assert!(open(&Config::default(), true, &metrics, &mut problems).is_none());
    assert!(problems.is_empty());
    let quiet = Config { log_level: LogLevel::Warn, ..config(&[]) };
    assert!(open(&quiet, true, &metrics, &mut problems).is_none());
    assert_eq!(problems[0].path, "access_logs.enabled");
}

/// Takes bytes while it is open.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<(bool, Vec<u8>)>>);

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let mut inner = self.0.lock().unwrap();
        if !inner.0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        inner.1.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn queue(log: &AccessLog, lines: usize) {
    let api = RecordedApi::default();
    for _ in 0..lines {
        log.write(&Visit {
            at: SystemTime::now(),
            api: &api,
            key: "",
            client: None,
            host: "h",
            method: &Method::GET,
            path: "/",
            original_path: "/",
            protocol: Version::HTTP_11,
            remote: None,
            request_id: uuid::Uuid::nil(),
            status: 200,
            total: Duration::ZERO,
            upstream: Duration::ZERO,
            target: None,
            user_agent: None,
            fault: None,
            upstream_status: None,
        });
    }
}

#[tokio::test]
async fn a_flush_writes_what_waits_and_a_stuck_output_costs_lines_and_no_time() {
    let metrics = Metrics::new(true).unwrap();
    let (log, writer, flusher) = open(&config(&["status"]), true, &metrics, &mut Vec::new()).unwrap();
    let pipe = Pipe::default();
    pipe.0.lock().unwrap().0 = true;
    let written = || pipe.0.lock().unwrap().1.iter().filter(|byte| **byte == b'\n').count();
    tokio::spawn(writer.run(pipe.clone()));
    queue(&log, 3);
    flusher.flush(Duration::from_secs(5)).await;
    assert_eq!(written(), 3);

    pipe.0.lock().unwrap().0 = false;
    let start = std::time::Instant::now();
    queue(&log, ROOM + 1000);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let dropped = metrics.access_log().dropped.get();
    assert!(dropped >= 1000, "{dropped}");
    flusher.flush(Duration::from_millis(50)).await;
    assert_eq!(written(), 3);

    pipe.0.lock().unwrap().0 = true;
    flusher.flush(Duration::from_secs(5)).await;
    assert_eq!(written() + usize::try_from(dropped).unwrap(), 3 + ROOM + 1000);
    assert_eq!(metrics.access_log().waiting.get(), 0);
}
