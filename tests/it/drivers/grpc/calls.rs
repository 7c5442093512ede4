//! What servers are asked, and what becomes of their answers.

use std::sync::{Arc, Mutex};

use pinhook::hook::drivers::grpc::proto::{HookType, Object};
use serde_json::{Value, json};

use super::{gateway, grpc, mark, with_auth, with_hook};
use crate::support::{
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
