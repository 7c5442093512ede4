//! What hooks see beside the head of a request: bodies, responses, records, reloads; and a plugin that knows none of it.

use std::time::Instant;

use pingora_http::ResponseHeader;
use pinhook::hook::{Needs, RecordPart, ResponsePart, Value};

use super::*;
use crate::support::plugins::{build, build_c, build_example};

fn load_as(kind: HookKind, path: &Path, name: &str) -> Arc<dyn Hook> {
    driver(4)
        .load(&HookSource { kind, ..source(path, name) })
        .unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// An object of a response hook: the upstream said 200.
fn answered(headers: &[(&'static str, &str)], body: Option<&'static str>) -> Box<Object> {
    let mut head = ResponseHeader::build(200, None).unwrap();
    for (name, value) in headers {
        head.append_header(*name, *value).unwrap();
    }
    let mut object = object("/", &[("Asked", "1")]);
    object.body = Some("asked".into());
    object.response = Some(Box::new(ResponsePart { head, body: body.map(Into::into) }));
    object
}

fn response(object: &Object) -> &ResponsePart {
    object.response.as_ref().unwrap()
}

fn values<'a>(object: &'a Object, name: &str) -> Vec<&'a str> {
    response(object).head.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

fn body(object: &Object) -> Option<&str> {
    response(object).body.as_ref().map(|body| std::str::from_utf8(body).unwrap())
}

/// An object of an analytics hook.
fn recorded(address: &str) -> Box<Object> {
    let text = |text: &str| Value::Text(text.to_owned());
    let mut recorded = Object::without_request(object("/", &[]).spec);
    recorded.record = Some(Box::new(RecordPart::new([
        ("path", text("/secret")),
        ("alias", text("")),
        ("ip_address", text(address)),
        ("raw_request", text("aGVhZA==")),
        ("raw_response", text("")),
        ("response_code", Value::Number(200)),
        ("timestamp", Value::Time(1_500_000_000)),
        ("track_path", Value::Flag(false)),
        ("tags", Value::Texts(vec!["old".to_owned()])),
    ])));
    Box::new(recorded)
}

fn field(object: &Object, name: &str) -> String {
    match object.record.as_ref().unwrap().get(name) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Texts(texts)) => texts.join(","),
        Some(Value::Number(number) | Value::Time(number)) => number.to_string(),
        Some(Value::Flag(flag)) => flag.to_string(),
        None => panic!("no {name}"),
    }
}

#[test]
fn flags_say_which_body_a_hook_needs_where() {
    let request = Needs { request_body: true, response_body: false };
    let both = Needs { request_body: true, response_body: true };
    for (kind, needs) in [
        (HookKind::Pre, request),
        (HookKind::Post, request),
        (HookKind::Endpoint, request),
        (HookKind::Response, both),
        (HookKind::Analytics, Needs::NOTHING),
    ] {
        assert_eq!(load_as(kind, &build("rough"), "WantsBodies").needs(), needs, "{kind}");
        assert_eq!(load_as(kind, &build("rough"), "Nothing").needs(), Needs::NOTHING, "{kind}");
    }
}

#[tokio::test]
async fn a_request_body_is_read_and_replaced() {
    let hook = load(&build("rough"), "ShoutsBody");
    for body in ["", "hello \u{e9}", &"x".repeat(1 << 20)] {
        let mut given = object("/", &[]);
        given.body = Some(body.to_owned().into());
        let object = hook.dispatch(HookKind::Pre, given).await.unwrap();
        assert_eq!(object.body.unwrap(), body.to_ascii_uppercase());
    }
    let failure = hook.dispatch(HookKind::Pre, object("/", &[])).await.unwrap_err();
    assert!(failure.object.unwrap().body.is_none(), "where there is no body none can be put");
}

#[tokio::test]
async fn every_function_about_responses_works_from_c() {
    let hook = load_as(HookKind::Response, &build_c("c_hook.c", &["-std=c99"]), "TouchResponse");
    for (given, expected) in [(Some("from upstream"), Some("from C")), (None, None)] {
        // On failure the code is minus the line in c_hook.c.
        let object = answered(&[("From", "upstream")], given);
        let object = hook.dispatch(HookKind::Response, object).await.unwrap();
        assert_eq!((response(&object).head.status.as_u16(), body(&object)), (207, expected));
        assert_eq!((values(&object, "n"), values(&object, "from")), (vec!["1", "2"], vec![]));
        assert_eq!((object.request.method.as_str(), &object.target), ("GET", &None));
        assert_eq!(object.body.as_deref(), Some(&b"asked"[..]));
    }
}

