//! The control API and the probes, as monitoring and deploy scripts use them.

mod access;
mod apis;
mod keys;
mod numbers;
mod oas;
mod organisations;
mod plugin_test;
mod policies;
mod trial;

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    client::{Request, Response},
    definition::api,
    free_port,
    gateway::Gateway,
    program::Program,
    redis::Redis,
    until,
    upstream::Upstream,
};

fn outcome(response: &Response) -> (u16, String) {
    let body = response.json();
    (response.status, format!("{}: {}", body["status"].as_str().unwrap(), body["message"].as_str().unwrap()))
}

/// A call with a body; its status and what it answered.
async fn call(gateway: &Gateway, method: &str, path: &str, body: Value) -> (u16, Value) {
    let response = gateway.control(method, path).body(body.to_string()).send().await;
    assert_eq!(response.header("content-type"), Some("application/json"), "{method} {path}");
    assert!(response.text().ends_with('\n'), "{method} {path}");
    (response.status, response.json())
}

/// The same without a body.
async fn ask(gateway: &Gateway, method: &str, path: &str) -> (u16, Value) {
    let response = gateway.control(method, path).send().await;
    (response.status, response.json())
}

fn error(status: u16, message: &str) -> (u16, Value) {
    (status, json!({"status": "error", "message": message}))
}

fn done(key: &str, action: &str) -> (u16, Value) {
    (200, json!({"key": key, "status": "ok", "action": action}))
}

const FORBIDDEN: &str = "error: Attempted administrative access with invalid or missing key!";

#[tokio::test]
async fn probes_need_no_secret_and_answer_get_alone() {
    let gateway = Gateway::build().start().await;
    for (path, description) in [("/hello", "Tyk GW"), ("/ready", "Tyk GW Ready")] {
        let response = gateway.get(path).send().await;
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(
            response.json(),
            json!({
                "status": "pass", "version": concat!("v", env!("CARGO_PKG_VERSION")), "description": description,
            })
        );
        assert_eq!(
            outcome(&gateway.request("POST", path).send().await),
            (405, "error: Method Not Allowed".into())
        );
        assert_eq!(gateway.get(&format!("{path}/x")).send().await.status, 404);
    }
}

#[tokio::test]
async fn probes_may_have_other_names() {
    let builder = Gateway::build().config(|config| {
        config.health_check_endpoint_name = "alive".to_owned();
        config.readiness_check_endpoint_name = "set".to_owned();
    });
    let gateway = builder.start().await;
    for (path, status) in [("/alive", 200), ("/set", 200), ("/hello", 404), ("/ready", 404)] {
        assert_eq!(gateway.get(path).send().await.status, status, "{path}");
    }
}

#[tokio::test]
async fn probes_tell_of_a_redis_that_went_away() {
    let mut redis = Redis::start();
    let builder = Gateway::build().config(|config| {
        config.storage = redis.storage();
        config.liveness_check.check_duration = pinhook::config::GoDuration::from_nanos(20_000_000);
    });
    let gateway = builder.start().await;
    let redis_status =
        async || gateway.get("/hello").send().await.json()["details"]["redis"]["status"].clone();
    until("Redis was looked at", async || redis_status().await == "pass").await;
    assert_eq!(gateway.get("/ready").send().await.status, 200);

    redis.kill();
    until("the loss is seen", async || redis_status().await == "fail").await;
    let hello = gateway.get("/hello").send().await;
    assert_eq!((hello.status, &hello.json()["status"]), (200, &json!("fail")));
    let ready = gateway.get("/ready").send().await;
    assert_eq!(outcome(&ready), (503, "error: Redis connection not available".to_owned()));

    redis.restart();
    until("it is back", async || gateway.get("/ready").send().await.status == 200).await;
}

#[tokio::test]
async fn calls_without_the_secret_are_refused() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(api("root").listen("/").target(&upstream)).start().await;
    for path in ["/tyk/reload", "/tyk/apis", "/tyk/apis/root/status", "/tyk/none", "/tyk/"] {
        for request in [gateway.get(path), gateway.get(path).header("X-Tyk-Authorization", "sesam")] {
            assert_eq!(outcome(&request.send().await), (403, FORBIDDEN.to_owned()), "{path}");
        }
    }
    assert_eq!(upstream.count(), 0, "an API on / does not shadow the control API");
    assert_eq!(gateway.get("/tykk").send().await.text(), "up");
}

