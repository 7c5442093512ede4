//! Native hooks in a whole gateway: what reaches the upstream, and what a bad plugin costs. The driver by itself is
//! tested in `drivers/native`.

use std::{fs, path::PathBuf, sync::Arc, time::Instant};

use serde_json::json;

use crate::support::{
    definition::{Definition, api},
    gateway::Gateway,
    plugins::{build, build_c, build_example, compiler, run, temporary},
    until,
    upstream::{Answer, Seen, Upstream},
};

#[tokio::test]
async fn a_hook_sets_a_header_that_the_upstream_sees() {
    let upstream = Upstream::named("up").await;
    for list in ["pre", "post"] {
        let definition = api("a").target(&upstream).hook(list, &build("add_header"), "AddFooHeader");
        let gateway = Gateway::build().api(definition).start().await;

        assert_eq!(gateway.get("/a/x").header("foo", "old").send().await.text(), "up");

        assert_eq!(upstream.last().header("foo").as_deref(), Some("Bar"), "{list}");
        assert_eq!(
            upstream.last().headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("foo")).count(),
            1
        );
    }
}

#[tokio::test]
async fn a_hook_for_one_endpoint_runs_there_only() {
    let upstream = Upstream::named("up").await;
    let entry = json!([{
        "path": "/with", "method": "GET", "func_name": "AddFooHeader", "plugin_path": build("add_header"),
    }]);
    let gateway =
        Gateway::build().api(api("a").target(&upstream).endpoints("go_plugin", entry)).start().await;

    for (method, path, header) in
        [("GET", "/a/with", Some("Bar")), ("GET", "/a/other", None), ("POST", "/a/with", None)]
    {
        gateway.request(method, path).send().await;
        assert_eq!(upstream.last().header("foo").as_deref(), header, "{method} {path}");
    }
}

#[tokio::test]
async fn a_hook_answers_by_itself_and_the_upstream_is_left_alone() {
    let upstream = Upstream::named("up").await;
    let on = json!({ "maintenance": { "on": true, "retry_after": 120, "message": "Back at noon." } });
    let definition =
        api("a").target(&upstream).hook("pre", &build("maintenance"), "Maintenance").set("config_data", on);
    let gateway = Gateway::build().api(definition.clone()).start().await;

    let response = gateway.get("/a/x").send().await;

    assert_eq!((response.status, response.text().as_str()), (503, "Back at noon.\n"));
    assert_eq!(response.header("retry-after"), Some("120"));
    assert_eq!(response.header("content-length"), Some("14"));
    assert_eq!(upstream.count(), 0);

    gateway.put(&definition.set("config_data", json!({})));
    gateway.reload().await;
    assert_eq!(gateway.get("/a/x").send().await.text(), "up", "new config data counts after a reload");
}

