//! What hooks, triggers and limits do with bodies that are held.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use super::{MODES, Mode, body, chunked, plugin};
use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::Gateway,
    upstream::{Answer, Upstream},
};

async fn with(upstream: &Upstream, hooks: &[(&str, &str)]) -> Gateway {
    let hooked = |definition: Definition, (list, hook): &(&str, &str)| definition.hook(list, &plugin(), hook);
    Gateway::build().api(hooks.iter().fold(api("a").target(upstream), hooked)).start().await
}

async fn post(gateway: &Gateway, body: &str) -> Response {
    gateway.request("POST", "/a/x").body(body).send().await
}

#[tokio::test]
async fn a_request_hook_sees_and_edits_the_body() {
    let upstream = Upstream::answering(Answer::Echo).await;
    for (hooks, sent, saw) in [
        (&[("pre", "ShowsRequest")][..], "as it came", Some("as it came")),
        (&[("pre", "EditsRequest"), ("post", "ShowsRequest")], "edited", Some("edited")),
    ] {
        let gateway = with(&upstream, hooks).await;
        let response = post(&gateway, "as it came").await;
        assert_eq!((response.status, response.text().as_str()), (200, sent), "{hooks:?}");
        let last = upstream.last();
        assert_eq!(last.header("content-length"), Some(sent.len().to_string()), "{hooks:?}");
        assert_eq!(last.header("x-body").as_deref(), saw, "{hooks:?}");
    }
}

#[tokio::test]
async fn an_edit_changes_the_framing_and_nothing_else() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = with(&upstream, &[("pre", "EditsRequest")]).await;
    let mut connection = gateway.connect().await;
    for request in [
        [
            b"POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
            &chunked(&body(70_000), 999)[..],
        ]
        .concat(),
        b"GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
    ] {
        connection.send(request).await;
        assert_eq!(connection.response().await.text(), "edited");
        let last = upstream.last();
        assert_eq!(
            (last.header("content-length").as_deref(), last.header("transfer-encoding")),
            (Some("6"), None)
        );
    }
}

#[tokio::test]
async fn a_response_hook_sees_and_edits_the_answer() {
    let upstream = Upstream::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Gone: 1\r\n\r\nupper").await;
    let gateway = with(&upstream, &[("response", "EditsResponse"), ("response", "ShowsResponse")]).await;
    let response = post(&gateway, "x").await;
    assert_eq!((response.status, response.text().as_str()), (201, "edited answer"));
    assert_eq!(response.header("content-length"), Some("13"));
    assert_eq!(
        (response.header("x-edited"), response.header("x-body")),
        (Some("yes"), Some("edited answer"))
    );

    let gateway = with(&upstream, &[("response", "EditsHead")]).await;
    let response = post(&gateway, "x").await;
    assert_eq!((response.status, response.text().as_str()), (202, "upper"));
    assert_eq!((response.header("x-head"), response.header("x-gone")), (Some("yes"), None));
}

#[tokio::test]
async fn a_response_hook_that_fails_leaves_the_answer_as_it_stood() {
    let upstream = Upstream::named("upper").await;
    for failing in ["EditsAndFails", "HeadFails"] {
        let gateway = with(&upstream, &[("response", failing), ("response", "EditsHead")]).await;
        let response = post(&gateway, "x").await;
        assert_eq!((response.status, response.text().as_str()), (200, "upper"), "{failing}");
        assert_eq!((response.header("x-failed"), response.header("x-head")), (None, None), "{failing}");
        let errors = format!(
            r#"pinhook_hook_errors_total{{api="a",hook="response",driver="goplugin",function="{failing}"}}"#
        );
        assert_eq!(gateway.metric(&errors), Some(1.0));
    }
}

#[tokio::test]
async fn a_response_hook_that_is_not_there_closes_the_api() {
    let upstream = Upstream::named("upper").await;
    let gateway = with(&upstream, &[("response", "NoSuchHook")]).await;
    assert_eq!(post(&gateway, "x").await.error(), (500, "Internal Server Error".to_owned()));
}

#[tokio::test]
async fn a_response_hook_can_answer_by_itself() {
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    for (answer, status) in [(long.as_str(), 403), ("HTTP/1.1 204 No Content\r\n\r\n", 403)] {
        let upstream = Upstream::raw(answer).await;
        for hooks in
            [&[("response", "Answers")][..], &[("response", "SeesResponse"), ("response", "Answers")]]
        {
            let gateway = with(&upstream, hooks).await;
            let mut connection = gateway.connect().await;
            for _ in 0..2 {
                connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
                let response = connection.response().await;
                assert_eq!((response.status, response.text().as_str()), (status, "not for you"), "{hooks:?}");
                assert_eq!(response.header("x-own"), Some("yes"));
            }
        }
    }
}