#[tokio::test]
async fn a_response_is_edited_from_rust() {
    let hook = load_as(HookKind::Response, &build("rough"), "EditsResponse");
    let headers = [("From", "upstream"), ("Many", "1"), ("Many", "2"), ("Gone", "x")];
    for (given, expected) in [(Some("body"), Some("BODY")), (None, None)] {
        let object = hook.dispatch(HookKind::Response, answered(&headers, given)).await.unwrap();
        assert_eq!((response(&object).head.status.as_u16(), body(&object)), (207, expected));
        assert_eq!((values(&object, "from"), values(&object, "many")), (vec!["hook"], vec!["1", "2", "3"]));
        assert!(values(&object, "gone").is_empty());
        assert_eq!(object.metadata["read"], r#"/ 200 4 Some("upstream") ["1", "2"]"#);
    }
    let mut wire = Vec::new();
    let object = hook.dispatch(HookKind::Response, answered(&headers, None)).await.unwrap();
    response(&object).head.header_to_h1_wire(&mut wire);
    assert!(String::from_utf8(wire).unwrap().contains("From: hook\r\n"), "the letters of the hook stay");
}

#[tokio::test]
async fn a_response_hook_may_put_another_answer_in_its_place() {
    let hook = load_as(HookKind::Response, &build("rough"), "ReplacesResponse");
    let object = hook.dispatch(HookKind::Response, answered(&[], None)).await.unwrap();
    let answer = object.answer.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (503, &b"replaced"[..]));
    assert_eq!(answer.headers.get("retry-after").unwrap(), "5");
}

#[tokio::test]
async fn every_function_about_records_works_from_c() {
    let hook = load_as(HookKind::Analytics, &build_c("c_hook.c", &["-std=c99"]), "TouchRecord");
    let object = hook.dispatch(HookKind::Analytics, recorded("192.0.2.1")).await.unwrap();
    for (name, expected) in [
        ("path", "/hidden"),
        ("response_code", "418"),
        ("timestamp", "1"),
        ("track_path", "true"),
        ("tags", "new"),
    ] {
        assert_eq!(field(&object, name), expected, "{name}");
    }
    let mut edited: Vec<_> = object.record.unwrap().into_edited().map(|(name, _)| name).collect();
    edited.sort_unstable();
    assert_eq!(edited, ["path", "response_code", "tags", "timestamp", "track_path"]);
}

