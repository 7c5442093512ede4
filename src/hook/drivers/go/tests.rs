use std::sync::Arc;

use http::HeaderValue;
use pingora_http::{RequestHeader, ResponseHeader};
use serde_json::{Value, json};

use super::{
    headers::{Given, Sent},
    marshal::{Head, bodies},
};
use crate::{
    hook::{Object, ResponsePart},
    session::SessionState,
    url::Url,
};

fn request(headers: &[(&'static str, &[u8])]) -> RequestHeader {
    let mut request = RequestHeader::build("POST", b"/shop/x?q=1", None).unwrap();
    for (name, value) in headers {
        request.append_header(*name, HeaderValue::from_bytes(value).unwrap()).unwrap();
    }
    request
}

fn object() -> Object {
    let mut object = Object::without_request(Arc::default());
    object.request =
        request(&[("host", b"shop.example"), ("x-many", b"1"), ("x-many", b"2"), ("x-raw", b"\xff")]);
    object.url = Url::from_target(b"/shop/x?q=1").unwrap();
    object.client = "2001:db8::1".parse().ok();
    object
}

fn told(object: &Object) -> Value {
    serde_json::to_value(Head(object)).unwrap()
}

#[test]
fn a_worker_is_told_of_the_request_and_of_nothing_that_is_not_there() {
    assert_eq!(
        told(&object()),
        json!({
            "method": "POST", "url": "/shop/x?q=1", "host": "shop.example", "scheme": "http", "proto": "HTTP/1.1",
            "remote_addr": "[2001:db8::1]:0", "headers": { "X-Many": ["1", "2"], "X-Raw": ["\u{fffd}"] },
        })
    );
    assert!(bodies(&object()).is_empty());
}

#[test]
fn session_token_metadata_and_answer_are_told_where_they_are() {
    let mut full = object();
    full.state = Some(Arc::new(SessionState { alias: "ann".into(), ..SessionState::default() }));
    full.token = Some("key-1".into());
    full.metadata.insert("seen".into(), "yes".into());
    let mut head = ResponseHeader::build(404, None).unwrap();
    head.append_header("x-up", "1").unwrap();
    full.response = Some(Box::new(ResponsePart { head, body: Some("gone".into()) }));
    let told = told(&full);
    assert_eq!(told["session"]["alias"], "ann");
    assert_eq!((&told["token"], &told["metadata"]), (&json!("key-1"), &json!({ "seen": "yes" })));
    assert_eq!(told["response"], json!({ "status": 404, "headers": { "X-Up": ["1"] } }));
    assert_eq!(bodies(&full), [None, Some("gone".into())]);
}

fn replaced(given: Value) -> Result<RequestHeader, String> {
    let mut head = request(&[
        ("host", b"shop.example"),
        ("content-length", b"3"),
        ("x-many", b"1"),
        ("x-many", b"2"),
        ("x-raw", b"\xff"),
    ]);
    let text = given.to_string();
    serde_json::from_str::<Given<'_>>(&text).unwrap().replace(&mut head)?;
    Ok(head)
}

#[test]
fn headers_of_a_reply_stand_in_the_place_of_all_but_the_gateways_own() {
    let head = replaced(json!({ "X-Many": ["2"], "X-Raw": ["\u{fffd}"], "X-New": ["a \"quoted\" text"],
        "Content-Length": ["9999"], "Transfer-Encoding": ["chunked"], "Host": ["other"] }))
    .unwrap();
    let values =
        |name: &str| head.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    assert_eq!(values("x-many"), [b"2"]);
    assert_eq!(values("x-raw"), [b"\xff"], "what was not edited keeps its bytes");
    assert_eq!(values("x-new"), [b"a \"quoted\" text"]);
    assert_eq!((values("host"), values("content-length")), (vec![&b"shop.example"[..]], vec![&b"3"[..]]));
    assert!(values("transfer-encoding").is_empty());
    let head = replaced(json!({})).unwrap();
    assert_eq!(head.headers.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["host", "content-length"]);
}

#[test]
fn headers_that_cannot_be_sent_are_named() {
    for (given, about) in [(json!({ "a b": ["1"] }), "a b"), (json!({ "X-A": ["1\n2"] }), "X-A")] {
        assert!(replaced(given).unwrap_err().contains(about));
    }
}

#[test]
fn names_are_sent_as_go_writes_them() {
    let head = request(&[("x-b3-traceid", b"1"), ("etag", b"2"), ("dnt", b"3")]);
    let names: Vec<String> = match serde_json::to_value(Sent(&head.headers)).unwrap() {
        Value::Object(map) => map.keys().cloned().collect(),
        other => panic!("{other}"),
    };
    assert_eq!(names, ["X-B3-Traceid", "Etag", "Dnt"]);
}

#[test]
fn plugins_read_the_configuration_with_the_secrets_that_are_theirs() {
    let config: crate::config::Config = serde_json::from_value(json!({
        "secret": "the gateway's", "listen_port": 8080, "hash_key_function": "sha256",
        "storage": { "type": "redis", "host": "redis", "password": "of redis" },
        "http_server_options": { "read_timeout": 7 },
        "coprocess_options": { "coprocess_grpc_server": "tcp://h:1" },
        "secrets": { "partner": "of the plugin" },
    }))
    .unwrap();
    let told = super::GoSettings::new(&config).for_workers;
    for (member, expected) in [
        ("/config/listen_port", json!(8080)),
        ("/config/hash_key_function", json!("sha256")),
        ("/config/storage/type", json!("redis")),
        ("/config/storage/password", json!("of redis")),
        ("/config/http_server_options/read_timeout", json!(7)),
        ("/config/coprocess_options/coprocess_grpc_server", json!("tcp://h:1")),
        ("/config/secrets/partner", json!("of the plugin")),
    ] {
        assert_eq!(told.pointer(member), Some(&expected), "{member}");
    }
    assert!(!told.to_string().contains("the gateway's"));
}
