use bytes::Bytes;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::Mutex,
    thread,
};

use serde_json::{Value, json};

use super::{gateway::NO_WAITING, *};
use crate::{
    error::Result as Done,
    hook::{Ask, GatewayCalls, HookCall, SetKey, Spec},
    session::SessionState,
    store::MemoryStore,
    upstream::{Client, Reply},
};

/// A gateway that knows one key and answers every `tyk://` URL with its depth.
#[derive(Default)]
struct Stub {
    set: Mutex<Vec<(String, SessionState, bool)>>,
    events: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl GatewayCalls for Stub {
    async fn ask_api(&self, ask: Ask) -> Done<Reply> {
        let headers = http::HeaderMap::from_iter([(http::header::CONTENT_TYPE, "text/x".parse().unwrap())]);
        let body = format!("{} {} {}", ask.call.method, ask.call.url, ask.depth).into();
        Ok(Reply { status: http::StatusCode::OK, headers, body })
    }

    async fn key(&self, key: &str, _api_id: &str) -> Done<Option<SessionState>> {
        Ok((key == "k").then(|| SessionState { alias: "known".into(), ..SessionState::default() }))
    }

    async fn set_key(&self, set: SetKey<'_>) -> Done<()> {
        self.set.lock().unwrap().push((set.key.to_owned(), set.state, set.keep_quota));
        Ok(())
    }

    fn trigger(&self, event: &str, payload: &str) {
        self.events.lock().unwrap().push((event.to_owned(), payload.to_owned()));
    }
}

/// Runs `work` as a script thread does.
fn with_gateway<T>(work: impl FnOnce(&GatewayApi, &Stub) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stub = Arc::new(Stub::default());
    let host = host(&stub);
    let object = object();
    let run = Run::new(Instant::now() + Duration::from_secs(5), &host, Some(runtime.handle()));
    work(&GatewayApi::new(&run, &object), &stub)
}

fn host(stub: &Arc<Stub>) -> Arc<Host> {
    let host = Host::new(Arc::new(Client::default()), Arc::new(MemoryStore::default()), 1000);
    let gateway: Arc<dyn GatewayCalls> = stub.clone();
    host.attach(Arc::downgrade(&gateway));
    Arc::new(host)
}

fn object() -> Object {
    let spec = Spec { api_id: "a".into(), org_id: "o".into(), ..Spec::default() };
    let mut object = Object::without_request(Arc::new(spec));
    object.depth = 2;
    object
}

/// A server that gives these bytes to each connection; what it was sent.
fn server(answer: &'static str) -> (SocketAddr, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(String::new()));
    let kept = seen.clone();
    thread::Builder::new()
        .spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut space = [0; 4096];
                let count = stream.read(&mut space).unwrap();
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&space[..count]));
                let _ = stream.write_all(answer.as_bytes());
            }
        })
        .unwrap();
    (address, seen)
}

const OK: &str =
    "HTTP/1.1 200 OK\r\nx-two: 1\r\nX-Two: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";

#[test]
fn a_request_has_tyks_form() {
    let (address, seen) = server(OK);
    with_gateway(|gateway, _| {
        let wanted = json!({"Method": "POST", "Domain": format!("http://{address}"), "Resource": "/r?a=1",
            "Headers": {"X-J": "1", "Host": "other"}, "FormData": {"b": "1 2", "a": "&"}});
        let text = gateway.make_http_request(&wanted.to_string()).unwrap().unwrap();
        let got: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({"Code": 200, "Body": "hi", "code": 200, "body": "hi",
            "Headers": got["headers"], "headers": got["Headers"]});
        assert_eq!(got, expected);
        assert_eq!(got["Headers"]["X-Two"], json!(["1", "2"]));
    });
    let seen = seen.lock().unwrap().clone();
    assert!(seen.starts_with("POST /r?a=1 HTTP/1.1\r\n") && seen.ends_with("\r\n\r\na=%26&b=1+2"), "{seen}");
    assert!(seen.contains("user-agent: Go-http-client/1.1\r\n") && seen.contains("x-j: 1\r\n"), "{seen}");
    assert!(!seen.contains("other"), "{seen}");
}

#[test]
fn a_body_wins_over_a_form() {
    let (address, seen) = server(OK);
    let wanted =
        json!({"method": "PUT", "domain": format!("http://{address}"), "body": "b", "formData": {"a": "1"}});
    with_gateway(|gateway, _| gateway.make_http_request(&wanted.to_string()).unwrap().unwrap());
    assert!(seen.lock().unwrap().ends_with("\r\n\r\nb"));
}

#[test]
fn a_request_that_fails_is_nothing() {
    let (huge, _) = server("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
    let huge = format!("http://{huge}");
    for (domain, method) in
        [("http://127.0.0.1:1", "GET"), ("nonsense", "GET"), (&huge, "GET"), (&huge, "B D")]
    {
        let wanted = json!({"Method": method, "Domain": domain}).to_string();
        assert_eq!(
            with_gateway(|gateway, _| gateway.make_http_request(&wanted)),
            Ok(None),
            "{domain} {method}"
        );
    }
    assert_eq!(with_gateway(|gateway, _| gateway.make_http_request("[")), Ok(None));
}

#[test]
fn a_batch_has_its_replies_in_order() {
    let (address, _) = server(OK);
    let batch = json!({"requests": [
        {"method": "GET", "headers": null, "body": "", "relative_url": format!("http://{address}/1")},
        {"method": "GET", "relative_url": "http://127.0.0.1:1/"},
        {"method": "GET", "relative_url": "tyk://other/x"},
    ]});
    for parallel in [true, false] {
        let mut batch = batch.clone();
        batch["suppress_parallel_execution"] = json!(!parallel);
        let text = with_gateway(|gateway, _| gateway.batch_request(&batch.to_string())).unwrap().unwrap();
        let got: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&got[0]["code"], &got[0]["body"]), (&json!(200), &json!("hi")));
        assert_eq!(got[1], json!({"relative_url": "", "code": 0, "headers": null, "body": ""}));
        assert_eq!(
            (&got[2]["body"], &got[2]["relative_url"]),
            (&json!("GET tyk://other/x 2"), &json!("tyk://other/x"))
        );
    }
}