#[tokio::test]
async fn hooks_see_config_data_and_what_earlier_hooks_left() {
    let upstream = Upstream::named("up").await;
    let rough = build("rough");
    let definition = api("a")
        .target(&upstream)
        .hook("pre", &rough, "LeavesMetadata")
        .hook("post", &rough, "ShowsMetadata")
        .set("config_data", json!({ "answer": 42 }));
    let gateway = Gateway::build().api(definition).start().await;

    gateway.get("/a/x").header("Leave", "first").send().await;
    let seen = upstream.last();
    assert_eq!(seen.header("x-metadata").as_deref(), Some("first"));
    assert_eq!(seen.header("x-config").as_deref(), Some(r#"{"answer":42}"#));
    gateway.get("/a/x").send().await;
    assert_eq!(
        upstream.last().header("x-metadata").as_deref(),
        Some("none"),
        "metadata ends with its request"
    );
}

#[tokio::test]
async fn the_examples_edit_bodies_and_answers() {
    let echo = |seen: &Seen| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
        let mut answer = format!("{head}\r\nContent-Length: {}\r\n\r\n", seen.body.len()).into_bytes();
        answer.extend_from_slice(&seen.body);
        answer
    };
    let upstream = Upstream::answering(Answer::By(Arc::new(echo))).await;
    let masked = json!({ "mask_json": { "fields": ["card"], "keep_last": 4 } });
    let definition = api("a")
        .target(&upstream)
        .hook("post", &build_example("c++", "envelope/envelope.cpp", &["-std=c++17"]), "Envelope")
        .hook("response", &build("mask_json"), "MaskJson")
        .hook(
            "response",
            &build_example("cc", "stamp_response/stamp_response.c", &["-std=c99"]),
            "StampResponse",
        )
        .set("config_data", masked);
    let gateway = Gateway::build().api(definition).start().await;

    let request = gateway.request("POST", "/a/x").header("Content-Type", "application/json");
    let response = request.header("X-Request-Id", "7").body(r#"{"card":"12345678"}"#).send().await;

    let sealed = r#"{"client":"127.0.0.1","payload":{"card":"12345678"}}"#;
    assert_eq!(upstream.last().body, sealed.as_bytes());
    assert_eq!(upstream.last().header("content-length"), Some(sealed.len().to_string()));
    assert_eq!((response.status, response.header("x-request-id")), (200, Some("7")));
    let masked = sealed.replace("1234", "****");
    assert_eq!(response.text(), masked);
    assert_eq!(response.header("content-length"), Some(&*masked.len().to_string()));
}

/// A definition whose one pre hook is bad, and a part of what the load says about it.
struct Bad {
    id: &'static str,
    path: PathBuf,
    function: &'static str,
    driver: &'static str,
    says: &'static str,
}

fn bad_plugins() -> Vec<Bad> {
    let text = temporary("no_elf.so");
    fs::write(&text, "#!/bin/sh\n").unwrap();
    let bad = |id, path, function, says| Bad { id, path, function, driver: "goplugin", says };
    vec![
        bad("missing", PathBuf::from("/nowhere/gone.so"), "X", "no such file"),
        bad("abi", build_c("other_abi.c", &[]), "Nothing", "ABI 7"),
        bad("text", text, "X", "not an ELF library"),
        bad("go", build_c("go_like.c", &["-DBUILD_MODE=\"plugin\""]), "X", "pinhook plugin build"),
        bad("function", build("add_header"), "AddFooHeadr", "AddFooHeader"),
        Bad {
            driver: "fortran",
            ..bad("driver", build("add_header"), "AddFooHeader", "unknown driver \"fortran\"")
        },
    ]
}

#[tokio::test]
async fn a_hook_that_cannot_be_loaded_means_500_for_its_api_alone() {
    let upstream = Upstream::named("up").await;
    let mut builder = Gateway::build().api(api("good").target(&upstream));
    for Bad { id, path, function, driver, .. } in bad_plugins() {
        builder = builder.api(
            api(id).target(&upstream).hook("pre", &path, function).set("custom_middleware.driver", driver),
        );
    }
    let gateway = builder.start().await;

    let report = gateway.reload().await;
    for Bad { id, says, .. } in bad_plugins() {
        let response = gateway.get(&format!("/{id}/x")).send().await;
        assert_eq!(response.error(), (500, "Internal Server Error".to_owned()), "{id}");
        let file = format!("/{id}.json");
        let named = report.problems.iter().find(|problem| problem.place.ends_with(&file));
        let named = named.unwrap_or_else(|| panic!("{id} is not named in {:?}", report.problems)).to_string();
        assert!(named.contains(says) && named.contains("custom_middleware.pre[0]"), "{id}: {named}");
        let status = gateway.control("GET", &format!("/tyk/apis/{id}/status")).send().await.json();
        assert!(status["problems"][0]["message"].as_str().unwrap().contains(says), "{id}: {status}");
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(gateway.get("/good/x").send().await.text(), "up");
}

#[tokio::test]
async fn an_entry_without_driver_is_left_out_while_the_coprocess_is_off() {
    let upstream = Upstream::named("up").await;
    // With it on, no hook is found: there is no such file, and no server.
    for (driver, on, status) in
        [("", false, 200), ("", true, 500), ("grpc", false, 200), ("grpc", true, 500), ("lua", true, 500)]
    {
        let definition = api("a")
            .target(&upstream)
            .entry("pre", json!({ "name": "Hook", "path": "hook.py" }))
            .set("custom_middleware.driver", driver);
        let builder = Gateway::build().api(definition);
        let gateway = builder.config(|config| config.coprocess_options.enable_coprocess = on).start().await;

        assert_eq!(gateway.get("/a/x").send().await.status, status, "{driver:?} {on}");

        let report = gateway.reload().await;
        assert!(
            report.problems.iter().any(|problem| problem.to_string().contains("custom_middleware.pre[0]")),
            "{driver:?} {on}: {:?}",
            report.problems
        );
    }
}

#[tokio::test]
async fn a_hook_that_panics_or_fails_costs_one_request() {
    let upstream = Upstream::named("up").await;
    let names = ["Panics", "PanicsAtOnce", "Fails"];
    let mut builder = Gateway::build();
    for name in names {
        builder = builder.api(api(name).target(&upstream).hook("pre", &build("rough"), name));
    }
    let gateway = builder.api(api("good").target(&upstream)).start().await;

    for name in names {
        for _ in 0..3 {
            let response = gateway.get(&format!("/{name}/x")).send().await;
            assert_eq!(response.error(), (500, "Internal Server Error".to_owned()), "{name}");
        }
        assert_eq!(gateway.get("/good/x").send().await.text(), "up");
        let labels = format!(r#"{{api="{name}",hook="pre",driver="goplugin",function="{name}"}}"#);
        assert_eq!(gateway.metric(&format!("pinhook_hook_errors_total{labels}")), Some(3.0));
    }
}

#[tokio::test]
async fn hooks_that_never_return_cost_their_threads_and_not_the_gateway() {
    let upstream = Upstream::named("up").await;
    let sleeps = json!({
        "name": "Sleeps", "path": build("rough"), "pinhook": { "timeout_ms": 400 },
    });
    let gateway = Gateway::build()
        .api(api("sleeps").target(&upstream).entry("pre", sleeps))
        .api(api("good").target(&upstream))
        .config(|config| config.pinhook.hook_threads = 2)
        .start()
        .await;
    let hang = async |ms: &str| {
        let start = Instant::now();
        let response = gateway.get("/sleeps/x").header("Sleep-Ms", ms).send().await;
        (response.status, start.elapsed().as_millis())
    };

    for _ in 0..2 {
        let (status, ms) = hang("86400000").await;
        assert_eq!(status, 500);
        assert!(ms >= 400, "the limit is 400 ms, it took {ms}");
    }
    let (status, ms) = hang("0").await;
    assert_eq!(status, 500);
    assert!(ms < 400, "every thread is stuck, so it fails at once, but it took {ms} ms");
    assert_eq!(gateway.get("/good/x").send().await.text(), "up");
    assert_eq!(upstream.count(), 1);
    assert_eq!(gateway.metric("pinhook_hook_threads_stuck"), Some(2.0));
}

/// A library whose `AddFooHeader` sets another value.
fn other_add_header() -> PathBuf {
    let (source, library) = (temporary("other_add_header.c"), temporary("other_add_header.so"));
    let code = r#"
        #include "pinhook.h"
        PINHOOK_EXPORT uint32_t pinhook_abi(void);
        PINHOOK_EXPORT int32_t AddFooHeader(const pinhook_api *api, pinhook_object *object);
        uint32_t pinhook_abi(void) { return PINHOOK_ABI; }
        int32_t AddFooHeader(const pinhook_api *api, pinhook_object *object) {
          return api->set_header(object, PINHOOK_STR("Foo"), PINHOOK_STR("Baz"));
        }
    "#;
    fs::write(&source, code).unwrap();
    run(compiler("cc").arg("-o").arg(&library).arg(&source));
    library
}

#[tokio::test]
async fn a_library_that_was_replaced_in_place_runs_after_a_reload() {
    let upstream = Upstream::named("up").await;
    let library = temporary("in_place.so");
    fs::copy(build("add_header"), &library).unwrap();
    let definition: Definition = api("a").target(&upstream).hook("pre", &library, "AddFooHeader");
    let gateway = Gateway::build().api(definition).start().await;
    let foo = async || {
        assert_eq!(gateway.get("/a/x").send().await.status, 200);
        upstream.last().header("foo")
    };

    assert_eq!(foo().await.as_deref(), Some("Bar"));
    fs::write(&library, fs::read(other_add_header()).unwrap()).unwrap();
    assert_eq!(foo().await.as_deref(), Some("Bar"), "writing over a library changes nothing yet");
    gateway.reload().await;
    assert_eq!(foo().await.as_deref(), Some("Baz"));

    fs::write(&library, "no library").unwrap();
    let report = gateway.reload().await;
    assert!(report.problems.iter().any(|problem| problem.message.contains("not an ELF library")));
    assert_eq!(foo().await.as_deref(), Some("Baz"), "the last good code keeps running");
}

#[tokio::test]
async fn a_reload_waits_for_no_hook_and_a_hook_in_flight_ends_well() {
    let upstream = Upstream::named("up").await;
    let definition = api("a").target(&upstream).hook("pre", &build("rough"), "Sleeps");
    let gateway = Gateway::build().api(definition.clone()).start().await;
    let calls = r#"pinhook_hook_calls_total{api="a",hook="pre",driver="goplugin",function="Sleeps"}"#;

    let mut waiting = gateway.get("/a/x").header("Sleep-Ms", "300").start().await;
    until("the hook runs", async || gateway.metric("pinhook_hook_threads") == Some(1.0)).await;
    gateway.put(&api("a").target(&upstream));
    gateway.reload().await;
    assert_eq!(gateway.get("/a/new").send().await.status, 200, "the new version serves at once");
    assert_eq!(gateway.metric(calls), Some(0.0), "the old call still runs");
    assert_eq!(waiting.response().await.status, 200);
    assert_eq!(upstream.last().header("slept").as_deref(), Some("yes"));
}