#[tokio::test]
async fn unknown_calls_and_methods_have_their_own_answers() {
    let gateway = Gateway::build().start().await;
    for path in ["/tyk/none", "/tyk/apis/a/b/c", "/tyk"] {
        let response = gateway.control("GET", path).send().await;
        assert_eq!((response.status, response.text().as_str()), (404, "404 page not found\n"), "{path}");
    }
    for (method, path) in [("POST", "/tyk/reload"), ("DELETE", "/tyk/apis/a/status"), ("PATCH", "/tyk/apis")]
    {
        let response = gateway.control(method, path).send().await;
        assert_eq!(outcome(&response), (405, "error: Method not supported".to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn definitions_can_be_listed_and_read() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(api("one").target(&upstream))
        .api(api("two").target(&upstream).set("something_unknown", 5))
        .start()
        .await;

    let all = gateway.control("GET", "/tyk/apis").send().await.json();
    let ids: Vec<_> = all.as_array().unwrap().iter().map(|api| api["api_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["one", "two"]);
    let two = gateway.control("GET", "/tyk/apis/two").send().await.json();
    assert_eq!(two, all[1]);
    assert_eq!(two["proxy"]["listen_path"], "/two/");
    assert_eq!(two["something_unknown"], 5, "what is unknown here is kept");

    let status = gateway.control("GET", "/tyk/apis/two/status").send().await.json();
    assert_eq!((&status["api_id"], &status["state"]), (&json!("two"), &json!("serves")));
    assert_eq!(status["file"], gateway.file("two.json").display().to_string());

    for path in ["/tyk/apis/three", "/tyk/apis/three/status"] {
        let response = gateway.control("GET", path).send().await;
        assert_eq!(outcome(&response), (404, "error: API not found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_reload_that_blocks_has_happened_and_any_other_does_soon() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().start().await;
    let reload = async |path: &str| {
        assert_eq!(outcome(&gateway.control("GET", path).send().await), (200, "ok: ".to_owned()), "{path}");
    };

    gateway.put(&api("one").target(&upstream));
    reload("/tyk/reload?block=true").await;
    assert_eq!(gateway.get("/one/x").send().await.status, 200);
    for (path, id) in [("/tyk/reload", "two"), ("/tyk/reload/", "three"), ("/tyk/reload/group", "four")] {
        gateway.put(&api(id).target(&upstream));
        reload(path).await;
        let target = format!("/{id}/x");
        until("the reload", async || gateway.get(&target).send().await.status == 200).await;
    }

    gateway.write("one.json", "{");
    reload("/tyk/reload?block=true").await;
    assert_eq!(gateway.get("/one/x").send().await.status, 200, "a failed reload keeps the last good version");
}

#[tokio::test]
async fn the_control_api_may_have_a_port_of_its_own() {
    let upstream = Upstream::named("up").await;
    let port = free_port();
    let builder = Gateway::build().api(api("root").listen("/").target(&upstream));
    let gateway = builder
        .config(|config| {
            config.control_api_port = port;
        })
        .start()
        .await;
    let control = format!("127.0.0.1:{port}").parse().unwrap();
    let traffic = gateway.addresses().into_iter().find(|address| address.port() != port).unwrap();
    let at = |address, path| {
        Request::new(address, "GET", path)
            .header("X-Tyk-Authorization", crate::support::gateway::SECRET)
            .send()
    };

    assert_eq!(at(control, "/tyk/apis").await.status, 200);
    assert_eq!(at(control, "/hello").await.status, 200);
    assert_eq!(at(control, "/anything").await.status, 404, "no traffic there");
    assert_eq!(at(traffic, "/tyk/apis").await.text(), "up", "no control there");
    assert_eq!(at(traffic, "/anything").await.text(), "up");
}

#[tokio::test]
async fn ready_is_over_once_the_gateway_stops() {
    let gateway = Gateway::build().config(|config| config.graceful_shutdown_delay_seconds = 1).start().await;
    assert_eq!(gateway.get("/ready").send().await.status, 200);
    let stopping = gateway.stop();
    let seen = async {
        until("not ready", async || gateway.get("/ready").send().await.status == 503).await;
        outcome(&gateway.get("/ready").send().await)
    };
    let ((), seen) = tokio::join!(stopping, seen);
    assert_eq!(seen, (503, "error: Gateway is shutting down".to_owned()));
}

#[tokio::test]
async fn sighup_reloads_and_the_log_names_what_is_broken() {
    let upstream = Upstream::named("up").await;
    let program = Program::build().api(api("old").target(&upstream)).start().await;
    assert_eq!(program.get("/new/x").send().await.status, 404);

    program.put(&api("new").target(&upstream));
    fs::write(program.file("apps/broken.json"), "{").unwrap();
    program.signal(Signal::HUP);

    until("the reload", async || program.get("/new/x").send().await.status == 200).await;
    assert_eq!(program.get("/old/x").send().await.status, 200);
    until("the log", async || program.log().contains("broken.json")).await;
}