#[tokio::test]
async fn hooks_on_answers_do_not_run_on_the_gateways_own() {
    let upstream = Upstream::named("upper").await;
    let gateway = with(&upstream, &[("pre", "Answers"), ("response", "EditsResponse")]).await;
    let response = post(&gateway, "x").await;
    assert_eq!((response.status, response.text().as_str()), (403, "not for you"));
    assert_eq!(response.header("x-edited"), None);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn hooks_see_text_where_the_upstream_compresses() {
    let packed = gzip("plain text");
    let upstream = Upstream::answering(Answer::RawKept(compressed(&packed))).await;
    let gateway = with(&upstream, &[("response", "ShowsResponse")]).await;
    let response = post(&gateway, "x").await;
    assert_eq!(response.header("x-body"), Some("plain text"));
    assert_eq!(response.header("content-encoding"), Some("gzip"), "nobody touched it");
    assert!(response.body == packed);

    let gateway = with(&upstream, &[("response", "EditsResponse")]).await;
    let response = post(&gateway, "x").await;
    assert_eq!((response.header("content-encoding"), response.text().as_str()), (None, "edited answer"));
    assert_eq!(response.header("content-length"), Some("13"));

    let broken = Upstream::answering(Answer::RawKept(compressed(b"this is no gzip"))).await;
    let gateway = with(&broken, &[("response", "ShowsResponse")]).await;
    let response = post(&gateway, "x").await;
    assert_eq!(response.header("x-body"), Some("this is no gzip"), "as it came");
    assert_eq!(response.header("content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn what_is_held_has_a_limit() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let bomb = Upstream::answering(Answer::RawKept(compressed(&gzip(&"x".repeat(100_000))))).await;
    for mode in MODES {
        let start = async |upstream: &Upstream| {
            let builder = Gateway::build().api(mode.api(upstream));
            builder.config(|config| config.pinhook.max_buffered_body = 1_000).start().await
        };
        let gateway = start(&upstream).await;
        for (length, fits) in [(1_000, true), (1_001, false), (100_000, false)] {
            let body = body(length);
            let declared = format!("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
            let undeclared = b"POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
            for request in
                [[declared.as_bytes(), &body].concat(), [&undeclared[..], &chunked(&body, 400)].concat()]
            {
                let mut connection = gateway.connect().await;
                connection.send(request).await;
                let response = connection.response().await;
                let expected = match mode {
                    _ if fits => 200,
                    Mode::Request | Mode::Both => 413,
                    Mode::Response => 502,
                    Mode::Streamed | Mode::Head => 200,
                };
                assert_eq!(response.status, expected, "{mode:?} {length}");
            }
        }
        let status = start(&bomb).await.get("/a/x").send().await.status;
        assert_eq!(status, if mode.holds_answers() { 502 } else { 200 }, "{mode:?}");
    }
}

#[tokio::test]
async fn a_rewrite_looks_at_bodies_of_its_endpoint_only() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let rules = json!([{ "path": "/t", "method": "POST", "match_pattern": "/t", "rewrite_to": "/default",
        "triggers": [{ "on": "all", "rewrite_to": "/hit/$tyk_context.trigger-0-payload-1-0",
            "options": { "payload_matches": { "match_rx": "bar(\\w*)" } } }] }]);
    let definition = api("a").target(&upstream).endpoints("url_rewrites", rules);
    let gateway = Gateway::build()
        .api(definition)
        .config(|config| config.pinhook.max_buffered_body = 1_000)
        .start()
        .await;
    for (path, body, target, status) in [
        ("/a/t", "{\"foo\":\"barxxx\",\"fooble\":\"baryyy\"}".to_owned(), "/hit/yyy", 200),
        ("/a/t", "nothing".to_owned(), "/default", 200),
        ("/a/other", "x".repeat(2_000), "/other", 200),
        ("/a/t", "x".repeat(2_000), "", 413),
    ] {
        let response = gateway.request("POST", path).body(body.as_str()).send().await;
        assert_eq!(response.status, status, "{path}");
        if status == 200 {
            assert_eq!((upstream.last().target.as_str(), response.text()), (target, body));
        }
    }
}
