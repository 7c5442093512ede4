//! Our encoders against the elements that a real Tyk Gateway wrote.

use std::{borrow::Cow, fs, path::PathBuf};

use serde_json::Value;

use super::*;

fn fixtures() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "analytics"].iter().collect()
}

fn golden(name: &str) -> Vec<u8> {
    let hex = fs::read_to_string(fixtures().join(format!("{name}.hex"))).unwrap();
    let hex = hex.trim();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn described(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(fixtures().join(format!("{name}.json"))).unwrap()).unwrap()
}

fn int<T: TryFrom<i64>>(value: &Value) -> T {
    T::try_from(value.as_i64().unwrap()).ok().unwrap()
}

fn moment(value: &Value) -> Moment {
    Moment { seconds: int(&value[0]), nanos: int(&value[1]) }
}

fn record(from: &Value) -> Record<'_> {
    let text = |key: &str| Cow::Borrowed(from[key].as_str().unwrap());
    Record {
        method: text("Method"),
        host: text("Host"),
        path: text("Path"),
        raw_path: text("RawPath"),
        content_length: int(&from["ContentLength"]),
        user_agent: text("UserAgent"),
        day: int(&from["Day"]),
        month: int(&from["Month"]),
        year: int(&from["Year"]),
        hour: int(&from["Hour"]),
        response_code: int(&from["ResponseCode"]),
        api_key: text("APIKey"),
        timestamp: moment(&from["TimeStamp"]),
        api_version: text("APIVersion"),
        api_name: text("APIName"),
        api_id: text("APIID"),
        org_id: text("OrgID"),
        oauth_id: text("OauthID"),
        request_time: int(&from["RequestTime"]),
        raw_request: text("RawRequest"),
        raw_response: text("RawResponse"),
        ip_address: text("IPAddress"),
        latency: Latency {
            total: int(&from["Latency"]["Total"]),
            upstream: int(&from["Latency"]["Upstream"]),
            gateway: int(&from["Latency"]["Gateway"]),
        },
        tags: from["Tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().into()).collect(),
        alias: text("Alias"),
        track_path: from["TrackPath"].as_bool().unwrap(),
        expire_at: moment(&from["ExpireAt"]),
        api_schema: text("ApiSchema"),
        original_path: text("OriginalPath"),
        listen_path: text("ListenPath"),
    }
}

#[test]
fn msgpack_is_byte_identical_to_every_golden_record() {
    let mut seen = 0;
    for entry in fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let description = described(name);
        let mut ours = Vec::new();
        msgpack::encode(&record(&description), &mut ours);
        assert_eq!(ours, golden(name), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 35);
}

/// The protobuf elements come from other requests than their msgpack namesakes: what differs is set here.
#[test]
fn protobuf_is_byte_identical_to_the_golden_records() {
    let description = described("keyless-success");
    let mut success = record(&description);
    success.content_length = 0;
    success.timestamp = Moment { seconds: 1_795_354_926, nanos: 348_953_194 };
    success.expire_at = Moment { seconds: 4_948_954_926, nanos: 348_958_241 };
    success.request_time = 1;
    success.latency = Latency { total: 1, upstream: 0, gateway: 1 };
    let mut ours = Vec::new();
    protobuf::encode(&success, &mut ours);
    assert_eq!(ours, golden("protobuf-keyless-success"));
}

#[test]
fn json_has_the_pumps_names_and_our_values() {
    let description = described("auth-success");
    let mut line = Vec::new();
    json::encode(&record(&description), &mut line);
    assert_eq!(line.pop(), Some(b'\n'));
    let ours: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(ours["api_key"], description["APIKey"]);
    assert_eq!(ours["tags"], description["Tags"]);
    assert_eq!(ours["timestamp"], "2026-11-22T13:40:46.583197047Z");
    assert_eq!(ours["expireAt"], "2126-10-29T13:40:46.583206982Z");
    assert_eq!(ours["geo"]["city"]["names"], Value::Null);
    assert_eq!(ours.as_object().unwrap().len(), 34);
}
