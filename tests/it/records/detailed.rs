//! Detailed recording: the request and the answer as they passed, without a word of delay (analytics reference 2.5).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Recorded, of};
use crate::support::{
    definition::{Definition, api},
    free_port,
    upstream::{Answer, Upstream},
};

fn detailed(id: &str) -> Definition {
    api(id).set("enable_detailed_recording", true)
}

fn image(record: &Value, name: &str) -> String {
    String::from_utf8(STANDARD.decode(record[name].as_str().unwrap()).unwrap()).unwrap()
}

fn images(record: &Value) -> (String, String) {
    (image(record, "raw_request"), image(record, "raw_response"))
}

#[tokio::test]
async fn both_sides_of_a_proxied_request_are_recorded() {
    let up = Upstream::answering(Answer::Raw(
        b"HTTP/1.1 201 Made\r\nX-B: 1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"
            .to_vec(),
    ))
    .await;
    let recorded = Recorded::start([detailed("a").target_url(format!("{}/base", up.url()))], |_| {}).await;
    let request = recorded.gateway.request("POST", "/a/x?q=1").header("X-Z", "z").header("User-Agent", "t");
    assert_eq!(request.header("Cookie", "a=b").body("hello").send().await.status, 201);

    let records = recorded.end().await;
    let (request, response) = images(of(&records, "/a/x"));
    assert_eq!(
        request,
        "POST /base/x?q=1 HTTP/1.1\r\nHost: gateway.test\r\nUser-Agent: t\r\nContent-Length: 5\r\n\
         Cookie: a=b\r\nX-Z: z\r\n\r\nhello"
    );
    assert_eq!(
        response,
        "HTTP/1.1 201 Made\r\nConnection: close\r\nX-B: 1\r\nX-Ratelimit-Limit: 0\r\n\
         X-Ratelimit-Remaining: 0\r\nX-Ratelimit-Reset: 0\r\n\r\nabcdef"
    );
}

#[tokio::test]
async fn answers_of_the_gateway_are_recorded_without_protocol_and_length() {
    let url = format!("http://127.0.0.1:{}/base", free_port());
    let blocked = serde_json::json!([{
        "path": "/no", "method_actions": { "GET": { "action": "no_action", "code": 200 } },
    }]);
    let down = detailed("a").target_url(url).endpoints("black_list", blocked);
    let recorded = Recorded::start([down], |_| {}).await;
    for (path, status) in [("/a/x?q=1", 500), ("/a/no?q=1", 403)] {
        assert_eq!(recorded.gateway.get(path).header("User-Agent", "t").send().await.status, status);
    }
    let records = recorded.end().await;
    for (path, uri, status, message) in [
        ("/a/x", "/base/x", "500 Internal Server Error", "There was a problem proxying the request"),
        ("/a/no", "/no", "403 Forbidden", "Requested endpoint is forbidden"),
    ] {
        let (request, response) = images(of(&records, path));
        assert_eq!(request, format!("GET {uri}?q=1 HTTP/1.1\r\nHost: gateway.test\r\nUser-Agent: t\r\n\r\n"));
        let expected = format!(
            "HTTP/0.0 {status}\r\nContent-Type: application/json\r\nX-Generator: pinhook\r\n\r\n\
             {{\n    \"error\": \"{message}\"\n}}"
        );
        assert_eq!(response, expected);
    }
}

#[tokio::test]
async fn a_long_body_is_kept_up_to_the_limit_and_passes_whole() {
    let up = Upstream::answering(Answer::Echo).await;
    let recorded = Recorded::start([detailed("a").target(&up)], |config| {
        config.pinhook.max_recorded_body = 1000;
    })
    .await;
    let body: Vec<u8> = (0..300_000_u32).map(|at| b'a' + u8::try_from(at % 26).unwrap()).collect();
    let response = recorded.gateway.request("POST", "/a/x").body(body.clone()).send().await;
    assert_eq!(response.body, body);

    let records = recorded.end().await;
    let start = String::from_utf8(body[..1000].to_vec()).unwrap();
    for image in [images(of(&records, "/a/x")).0, images(of(&records, "/a/x")).1] {
        assert!(image.contains("\r\nContent-Length: 300000\r\n"), "{image}");
        assert_eq!(image.split_once("\r\n\r\n").unwrap().1, start);
    }
}

#[tokio::test]
async fn only_those_who_ask_are_recorded_in_detail() {
    let up = Upstream::named("up").await;
    for (global, id, expected) in [(false, "plain", false), (false, "wants", true), (true, "plain", true)] {
        let apis = [api("plain").target(&up), detailed("wants").target(&up)];
        let recorded =
            Recorded::start(apis, |config| config.analytics_config.enable_detailed_recording = global).await;
        assert_eq!(recorded.gateway.get(&format!("/{id}/x")).send().await.status, 200);
        let upgrade = recorded.gateway.get(&format!("/{id}/ws")).header("Upgrade", "websocket");
        upgrade.header("Connection", "upgrade").send().await;
        let records = recorded.end().await;
        let has = |path: &str| !images(of(&records, path)).1.is_empty();
        assert_eq!(has(&format!("/{id}/x")), expected, "{global} {id}");
        assert!(!has(&format!("/{id}/ws")), "upgrades never");
    }
}
