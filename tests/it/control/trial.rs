//! `/tyk/debug`.

use serde_json::{Value, json};

use super::{ask, call, error};
use crate::support::{definition::api, gateway::Gateway, upstream::Upstream};

fn spec(upstream: &Upstream) -> Value {
    serde_json::from_str(&api("trial").target(upstream).text()).unwrap()
}

#[tokio::test]
async fn a_definition_is_tried_without_being_served() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().start().await;
    let request =
        json!({"method": "POST", "path": "/trial/x?q=1", "body": "hi", "headers": {"X-A": ["1", "2"]}});
    let body = json!({"request": request, "spec": spec(&upstream)});
    let (status, answer) = call(&gateway, "POST", "/tyk/debug", body).await;
    assert_eq!((status, &answer["message"]), (200, &json!("ok")), "{answer}");
    let text = answer["response"].as_str().unwrap();
    let (asked, answered) = text.split_once("\n====== Response ======\n").unwrap();
    assert_eq!(
        asked,
        "====== Request ======\nPOST /trial/x?q=1 HTTP/1.1\r\nHost: example.com\r\nX-A: 1\r\nX-A: 2\r\n\r\nhi"
    );
    assert!(answered.starts_with("HTTP/1.1 200 OK\r\n") && answered.ends_with("\r\n\r\nup"), "{answered}");
    let seen = upstream.last();
    assert_eq!((seen.target.as_str(), seen.body.as_slice()), ("/x?q=1", &b"hi"[..]));
    assert_eq!(gateway.get("/trial/x").send().await.status, 404);
    assert_eq!(gateway.metric("pinhook_requests_total{api=\"trial\",method=\"POST\",status=\"200\"}"), None);
}

#[tokio::test]
async fn auth_applies_and_control_paths_are_out_of_reach() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().start().await;
    let mut guarded = spec(&upstream);
    guarded["use_keyless"] = false.into();
    guarded["use_standard_auth"] = true.into();
    for path in ["/trial/", "/tyk/keys"] {
        let body = json!({"request": {"path": path}, "spec": guarded});
        let (status, answer) = call(&gateway, "POST", "/tyk/debug", body).await;
        let text = answer["response"].as_str().unwrap();
        assert_eq!(status, 200);
        assert!(
            text.contains("HTTP/1.1 401 Unauthorized\r\n") && text.contains("Authorization field missing"),
            "{text}"
        );
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn a_document_can_be_tried() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().start().await;
    let document = json!({
        "openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {},
        "x-tyk-api-gateway": {
            "info": {"id": "d", "name": "d", "state": {"active": true}},
            "upstream": {"url": upstream.url()},
            "server": {"listenPath": {"value": "/d/", "strip": true}},
        },
    });
    let body = json!({"request": {"method": "GET", "path": "/x"}, "oas": document});
    let (status, answer) = call(&gateway, "POST", "/tyk/debug", body).await;
    assert_eq!((status, &answer["message"]), (200, &json!("ok")), "{answer}");
    assert!(answer["response"].as_str().unwrap().ends_with("up"), "{answer}");
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn what_cannot_be_tried_is_told() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().start().await;
    let request = json!({"method": "GET", "path": "/"});
    for (body, expected) in [
        (json!([]), error(400, "Request malformed")),
        (json!({"request": request}), error(400, "Spec field is missing")),
        (json!({"spec": spec(&upstream)}), error(400, "Request field is missing")),
        (json!({"request": {"path": "/\r\nX: y"}, "spec": spec(&upstream)}), error(400, "Request malformed")),
    ] {
        assert_eq!(call(&gateway, "POST", "/tyk/debug", body.clone()).await, expected, "{body}");
    }
    let (status, answer) = call(&gateway, "POST", "/tyk/debug", json!({"request": request, "oas": {}})).await;
    assert_eq!((status, &answer["message"]), (400, &json!("error")));
    assert!(answer["logs"].as_str().unwrap().contains("x-tyk-api-gateway"), "{answer}");
    let mut broken = spec(&upstream);
    broken["proxy"]["listen_path"] = "".into();
    let (status, answer) =
        call(&gateway, "POST", "/tyk/debug", json!({"request": request, "spec": broken})).await;
    assert_eq!((status, &answer["message"], &answer["response"]), (400, &json!("error"), &json!("")));
    assert!(answer["logs"].as_str().unwrap().contains("listen_path"), "{answer}");
    assert_eq!(ask(&gateway, "GET", "/tyk/apis").await, (200, json!([])));
}
