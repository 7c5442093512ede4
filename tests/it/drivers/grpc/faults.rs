//! Servers that are away, hang, break or answer nonsense: the request fails in Tyk's words, others do not notice.

use std::time::{Duration, Instant};

use bytes::Bytes;
use pinhook::hook::drivers::grpc::proto::Object;
use serde_json::json;

use super::{gateway, grpc, mark, with_auth, with_hook};
use crate::support::{
    client::Response,
    definition::api,
    free_port,
    gateway::Gateway,
    plugin_server::{PluginServer, Reply},
    upstream::Upstream,
};

/// What clients are told of a hook that fails.
fn assert_failed(answer: &Response, expected: (u16, &str)) {
    assert_eq!(answer.status, expected.0, "{}", answer.text());
    assert!(answer.text().contains(expected.1), "{}", answer.text());
}

const MIDDLEWARE: (u16, &str) = (500, "Middleware error");
const DENIED: (u16, &str) = (403, "Key not authorised");

/// One API per place of a hook, and one without.
async fn all_places(target: &str, upstream: &Upstream, function: &str) -> Gateway {
    let short = json!({ "name": function, "pinhook": { "timeout_ms": 300 } });
    let auth = with_auth(grpc("auth", upstream), function).set("custom_middleware.auth_check", short.clone());
    gateway(target)
        .api(grpc("pre", upstream).entry("pre", short.clone()))
        .api(grpc("post", upstream).entry("post", short.clone()))
        .api(grpc("response", upstream).entry("response", short))
        .api(auth)
        .api(api("plain").target(upstream))
        .start()
        .await
}

async fn assert_all_fail(gateway: &Gateway, upstream: &Upstream) {
    for (path, expected) in
        [("/pre/x", MIDDLEWARE), ("/post/x", MIDDLEWARE), ("/response/x", MIDDLEWARE), ("/auth/x", DENIED)]
    {
        let before = upstream.count();
        assert_failed(&gateway.get(path).send().await, expected);
        let reached = usize::from(path == "/response/x");
        assert_eq!(upstream.count(), before + reached, "{path}");
    }
    assert_eq!(gateway.get("/plain/x").send().await.status, 200);
    let errors = r#"pinhook_hook_errors_total{api="pre",hook="pre",driver="grpc",function="F"}"#;
    assert!(gateway.metric(errors) >= Some(1.0), "{}", gateway.metrics());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_and_refusals_fail_that_call_alone() {
    let upstream = Upstream::named("up").await;
    let replies: [fn(Object) -> Reply; 6] = [
        |_| Reply::Status(14, "crash asked for"),
        |_| Reply::Raw(7, Bytes::from_static(b"\xff\xff\xff\xff\xff\xff\xff")),
        |_| Reply::Raw(20 << 20, Bytes::from(vec![0; 20 << 20])),
        |_| Reply::Raw(100, Bytes::from_static(b"short")),
        |_| Reply::Page,
        |_| Reply::Cut,
    ];
    for reply in replies {
        let server = PluginServer::start(reply).await;
        let gateway = all_places(server.target(), &upstream, "F").await;
        assert_all_fail(&gateway, &upstream).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_holds_up_nobody_else() {
    let upstream = Upstream::named("up").await;
    let server =
        PluginServer::start(
            |object: Object| {
                if object.hook_name == "F" { Reply::Silence } else { mark(object, "quick") }
            },
        );
    let server = server.await;
    let gateway = all_places(server.target(), &upstream, "F").await;
    gateway.put(&with_hook("quick", "pre", "Quick", &upstream));
    gateway.reload().await;
    let hanging: Vec<_> = (0..32).map(|_| tokio::spawn(gateway.get("/pre/x").send())).collect();
    let started = Instant::now();
    for path in ["/plain/x", "/quick/x"] {
        assert_eq!(gateway.get(path).send().await.status, 200, "{path}");
    }
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
    for call in hanging {
        assert_failed(&call.await.unwrap(), MIDDLEWARE);
    }
    assert_all_fail(&gateway, &upstream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_come_late_go_and_come_back() {
    let upstream = Upstream::named("up").await;
    let port = free_port();
    let gateway = all_places(&format!("127.0.0.1:{port}"), &upstream, "F").await;
    assert_all_fail(&gateway, &upstream).await;
    for turn in ["first", "second"] {
        let server = PluginServer::at(([127, 0, 0, 1], port).into(), move |object| mark(object, turn)).await;
        for _ in 0..4 {
            assert_eq!(gateway.get("/pre/x").send().await.status, 200);
            assert_eq!(upstream.last().header("X-Mark").as_deref(), Some(turn));
        }
        drop(server);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_failed(&gateway.get("/pre/x").send().await, MIDDLEWARE);
        // The other connection breaks, too.
        assert_failed(&gateway.get("/pre/x").send().await, MIDDLEWARE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_dead_is_given_up() {
    let upstream = Upstream::named("up").await;
    let server = PluginServer::start(|_| Reply::Silence).await;
    let entry = json!({ "name": "F", "pinhook": { "timeout_ms": 50 } });
    let gateway = gateway(server.target()).api(grpc("dead", &upstream).entry("pre", entry)).start().await;
    for _ in 0..8 {
        assert_failed(&gateway.get("/dead/x").send().await, MIDDLEWARE);
    }
    assert!(server.connections() >= 4, "{}", server.connections());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_have_the_size_that_the_settings_say() {
    let upstream = Upstream::named("up").await;
    let server = PluginServer::start(|mut object: Object| {
        object.metadata.insert("more".into(), "x".repeat(1000));
        Reply::Object(Box::new(object))
    });
    let server = server.await;
    for (received, sent, status) in [(0, 0, 200), (900, 0, 500), (0, 100, 500), (12 << 20, 12 << 20, 200)] {
        let gateway = gateway(server.target()).config(|config| {
            config.coprocess_options.grpc_recv_max_size = received;
            config.coprocess_options.grpc_send_max_size = sent;
        });
        let gateway = gateway.api(with_hook("size", "pre", "F", &upstream)).start().await;
        assert_eq!(gateway.get("/size/x").send().await.status, status, "{received} {sent}");
        // Above gRPC's own limit of 4 MiB; the body is there twice, as bytes and as text.
        let large = gateway.request("POST", "/size/x").body("b".repeat(5 << 20)).send().await;
        assert_eq!(large.status, if received > 1000 { 200 } else { 500 }, "{received} {sent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_meant_is_named_at_load() {
    let upstream = Upstream::named("up").await;
    for (target, reason) in [
        ("", "names no server"),
        ("localhost", "names no port"),
        ("ftp://localhost:1", "no scheme of a gRPC server"),
        ("dns://8.8.8.8/localhost:1", "names are asked of the system"),
        ("tls://localhost:99999", "is no port"),
        ("unix://", "names no file"),
    ] {
        let gateway = gateway(target).api(with_hook("lost", "pre", "F", &upstream)).start().await;
        let status = gateway.control("GET", "/tyk/apis/lost/status").send().await.text();
        assert!(status.contains(reason), "{target}: {status}");
        assert_eq!(gateway.get("/lost/x").send().await.status, 500, "{target}");
    }
}
