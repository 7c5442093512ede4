use prost::Message;
use serde_json::{Value as Json, json};

use super::{dial::Dial, marshal, proto, record, target::Target};
use crate::{
    config::{CoprocessOptions, PinhookGrpc},
    hook::{RecordPart, Value, drivers::GrpcSettings},
};

/// An object with every field set, as Python's `protobuf` writes it. Texts are `NAME-N é`, numbers are N, negative where
/// N is odd.
const OF_PYTHON: &[u8] = include_bytes!("../../../../tests/fixtures/grpc/object.bin");

#[test]
fn what_python_writes_is_read_and_written_alike() {
    let object = proto::Object::decode(OF_PYTHON).unwrap();
    assert_eq!(object.hook_type, proto::HookType::CustomKeyCheck as i32);
    let request = object.request.as_ref().unwrap();
    assert_eq!((&*request.headers["key-4"], &*request.delete_params[1]), ("value-3 é", "delete_params-18 é"));
    assert_eq!((&*request.scheme, &*request.raw_body), ("scheme-27 é", &b"\x00\xff28"[..]));
    let overrides = request.return_overrides.as_ref().unwrap();
    assert_eq!((overrides.response_code, overrides.override_error), (-19, true));
    let session = object.session.as_ref().unwrap();
    assert_eq!((session.rate, session.quota_max, session.max_query_depth), (31.5, 34, -71));
    assert_eq!(session.access_rights["key"].allowed_urls[0].methods[1], "methods-44 é");
    assert_eq!(session.monitor.as_ref().unwrap().trigger_limits, [57.5, 58.5]);
    assert_eq!(session.post_expiry_grace_period, 74);
    let response = object.response.as_ref().unwrap();
    assert_eq!((response.status_code, &*response.multivalue_headers[0].values[1]), (-79, "values-86 é"));
    assert_eq!(object.encode_to_vec(), OF_PYTHON);
    // Nothing gets lost on the way to where its rules are and back.
    assert_eq!(marshal::to_wire(marshal::from_wire(object)).encode_to_vec(), OF_PYTHON);
}

#[test]
fn a_message_without_fields_asks_for_nothing() {
    let object = marshal::from_wire(proto::Object::decode(&b""[..]).unwrap());
    assert_eq!(object.request.return_overrides.response_code, 0);
    assert_eq!((object.session, object.response), (None, None));
}

#[test]
fn fields_of_later_versions_are_skipped() {
    // Field 99: a text.
    let mut bytes = OF_PYTHON.to_vec();
    bytes.extend_from_slice(&[0x9a, 0x06, 3, b'n', b'e', b'w']);
    assert_eq!(proto::Object::decode(&*bytes).unwrap(), proto::Object::decode(OF_PYTHON).unwrap());
}

#[test]
fn addresses_are_read_as_grpc_writes_them() {
    let tcp = |places: &[(&str, u16)], tls| {
        let places = places.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
        Ok(Target::Tcp { places, tls })
    };
    for (text, expected) in [
        ("tcp://127.0.0.1:5555", tcp(&[("127.0.0.1", 5555)], None)),
        ("127.0.0.1:5555", tcp(&[("127.0.0.1", 5555)], None)),
        ("localhost:5555", tcp(&[("localhost", 5555)], None)),
        ("[::1]:5555", tcp(&[("::1", 5555)], None)),
        ("dns:///plugins:5555", tcp(&[("plugins", 5555)], None)),
        ("dns:///plugins", tcp(&[("plugins", 443)], None)),
        ("dns:plugins:1", tcp(&[("plugins", 1)], None)),
        ("ipv4:10.0.0.1:1,10.0.0.2:2", tcp(&[("10.0.0.1", 1), ("10.0.0.2", 2)], None)),
        ("passthrough:///a:1", tcp(&[("a", 1)], None)),
        ("tls://a:1", tcp(&[("a", 1)], Some(true))),
        ("http://a:1/", tcp(&[("a", 1)], Some(false))),
        ("unix:///run/p.sock", Ok(Target::Unix("/run/p.sock".to_owned()))),
        ("unix:p.sock", Ok(Target::Unix("p.sock".to_owned()))),
    ] {
        assert_eq!(Target::parse(text), expected, "{text}");
    }
    for text in
        ["", "tcp://", "a", "a:b", "a:1,", "[::1", "dns://8.8.8.8/a:1", "dns://a:1", "grpc://a:1", "unix:"]
    {
        assert!(Target::parse(text).is_err(), "{text}");
    }
}