#[test]
fn calls_keep_their_order_and_never_throw() {
    let calls = json!([{"url": "tyk://a/x", "method": "POST", "headers": {"a": "1", "b": ["1", "2"]}, "timeout": 1.5},
        {"url": "http://127.0.0.1:1/"}, {"url": 7}, {"url": "tyk://b/"}]);
    let text = with_gateway(|gateway, _| gateway.call_all_json(&calls.to_string())).unwrap();
    let got: Value = serde_json::from_str(&text).unwrap();
    let expected = json!({"status": 200, "headers": {"Content-Type": ["text/x"]}, "body": "POST tyk://a/x 2", "error": null});
    assert_eq!(got[0], expected);
    assert_eq!((&got[1]["status"], &got[2]["status"]), (&json!(0), &json!(0)));
    assert!(got[1]["error"].as_str().unwrap().contains("127.0.0.1:1"), "{got}");
    assert!(got[2]["error"].as_str().unwrap().starts_with("this is no call: "), "{got}");
    assert_eq!(got[3]["body"], "GET tyk://b/ 2");
}

#[test]
fn a_call_ends_with_the_script() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let host = host(&Arc::default());
    let run = Run::new(Instant::now() + Duration::from_millis(50), &host, Some(runtime.handle()));
    let gateway = GatewayApi::new(&run, &object());
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let reply = gateway.call(HookCall { url, ..HookCall::default() }).unwrap();
    assert_eq!(reply.status, 0);
    assert!(reply.error.unwrap().contains("did not answer within"));
}

#[test]
fn keys_are_read_and_written() {
    with_gateway(|gateway, stub| {
        let got: Value = serde_json::from_str(&gateway.get_key_data("k", "a").unwrap()).unwrap();
        assert_eq!(got["alias"], "known");
        let missing = gateway.get_key_data("other", "a").unwrap();
        assert_eq!(missing, r#"{"status":"error","message":"Key not found"}"#);

        gateway.set_key_data("k", r#"{"alias": "new"}"#, "1").unwrap();
        gateway.set_key_data("k", "nonsense", "1").unwrap();
        let set = stub.set.lock().unwrap();
        let set: Vec<_> = set.iter().map(|(key, state, keep)| (&**key, &*state.alias, *keep)).collect();
        assert_eq!(set, [("k", "new", true)]);
    });
}

#[test]
fn storage_has_tyks_limits() {
    with_gateway(|gateway, _| {
        assert_eq!(gateway.storage_get("a"), Ok(None));
        assert_eq!(gateway.storage_set("a", b"1", 0, false), Ok(true));
        assert_eq!(gateway.storage_set("a", b"2", 0, true), Ok(false));
        assert_eq!(gateway.storage_get("a"), Ok(Some("1".into())));
        assert_eq!(gateway.storage_ttl("a"), Ok(-1));
        assert_eq!(gateway.storage_incr("a", 60), Ok("2".into()));
        assert_eq!(gateway.storage_ttl("a"), Ok(-1), "only a new number gets a time to live");
        gateway.storage_del("a").unwrap();
        assert_eq!(gateway.storage_ttl("a"), Ok(-2));
        assert_eq!(gateway.storage_incr("n", 60), Ok("1".into()));
        assert_eq!(gateway.storage_ttl("n"), Ok(60));

        let key = "storage key must be 1-256 bytes".to_owned();
        assert_eq!(gateway.storage_get(""), Err(key.clone()));
        assert_eq!(gateway.storage_incr(&"k".repeat(257), 0), Err(key));
        assert_eq!(gateway.storage_set(&"k".repeat(256), &[0; 65_536], 1, false), Ok(true));
        let value = "storage value exceeds 65536 bytes".to_owned();
        assert_eq!(gateway.storage_set("k", &[0; 65_537], 1, false), Err(value));

        gateway.store_data("a", b"\xff", 9).unwrap();
        assert_eq!(gateway.get_data("a"), Ok(Some(Bytes::from_static(b"\xff"))));
        assert_eq!(gateway.storage_get("a"), Ok(None), "the two are apart");
    });
}

#[test]
fn events_are_handed_over() {
    with_gateway(|gateway, stub| {
        gateway.trigger_event("mine", "text").unwrap();
        assert_eq!(*stub.events.lock().unwrap(), [("mine".to_owned(), "text".to_owned())]);
    });
}

#[test]
fn where_nothing_may_wait_every_function_says_so() {
    let host = host(&Arc::default());
    let run = Run::new(Instant::now() + Duration::from_secs(5), &host, None);
    let gateway = GatewayApi::new(&run, &object());
    let refused = Some(NO_WAITING.to_owned());
    assert_eq!(gateway.call(HookCall::default()).err(), refused);
    assert_eq!(gateway.make_http_request("{}").err(), refused);
    assert_eq!(gateway.batch_request("{}").err(), refused);
    assert_eq!(gateway.get_key_data("k", "a").err(), refused);
    assert_eq!(gateway.storage_get("k").err(), refused);
}
