use serde_json::json;

use super::*;
use crate::{event, event::EventKind, metrics::Metrics};

fn maker(template_path: &str) -> Maker {
    let (maker, ..) = event::tests::maker_with(Metrics::new(true).unwrap());
    Maker { template_path: template_path.into(), ..maker }
}

fn hook(settings: Value, maker: &Maker) -> WebHook {
    let Value::Object(settings) = settings else { panic!("an object") };
    WebHook::new(&settings, maker, &mut |_, _| {}).unwrap()
}

fn event(kind: EventKind, meta: Value) -> Event {
    let Value::Object(meta) = meta else { panic!("an object") };
    Event { name: kind.name().into(), meta, at: std::time::SystemTime::now() }
}

#[test]
fn the_default_body_says_what_belongs_to_the_kind() {
    let hook = hook(json!({ "target_path": "http://h" }), &maker(""));
    for (kind, meta, expected) in [
        (
            EventKind::AuthFailure,
            json!({ "Message": "m", "Path": "/p", "Origin": "1.1.1.1", "Key": "k", "Reason": "r" }),
            json!({ "event": "AuthFailure", "message": "m", "path": "/p", "origin": "1.1.1.1", "key": "k" }),
        ),
        (
            EventKind::TokenDeleted,
            json!({ "Message": "m", "Org": "o", "Key": "k" }),
            json!({ "event": "TokenDeleted", "message": "m", "org": "o", "key": "k" }),
        ),
        (
            EventKind::TriggerExceeded,
            json!({ "Message": "m", "org_id": "o", "key": "k", "trigger_limit": 80, "usage_percentage": 81 }),
            json!({ "event": "TriggerExceeded", "message": "m", "org": "o", "key": "k", "trigger_limit": "80" }),
        ),
    ] {
        let body = hook.template.render(&event(kind, meta));
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    }
    assert_eq!(hook.headers["content-type"], "application/json");
}

#[test]
fn a_default_of_the_gateways_own_is_used() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(DEFAULT_FILE), "{\"own\": \"{{.Type}}\"}").unwrap();
    let hook = hook(json!({ "target_path": "http://h" }), &maker(folder.path().to_str().unwrap()));
    assert_eq!(hook.template.render(&event(EventKind::KeyExpired, json!({}))), "{\"own\": \"KeyExpired\"}");
}

#[test]
fn headers_of_the_author_win_over_ours() {
    let settings = json!({ "target_path": "http://h", "method": "put",
        "header_map": { "User-Agent": "me", "content-type": "text/x", "X-A": "b", "Content-Length": "9" } });
    let hook = hook(settings, &maker(""));
    assert_eq!(
        (&hook.headers["user-agent"], &hook.headers["content-type"]),
        (&"me".parse().unwrap(), &"text/x".parse().unwrap())
    );
    assert_eq!(
        (&hook.headers["x-a"], hook.headers.len(), &hook.method),
        (&"b".parse().unwrap(), 3, &Method::PUT)
    );
}

#[tokio::test]
async fn an_equal_message_cools_down_and_another_does_not() {
    let maker = maker("");
    let hook = hook(json!({ "target_path": "http://h/x", "event_timeout": 60 }), &maker);
    assert!(!hook.is_cooling("one").await);
    assert!(hook.is_cooling("one").await);
    assert!(!hook.is_cooling("two").await);
    assert_eq!(maker.store.scan("webhook.cache.").await.unwrap().len(), 2);
}

#[test]
fn the_fingerprint_is_the_hash_of_what_go_would_write() {
    let written =
        "POST /hook HTTP/1.1\r\nHost: h:81\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 2\r\n\r\nhi";
    let expected: String = Md5::digest(written).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(fingerprint(&Method::POST, "http://user:secret@h:81/hook", "hi"), expected);
    assert_ne!(fingerprint(&Method::POST, "http://h:81/hook?x=1", "hi"), expected);
}