fn settings(tyk: CoprocessOptions, own: PinhookGrpc) -> GrpcSettings {
    GrpcSettings { tyk, own, address_header: None }
}

#[test]
fn what_cannot_be_connected_to_is_named_before_the_first_call() {
    let tyk = CoprocessOptions { grpc_authority: "a b".to_owned(), ..CoprocessOptions::default() };
    let error = Dial::new("localhost:1", &settings(tyk, PinhookGrpc::default())).unwrap_err();
    assert!(error.contains("grpc_authority"), "{error}");
    let own = PinhookGrpc { ca_file: "/missing.pem".to_owned(), ..PinhookGrpc::default() };
    let error =
        Dial::new("tls://localhost:1", &settings(CoprocessOptions::default(), own.clone())).unwrap_err();
    assert!(error.contains("ca_file: /missing.pem"), "{error}");
    assert!(Dial::new("tcp://localhost:1", &settings(CoprocessOptions::default(), own)).is_ok());
}

fn part() -> RecordPart {
    RecordPart::new([
        ("method", Value::Text("GET".to_owned())),
        ("response_code", Value::Number(200)),
        ("timestamp", Value::Time(1_700_000_000_000_000_001)),
        ("track_path", Value::Flag(false)),
        ("tags", Value::Texts(vec!["a".to_owned()])),
        ("latency.total", Value::Number(7)),
    ])
}

fn record_of(message: &proto::Object) -> Json {
    serde_json::from_str(&message.metadata["record"]).unwrap()
}

#[test]
fn a_record_is_json_and_its_edits_are_taken() {
    let mut part = part();
    let (sent, mut message) = record::to_wire(&part, "Note", [("APIID".to_owned(), "a".to_owned())].into());
    assert_eq!((message.hook_type, &*message.hook_name, &*message.spec["APIID"]), (0, "Note", "a"));
    let mut edited = record_of(&message);
    let expected = json!({
        "method": "GET", "response_code": 200, "timestamp": "2023-11-14T22:13:20.000000001Z", "track_path": false,
        "tags": ["a"], "latency": { "total": 7 },
    });
    assert_eq!(edited, expected);
    edited["response_code"] = json!(418);
    edited["tags"] = json!(["b", "c"]);
    edited["latency"]["total"] = json!(8);
    edited["unknown"] = json!(1);
    edited.as_object_mut().unwrap().remove("method");
    message.metadata.insert("record".to_owned(), edited.to_string());
    record::apply(&sent, message, &mut part).unwrap();
    let got: Vec<_> = part.into_edited().collect();
    let texts = Value::Texts(vec!["b".to_owned(), "c".to_owned()]);
    let expected =
        [("response_code", Value::Number(418)), ("tags", texts), ("latency.total", Value::Number(8))];
    assert_eq!(got, expected);
}

#[test]
fn a_record_of_another_shape_is_refused() {
    for (field, wrong) in [
        ("method", json!(1)),
        ("response_code", json!("200")),
        ("timestamp", json!("today")),
        ("track_path", json!(null)),
        ("tags", json!("a")),
    ] {
        let mut part = part();
        let (sent, mut message) = record::to_wire(&part, "Note", Default::default());
        let mut edited = record_of(&message);
        edited[field] = wrong;
        message.metadata.insert("record".to_owned(), edited.to_string());
        let error = record::apply(&sent, message, &mut part).unwrap_err();
        assert!(error.contains(field), "{error}");
    }
}
