//! Upstreams that are not there, or answer what is no answer.

use crate::support::{
    definition::api,
    fault::{Fault, FaultyUpstream},
    free_port,
    gateway::Gateway,
    upstream::{Answer, Upstream},
};

const PROBLEM: &str = "There was a problem proxying the request";

#[tokio::test]
async fn an_upstream_that_gives_no_answer_is_a_500() {
    let (closes, garbage, dies, half) = (
        Upstream::raw("").await,
        Upstream::raw("\x16\x03\x01 this is no HTTP at all\r\n\r\n").await,
        Upstream::raw("HTTP/1.1 200 OK\r\nContent-Le").await,
        Upstream::raw("HTTP/1.1 2").await,
    );
    let greets = Upstream::answering(Answer::Greet(b"SSH-2.0-OpenSSH_9.6\r\n".into())).await;
    for (what, url, message) in [
        ("refused", format!("http://127.0.0.1:{}", free_port()), PROBLEM),
        ("unknown host", "http://no-such-host.invalid".to_owned(), "Upstream host lookup failed"),
        ("closes", closes.url(), PROBLEM),
        ("garbage", garbage.url(), PROBLEM),
        ("another protocol", greets.url(), PROBLEM),
        ("dies in its head", dies.url(), PROBLEM),
        ("dies in its status line", half.url(), PROBLEM),
        ("no TLS", greets.url().replace("http:", "https:"), PROBLEM),
    ] {
        let gateway = Gateway::build().api(api("a").target_url(url)).start().await;
        for (method, body) in [("GET", ""), ("POST", "a body")] {
            let mut request = gateway.request(method, "/a/x");
            if !body.is_empty() {
                request = request.body(body);
            }
            let response = request.send().await;
            assert_eq!(response.error(), (500, message.to_owned()), "{what} {method}");
            assert_eq!(response.header("content-type"), Some("application/json"), "{what}");
            assert_eq!(response.header("x-generator"), Some("pinhook"), "{what}");
        }
        let status = r#"pinhook_requests_total{api="a",method="POST",status="500"}"#;
        assert_eq!(gateway.metric(status), Some(1.0), "{what}");
    }
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_a_504_after_the_timeout() {
    let silent = Upstream::answering(Answer::Hang).await;
    let builder = Gateway::build().api(api("a").target(&silent));
    let gateway = builder.config(|config| config.proxy_default_timeout = 0.2).start().await;

    let response = gateway.get("/a/x").send().await;

    assert_eq!(response.error(), (504, "Upstream service reached hard timeout.".to_owned()));
    assert_eq!(silent.count(), 1, "a request that was sent is not sent again");
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off_for_the_client_too() {
    let by_length = Upstream::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    let chunked = Upstream::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    for upstream in [by_length, chunked] {
        let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
        let mut connection = gateway.get("/a/x").start().await;

        let rest = String::from_utf8(connection.rest().await).unwrap();

        assert!(rest.starts_with("HTTP/1.1 200") && rest.contains("half"), "{rest}");
        assert!(!rest.ends_with("0\r\n\r\n"), "a broken body must not look whole: {rest}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_upstream_closed_is_no_fault() {
    // It promises to keep the connection and closes it.
    let upstream = Upstream::raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    for request in 0..20 {
        assert_eq!(gateway.get("/a/x").send().await.status, 200, "request {request}");
    }
    assert_eq!(upstream.count(), 20);
}

/// Where `localhost` has two addresses, nobody listens on one of them.
#[tokio::test]
async fn a_name_and_an_ipv6_address_are_reached() {
    let v4 = Upstream::on("127.0.0.1:0", Answer::Text("v4".to_owned())).await;
    let v6 = Upstream::on("[::1]:0", Answer::Text("v6".to_owned())).await;
    let gateway = Gateway::build()
        .api(api("v4").target_url(format!("http://localhost:{}", v4.port())))
        .api(api("literal").target(&v6))
        .start()
        .await;
    for _ in 0..3 {
        assert_eq!(gateway.get("/v4/x").send().await.text(), "v4");
        assert_eq!(gateway.get("/literal/x").send().await.text(), "v6");
    }
    assert_eq!(v6.last().header("host"), Some(v6.authority()));
}

/// What a client may see of an upstream's fault.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// The whole answer of the upstream.
    Whole,
    /// An answer of the gateway.
    Error(u16),
    /// An answer that ends too early, and can be told to.
    Broken,
}

#[tokio::test]
async fn every_fault_has_an_end_that_can_be_told() {
    let sound = Upstream::named("sound").await;
    for fault in Fault::ALL {
        let faulty = FaultyUpstream::start(*fault).await;
        let gateway = Gateway::build()
            .api(api("a").target_url(faulty.url()))
            .api(api("sound").target(&sound))
            .config(|config| {
                config.proxy_default_timeout = 0.5;
                config.pinhook.upstream_idle_timeout_s = 1;
            })
            .start()
            .await;
        for (method, body) in [("GET", ""), ("POST", "Content-Length: 4\r\n\r\nbody")] {
            let mut connection = gateway.connect().await;
            let end = if body.is_empty() { "\r\n" } else { body };
            connection.send(format!("{method} /a/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{end}")).await;
            let all = String::from_utf8(connection.rest().await).unwrap();
            let seen = seen(&all);
            let expected = match fault {
                Fault::Silent | Fault::StalledHead => Seen::Error(504),
                Fault::ShortBody | Fault::ResetBody | Fault::BadChunk | Fault::UnendedChunks => Seen::Broken,
                Fault::ExtraAnswer | Fault::ManyContinues | Fault::Greets => Seen::Whole,
                _ => Seen::Error(500),
            };
            assert_eq!(seen, expected, "{fault:?} {method}: {all}");
            assert!(!all.contains("evil"), "{fault:?} {method}: {all}");
        }
        assert_eq!(gateway.get("/sound/x").send().await.text(), "sound", "{fault:?}");
    }
}

fn seen(all: &str) -> Seen {
    let last = all.rfind("HTTP/1.1 ").map_or("", |at| &all[at..]);
    let (head, body) = last.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    match (status, body) {
        (200, "whole") => Seen::Whole,
        (200, body) if !body.ends_with("0\r\n\r\n") => Seen::Broken,
        (status, _) => Seen::Error(status),
    }
}
