//! What servers are asked, and what becomes of their answers.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use pinhook::hook::drivers::grpc::proto::{Header, HookType, Object, ReturnOverrides, SessionState};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{gateway, grpc, mark, with_auth, with_hook};
use crate::support::{
    in_time,
    plugin_server::{PluginServer, Reply},
    until,
    upstream::Upstream,
};

/// A server that remembers what it is asked and changes nothing.
async fn listening() -> (PluginServer, Arc<Mutex<Vec<Object>>>) {
    let seen = Arc::<Mutex<Vec<Object>>>::default();
    let kept = seen.clone();
    let server = PluginServer::start(move |object| {
        kept.lock().unwrap().push(object.clone());
        Reply::Object(Box::new(object))
    });
    (server.await, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_asked_as_tyk_asks_it() {
    let (server, seen) = listening().await;
    let upstream = Upstream::named("up").await;
    let definition = with_hook("seen", "pre", "See", &upstream).set("config_data", json!({ "tier": "gold" }));
    let gateway = gateway(server.target()).api(definition).start().await;
    let request = gateway.request("POST", "/seen/a?q=1&q=2").header("X-In", "one").header("X-In", "two");
    assert_eq!(request.body("text").send().await.text(), "up");
    let object = seen.lock().unwrap().pop().unwrap();
    let request = object.request.unwrap();
    assert_eq!((object.hook_type, &*object.hook_name), (HookType::Pre as i32, "See"));
    assert_eq!((&*request.method, &*request.scheme), ("POST", "http"));
    assert_eq!((&*request.url, &*request.request_uri), ("/seen/a?q=1&q=2", "/seen/a?q=1&q=2"));
    assert_eq!((&*request.body, &*request.raw_body), ("text", &b"text"[..]));
    assert_eq!((&*request.headers["X-In"], &*request.params["q"]), ("one", "1"));
    assert_eq!(request.headers["Host"], "gateway.test");
    assert_eq!(request.return_overrides.unwrap().response_code, -1);
    let config: Value = serde_json::from_str(&object.spec["config_data"]).unwrap();
    assert_eq!(config, json!({ "tier": "gold" }));
    assert_eq!(object.spec["bundle_hash"], "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!((object.session, object.response), (None, None));
    let head = server.last_head();
    assert_eq!(head.headers()["te"], "trailers");
    assert!(head.headers()["user-agent"].to_str().unwrap().starts_with("pinhook/"));
    // The body came back as it was, so it went up as it was.
    assert_eq!(&*upstream.last().body, b"text");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_server_moves_a_request_and_nobody_sees_how() {
    let (upstream, elsewhere) = (Upstream::named("up").await, Upstream::named("elsewhere").await);
    let url = elsewhere.url();
    let server = PluginServer::start(move |mut object| {
        let request = object.request.as_mut().unwrap();
        if request.headers.contains_key("X-Go") {
            request.set_headers.insert("x-SERVICE-address".into(), url.clone());
        }
        Reply::Object(Box::new(object))
    });
    let server = server.await;
    let gateway = gateway(server.target()).api(with_hook("go", "pre", "Go", &upstream)).start().await;
    let moved = gateway.get("/go/x").header("X-Go", "1").send().await;
    assert_eq!(moved.text(), "elsewhere");
    assert_eq!(elsewhere.last().header("X-Service-Address"), None);
    // A client that writes the header moves nothing.
    let stayed = gateway.get("/go/x").header("X-Service-Address", elsewhere.url()).send().await;
    assert_eq!(stayed.text(), "up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_fields_asks_for_nothing_and_has_no_url() {
    let upstream = Upstream::named("up").await;
    let server = PluginServer::start(|mut object: Object| {
        match &*object.hook_name {
            "Empty" => object = Object::default(),
            "NoOverrides" => object.request.as_mut().unwrap().return_overrides = None,
            _ => object.response = None,
        }
        Reply::Object(Box::new(object))
    });
    let server = server.await;
    let gateway = gateway(server.target())
        .api(with_hook("empty", "pre", "Empty", &upstream))
        .api(with_hook("fine", "pre", "NoOverrides", &upstream))
        .api(with_hook("response", "response", "NoResponse", &upstream))
        .start()
        .await;
    // An empty URL is an edit, as in Tyk; a missing request crashes Tyk.
    let empty = gateway.get("/empty/x").send().await;
    assert_eq!((empty.status, empty.text().contains("Middleware error")), (500, true));
    assert_eq!(gateway.get("/fine/x").send().await.text(), "up");
    let response = gateway.get("/response/x").send().await;
    assert_eq!((response.status, response.text().contains("Middleware error")), (500, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_an_api_reach_its_server() {
    let upstream = Upstream::named("up").await;
    let server = PluginServer::start(|mut object: Object| {
        let overrides = object.request.as_mut().unwrap().return_overrides.as_mut().unwrap();
        overrides.response_code = 403;
        let metadata = [("token".to_owned(), "of-session".to_owned())].into();
        object.session = Some(Box::new(SessionState { metadata, ..SessionState::default() }));
        Reply::Object(Box::new(object))
    });
    let denied = server.await;
    let handlers = json!([{ "handler_name": "cp_dynamic_handler", "handler_meta": { "name": "OnFailure" } }]);
    let definition = with_auth(grpc("denied", &upstream), "Auth")
        .set("pinhook.grpc_server", denied.target())
        .set("event_handlers.events.AuthFailure", handlers);
    // The gateway's own is not there: the API's counts for events, too.
    let gateway = gateway("localhost:1").api(definition).start().await;
    assert_eq!(gateway.get("/denied/x").send().await.status, 403);
    until("the event", async || !denied.events().is_empty()).await;
    let event: Value = serde_json::from_str(&denied.events()[0]).unwrap();
    assert_eq!(event["message"]["Type"], "AuthFailure", "{event}");
    assert_eq!(event["message"]["Meta"]["Key"], "of-session", "{event}");
    assert_eq!(event["handler_name"], "OnFailure");
    assert_eq!(event["spec"], json!({ "APIID": "denied", "OrgID": "org" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_and_an_api_may_have_servers_of_their_own() {
    let upstream = Upstream::named("up").await;
    let common = PluginServer::start(|object| mark(object, "common")).await;
    let of_api = PluginServer::start(|object| mark(object, "api")).await;
    let of_entry = PluginServer::start(|object| mark(object, "entry")).await;
    let own = json!({ "name": "Mark", "pinhook": { "grpc_server": of_entry.target() } });
    let gateway = gateway(common.target())
        .api(with_hook("common", "pre", "Mark", &upstream))
        .api(with_hook("api", "pre", "Mark", &upstream).set("pinhook.grpc_server", of_api.target()))
        .api(grpc("entry", &upstream).set("pinhook.grpc_server", of_api.target()).entry("pre", own))
        .start()
        .await;
    for id in ["common", "api", "entry"] {
        gateway.get(&format!("/{id}/x")).send().await;
        assert_eq!(upstream.last().header("X-Mark").as_deref(), Some(id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_a_refusal_or_goes_out_as_it_is() {
    let upstream = Upstream::named("up").await;
    let server = PluginServer::start(|mut object: Object| {
        let request = object.request.as_mut().unwrap();
        let flags = &request.params;
        let headers =
            [("X-Ov".to_owned(), "1".to_owned()), ("Content-Type".to_owned(), "text/css".to_owned())];
        request.return_overrides = Some(ReturnOverrides {
            response_code: flags["code"].parse().unwrap(),
            response_error: flags.get("error").cloned().unwrap_or_default(),
            response_body: flags.get("body").cloned().unwrap_or_default(),
            override_error: flags.contains_key("raw"),
            headers: headers.into(),
        });
        Reply::Object(Box::new(object))
    });
    let server = server.await;
    let gateway = gateway(server.target())
        .api(with_hook("pre", "pre", "F", &upstream))
        .api(with_auth(grpc("auth", &upstream), "F"))
        .start()
        .await;
    for (query, status, as_it_is, text) in [
        ("code=200&body=b", 200, true, "b"),
        ("code=302&body=b&error=e", 302, true, "e"),
        ("code=401&error=e&body=b", 401, false, "e"),
        ("code=403&body=b", 403, false, "b"),
        ("code=429", 429, false, "Key not authorised"),
        ("code=418&body=b&raw=1", 418, true, "b"),
    ] {
        for api in ["pre", "auth"] {
            let answer = gateway.get(&format!("/{api}/x?{query}")).send().await;
            assert_eq!((answer.status, answer.header("x-ov")), (status, Some("1")), "{api} {query}");
            let kind = if as_it_is { "text/css" } else { "application/json" };
            assert_eq!(answer.header("content-type"), Some(kind), "{api} {query}");
            let said = if as_it_is { answer.text() } else { answer.error().1 };
            assert_eq!(said, text, "{api} {query}");
        }
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_has_the_headers_of_the_list() {
    let upstream = Upstream::named("up").await;
    let server = PluginServer::start(|mut object: Object| {
        assert!(object.session.is_some() && object.metadata.is_empty());
        let response = object.response.as_mut().unwrap();
        let values = vec!["a".to_owned(), "b".to_owned()];
        response.multivalue_headers.push(Header { key: "X-List".to_owned(), values });
        response.status_code = 0;
        response.raw_body = "longer than it was".into();
        // Of no effect.
        let request = object.request.as_mut().unwrap();
        request.return_overrides.as_mut().unwrap().response_code = 500;
        Reply::Object(Box::new(object))
    });
    let server = server.await;
    let gateway = gateway(server.target()).api(with_hook("list", "response", "F", &upstream)).start().await;
    let answer = gateway.get("/list/x").send().await;
    assert_eq!((answer.status, &*answer.text()), (200, "longer than it was"));
    let values = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-list"));
    assert_eq!(values.map(|(_, value)| &**value).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(answer.header("content-length"), Some("18"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_target_is_told_as_it_came_and_an_empty_method_is_get() {
    let upstream = Upstream::named("up").await;
    let server = PluginServer::start(|mut object: Object| {
        let request = object.request.as_mut().unwrap();
        if object.hook_name == "Move" {
            request.url = "/moved/there?x=1".to_owned();
        } else {
            let seen = format!("{} {} {}", request.method, request.url, request.request_uri);
            request.set_headers.insert("X-Seen".into(), seen);
            request.method.clear();
        }
        Reply::Object(Box::new(object))
    });
    let server = server.await;
    let definition = with_hook("moved", "pre", "Move", &upstream).entry("pre", json!({ "name": "See" }));
    let gateway = gateway(server.target()).api(definition).start().await;
    assert_eq!(gateway.request("DELETE", "/moved/here?x=1").send().await.status, 200);
    let seen = upstream.last();
    assert_eq!(seen.header("X-Seen").as_deref(), Some("DELETE /moved/there?x=1 /moved/here?x=1"));
    assert_eq!(seen.method, "GET");
}

/// A client that calls itself one of gRPC has its body streamed: nobody is let in for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_asked_about_without_its_body() {
    let upstream = Upstream::named("up").await;
    let server = PluginServer::start(|mut object: Object| {
        let request = object.request.as_mut().unwrap();
        let overrides = request.return_overrides.as_mut().unwrap();
        overrides.response_code = if request.raw_body.is_empty() { 401 } else { 500 };
        Reply::Object(Box::new(object))
    });
    let server = server.await;
    let gateway = gateway(server.target())
        .api(with_hook("pre", "pre", "F", &upstream))
        .api(with_auth(grpc("auth", &upstream), "F"))
        .start()
        .await;
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (client, connection) = in_time("a handshake", h2::client::handshake(stream)).await.unwrap();
    tokio::spawn(connection);
    for (count, api) in [(1, "pre"), (2, "auth")] {
        let call = Request::post(format!("http://gateway.test/{api}/pkg.Service/Call"))
            .header("content-type", "application/grpc")
            .body(())
            .unwrap();
        let mut client = client.clone().ready().await.unwrap();
        let (answer, mut out) = client.send_request(call, false).unwrap();
        // The refusal may be there before it.
        let _ = out.send_data(Bytes::from_static(b"\0\0\0\0\x011"), true);
        let answer = in_time("the answer", answer).await.unwrap();
        assert_eq!((answer.status().as_u16(), server.calls()), (401, count), "{api}");
    }
    assert_eq!(upstream.count(), 0);
}