#[tokio::test]
async fn a_record_is_edited_from_rust_on_a_thread_of_its_own() {
    let hook = load_as(HookKind::Analytics, &build("rough"), "EditsRecord");
    let object = hook.dispatch(HookKind::Analytics, recorded("192.0.2.1")).await.unwrap();
    assert_eq!(field(&object, "alias"), r#"Some("/secret") Some(200)"#);
    assert_eq!((field(&object, "response_code"), field(&object, "tags")), ("418".into(), "was old".into()));
    let hook = load_as(HookKind::Analytics, &build("rough"), "SpoilsRecord");
    let failure = hook.dispatch(HookKind::Analytics, recorded("192.0.2.1")).await.unwrap_err();
    assert!(failure.error.to_string().contains("panicked"), "{}", failure.error);
}

#[tokio::test]
async fn records_that_hang_take_no_thread_of_requests() {
    let driver = driver(1);
    let path = build_c("c_hook.c", &["-std=c99"]);
    let slow = HookSource {
        kind: HookKind::Analytics,
        timeout: Some(Duration::from_millis(50)),
        ..source(path, "WaitsForEver")
    };
    let slow = driver.load(&slow).unwrap();
    assert!(slow.dispatch(HookKind::Analytics, recorded("")).await.is_err());
    assert_eq!(driver.gauges().stuck_threads, 1);
    let hook = driver.load(&source(build("rough"), "Nothing")).unwrap();
    assert!(hook.dispatch(HookKind::Pre, object("/", &[])).await.is_ok());
}

#[tokio::test]
async fn a_function_in_the_wrong_place_fails() {
    for (kind, name, given) in [
        (HookKind::Pre, "EditsResponse", object("/", &[])),
        (HookKind::Response, "EditsRecord", answered(&[], None)),
        (HookKind::Analytics, "NothingAtOnce", recorded("")),
    ] {
        let hook = load_as(kind, &build("rough"), name);
        assert!(hook.dispatch(kind, given).await.is_err(), "{name} as {kind}");
    }
}

#[tokio::test]
async fn libraries_in_use_hear_of_reloads() {
    let driver = driver(1);
    // A content of its own: the counter is the library's.
    let path = build_c("c_hook.c", &["-std=c99", "-DOF_RELOADS"]);
    let hook = driver.load(&source(&path, "Reloads")).unwrap();
    for reloads in 0..3 {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let object = hook.dispatch(HookKind::Post, object("/", &[])).await.unwrap();
            let answered = object.answer.unwrap().status.as_u16();
            if answered == 200 + reloads {
                break;
            }
            assert!(Instant::now() < deadline && answered < 200 + reloads, "{answered} after {reloads}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        driver.reloaded();
    }
    drop(hook);
    tokio::time::sleep(Duration::from_millis(100)).await;
    driver.reloaded();
    let hook = driver.load(&source(&path, "Reloads")).unwrap();
    let object = hook.dispatch(HookKind::Post, object("/", &[])).await.unwrap();
    assert_eq!(object.answer.unwrap().status.as_u16(), 203, "nobody used it at the last one");
}

#[tokio::test]
async fn a_plugin_of_the_first_header_runs_on_this_table() {
    let hook = load(&build_c("first/old_hook.c", &["-std=c99"]), "OldHook");
    let object = hook.dispatch(HookKind::Pre, object("/", &[])).await.unwrap();
    assert_eq!(
        (header(&object, "old"), object.target.as_deref()),
        (Some("yes"), Some("http://10.0.0.7:9000"))
    );
    let answer = object.answer.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (203, &b"old"[..]));
}

#[tokio::test]
async fn mask_json_masks_what_it_is_told() {
    let hook = load_as(HookKind::Response, &build("mask_json"), "MaskJson");
    assert!(hook.needs().response_body);
    let config = r#"{"mask_json": {"fields": ["card", "iban"], "keep_last": 2}}"#;
    for (kind, given, expected) in [
        (
            "application/json",
            r#"{"a":[{"card":"12345"}],"iban":[12345,"x"],"kept":"12345"}"#,
            r#"{"a":[{"card":"***45"}],"iban":["***45","x"],"kept":"12345"}"#,
        ),
        ("text/plain", "card", "card"),
        ("application/json", "", ""),
    ] {
        let mut object = answered(&[("Content-Type", kind)], Some(given));
        object.spec = with_config("/", &[], config).spec;
        let object = hook.dispatch(HookKind::Response, object).await.unwrap();
        assert_eq!(body(&object), Some(expected));
    }
    let mut broken = answered(&[("Content-Type", "application/json")], Some("{"));
    broken.spec = with_config("/", &[], config).spec;
    assert!(hook.dispatch(HookKind::Response, broken).await.is_err(), "what cannot be read does not pass");
}

#[tokio::test]
async fn anonymise_keeps_the_network() {
    let hook = load_as(HookKind::Analytics, &build("anonymise"), "Anonymise");
    for (address, kept) in [("192.0.2.17", "192.0.2.0"), ("2001:db8:1:2::3", "2001:db8:1::"), ("", "")] {
        let object = hook.dispatch(HookKind::Analytics, recorded(address)).await.unwrap();
        assert_eq!((field(&object, "ip_address"), field(&object, "raw_request")), (kept.into(), "".into()));
        assert_eq!(field(&object, "tags"), "old,anonymised");
    }
}

#[tokio::test]
async fn stamp_response_copies_the_id_of_the_request() {
    let path = build_example("cc", "stamp_response/stamp_response.c", &["-std=c99"]);
    let hook = load_as(HookKind::Response, &path, "StampResponse");
    assert_eq!(hook.needs(), Needs::NOTHING);
    for (id, expected) in [(Some("7"), "7"), (None, "none")] {
        let mut object = answered(&[], None);
        if let Some(id) = id {
            object.request.insert_header("X-Request-Id", id).unwrap();
        }
        let object = hook.dispatch(HookKind::Response, object).await.unwrap();
        assert_eq!(values(&object, "x-request-id"), [expected]);
    }
}

#[tokio::test]
async fn envelope_wraps_json_bodies() {
    let path = build_example("c++", "envelope/envelope.cpp", &["-std=c++17"]);
    let hook = load(&path, "Envelope");
    assert!(hook.needs().request_body);
    for (kind, expected) in
        [("application/json", r#"{"client":"192.0.2.1","payload":[1]}"#), ("text/plain", "[1]")]
    {
        let mut given = object("/", &[("Content-Type", kind)]);
        given.body = Some("[1]".into());
        let object = hook.dispatch(HookKind::Post, given).await.unwrap();
        assert_eq!(object.body.unwrap(), expected);
    }
}
