//! What looks alike from outside, whether bodies are streamed or held.

use std::time::Duration;

use tokio::net::TcpStream;

use super::{MODES, Mode, body, chunked};
use crate::{
    proxying::protocols::over_http2,
    support::{
        client::Response,
        free_port,
        gateway::Gateway,
        in_time, until,
        upstream::{Answer, Upstream},
    },
};

const PROBLEM: &str = "There was a problem proxying the request";
const GET: &str = "GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n";

async fn exchange(gateway: &Gateway, bytes: impl AsRef<[u8]>) -> Response {
    let mut connection = gateway.connect().await;
    connection.send(bytes).await;
    connection.response().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_every_size_and_framing_come_and_go_whole() {
    for mode in MODES {
        let upstream = Upstream::answering(Answer::Echo).await;
        let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
        for length in [0, 1, 10_240, 65_535, 65_536, 65_537, 3 << 20] {
            let body = body(length);
            let head = format!("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
            let response = exchange(&gateway, [head.as_bytes(), &body].concat()).await;
            assert_eq!(response.status, 200, "{mode:?} {length}");
            assert!(response.body == body, "{mode:?} {length} declared");
            assert_eq!(upstream.last().header("content-length"), Some(length.to_string()), "{mode:?}");

            let head = b"POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
            let response = exchange(&gateway, [&head[..], &chunked(&body, 10_000)].concat()).await;
            assert!(response.status == 200 && response.body == body, "{mode:?} {length} chunked");
            assert!(upstream.last().body == body, "{mode:?} {length} chunked");
        }
    }
}

#[tokio::test]
async fn the_upstream_sees_the_same_head() {
    let requests = [
        GET,
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nabc",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "PUT /a/x?q=%20 HTTP/1.1\r\nHost: h\r\nX-Own: 1\r\nX-Own: 2\r\nConnection: X-Nominated, close\r\n\
         X-Nominated: gone\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: X\r\nProxy-Authorization: no\r\n\
         Proxy-Connection: x\r\nUpgrade: h2c\r\nX-Forwarded-For: 10.0.0.1\r\nContent-Length: 2\r\n\r\nok",
        "POST /a/x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
        "DELETE /a/x HTTP/1.1\r\nHost: h\r\nUser-Agent: me\r\nTE: gzip\r\nContent-Length: 0\r\n\r\n",
    ];
    let seen = async |mode: Mode| {
        let upstream = Upstream::answering(Answer::Echo).await;
        let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
        let mut all = Vec::new();
        for request in requests {
            assert_eq!(exchange(&gateway, request).await.status, 200, "{mode:?} {request:?}");
            let seen = upstream.last();
            let host = upstream.authority();
            let headers: Vec<_> = seen
                .headers
                .into_iter()
                .map(|(name, value)| (name, String::from_utf8(value).unwrap().replace(&host, "upstream")))
                .collect();
            all.push((seen.method, seen.target, headers, seen.body));
        }
        all
    };
    let streamed = seen(Mode::Streamed).await;
    for mode in MODES {
        assert_eq!(seen(mode).await, streamed, "{mode:?}");
    }
}

#[tokio::test]
async fn answers_of_every_framing_leave_the_connection_usable() {
    let long = body(300_000);
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Up: 1\r\n\r\n";
    let streamed_long = [&head[..], &chunked(&long, 7_000)].concat();
    let length =
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: X-Hop\r\nX-Hop: gone\r\n\r\nnone"
            .to_vec();
    let with_trailer =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n".to_vec();
    for mode in MODES {
        for (answer, status, body) in
            [(&streamed_long, 200, &long[..]), (&length, 404, b"none"), (&with_trailer, 200, b"ok")]
        {
            let upstream = Upstream::answering(Answer::RawKept(answer.clone())).await;
            let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
            let mut connection = gateway.connect().await;
            for _ in 0..3 {
                connection.send(GET).await;
                let response = connection.response().await;
                assert_eq!(response.status, status, "{mode:?}");
                assert!(response.body == body, "{mode:?} {status}");
                assert!(
                    response.header("x-hop").is_none() && response.header("x-ratelimit-limit") == Some("0")
                );
                if mode.holds_answers() {
                    assert_eq!(response.header("content-length"), Some(body.len().to_string().as_str()));
                    assert_eq!(response.header("transfer-encoding"), None);
                }
            }
            assert_eq!(upstream.connections(), 1, "{mode:?}: upstream connections are kept");
        }
    }
}

#[tokio::test]
async fn answers_without_a_body() {
    for mode in MODES {
        for (method, answer, status, length) in [
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", 200, Some("1234")),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, None),
            ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", 304, None),
            ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, Some("0")),
        ] {
            let upstream = Upstream::answering(Answer::RawKept(answer.into())).await;
            let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
            let mut connection = gateway.connect().await;
            for _ in 0..3 {
                connection.send(format!("{method} /a/x HTTP/1.1\r\nHost: h\r\n\r\n")).await;
                let response = if method == "HEAD" {
                    connection.head_response().await
                } else {
                    connection.response().await
                };
                let found = (response.status, response.header("content-length"));
                assert_eq!(found, (status, length), "{mode:?} {method} {answer:?}");
                assert!(response.body.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn an_answer_without_length_ends_with_its_connection() {
    for mode in MODES {
        let upstream = Upstream::raw("HTTP/1.0 200 OK\r\n\r\nall that comes").await;
        let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
        assert_eq!(gateway.get("/a/x").send().await.text(), "all that comes", "{mode:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_gives_no_answer_is_a_500() {
    for mode in MODES {
        let (closes, garbage, dies) = (
            Upstream::raw("").await,
            Upstream::raw("\x16\x03\x01 this is no HTTP at all\r\n\r\n").await,
            Upstream::raw("HTTP/1.1 200 OK\r\nContent-Le").await,
        );
        let refused = format!("http://127.0.0.1:{}", free_port());
        let unknown = "http://no-such-host.invalid".to_owned();
        for (what, url, message) in [
            ("refused", refused, PROBLEM),
            ("unknown host", unknown, "Upstream host lookup failed"),
            ("closes", closes.url(), PROBLEM),
            ("garbage", garbage.url(), PROBLEM),
            ("dies in its head", dies.url(), PROBLEM),
        ] {
            let gateway = Gateway::build().api(mode.api(&closes).target_url(url)).start().await;
            for body in ["", "a body"] {
                let response = gateway.request("POST", "/a/x").body(body).send().await;
                assert_eq!(response.error(), (500, message.to_owned()), "{mode:?} {what}");
                assert_eq!(response.header("content-type"), Some("application/json"), "{mode:?} {what}");
            }
            let status = r#"pinhook_requests_total{api="a",method="POST",status="500"}"#;
            assert_eq!(gateway.metric(status), Some(2.0), "{mode:?} {what}");
        }
    }
}

#[tokio::test]
async fn a_silent_upstream_is_a_504() {
    for mode in MODES {
        let silent = Upstream::answering(Answer::Hang).await;
        let builder = Gateway::build().api(mode.api(&silent));
        let gateway = builder.config(|config| config.proxy_default_timeout = 0.2).start().await;
        let response = gateway.request("POST", "/a/x").body("a body").send().await;
        assert_eq!(response.error(), (504, "Upstream service reached hard timeout.".to_owned()), "{mode:?}");
        assert_eq!(silent.count(), 1, "{mode:?}: a request that was sent is not sent again");
    }
}

/// Where the answer was held there is still time to say so.
#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_whole() {
    for mode in MODES {
        let by_length = Upstream::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        let chunked =
            Upstream::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
        for upstream in [by_length, chunked] {
            let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
            let mut connection = gateway.get("/a/x").start().await;
            let rest = String::from_utf8(connection.rest().await).unwrap();
            if mode.holds_answers() {
                assert!(rest.starts_with("HTTP/1.1 500") && rest.contains(PROBLEM), "{mode:?} {rest}");
            } else {
                assert!(rest.starts_with("HTTP/1.1 200") && rest.contains("half"), "{mode:?} {rest}");
                assert!(!rest.ends_with("0\r\n\r\n"), "{mode:?} {rest}");
            }
        }
    }
}

/// pingora tries once more where nothing of an answer had come on a kept connection.
#[tokio::test]
async fn a_dead_kept_connection_is_no_fault() {
    for mode in MODES {
        // It promises to keep the connection and closes it.
        let upstream = Upstream::raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup").await;
        let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
        for request in 0..20 {
            let response = gateway.request("PUT", "/a/x").body("again").send().await;
            assert_eq!(response.status, 200, "{mode:?} request {request}");
            assert_eq!(upstream.last().body, b"again", "{mode:?}");
        }
        assert_eq!(upstream.count(), 20, "{mode:?}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_is_a_499_and_lets_the_upstream_go() {
    for mode in MODES {
        let upstream = Upstream::named("late").await;
        upstream.close();
        let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
        let connection = gateway.request("POST", "/a/x").body("a body").start().await;
        until("the upstream has the request", async || upstream.count() == 1).await;
        drop(connection);
        let gone = r#"pinhook_requests_total{api="a",method="POST",status="499"}"#;
        until("a 499", async || gateway.metric(gone) == Some(1.0)).await;

        // Gone in the middle of its own body.
        let mut connection = gateway.connect().await;
        connection.send("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf").await;
        drop(connection);
        until("another 499", async || gateway.metric(gone) == Some(2.0)).await;
    }
}

#[tokio::test]
async fn an_expectation_is_met() {
    for mode in MODES {
        let upstream = Upstream::answering(Answer::Echo).await;
        let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
        let mut connection = gateway.connect().await;
        connection
            .send("POST /a/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            .await;
        assert_eq!(connection.response().await.status, 100, "{mode:?}");
        connection.send("body").await;
        let response = connection.response().await;
        assert_eq!((response.status, response.text().as_str()), (200, "body"), "{mode:?}");
        assert_eq!(upstream.last().header("expect"), None, "{mode:?}: nobody waits any more");
        connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(connection.response().await.status, 200, "{mode:?}: the connection goes on");
    }
}

/// The first event arrives while the upstream goes on, whatever hooks there are.
#[tokio::test]
async fn an_event_stream_flows() {
    for mode in MODES {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (more, wait) = tokio::sync::oneshot::channel::<()>();
        let serve = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(b"9\r\ndata: 1\n\n\r\n").await.unwrap();
            let _ = wait.await;
            stream.write_all(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n").await.unwrap();
        });
        let other = Upstream::named("unused").await;
        let gateway = Gateway::build().api(mode.api(&other).target_url(url)).start().await;
        let mut connection = gateway.request("POST", "/a/x").body("a body").start().await;
        let first = in_time("the first event", connection.until("data: 1\n\n")).await;
        assert!(first.starts_with("HTTP/1.1 200"), "{mode:?} {first}");
        more.send(()).unwrap();
        in_time("the last event", connection.until("data: 2\n\n")).await;
        serve.await.unwrap();
        let skipped = r#"pinhook_hook_skipped_total{api="a",hook="response",driver="goplugin",function="SeesResponse"}"#;
        assert_eq!(gateway.metric(skipped), mode.holds_answers().then_some(1.0), "{mode:?}");
    }
}

#[tokio::test]
async fn close_connections_holds_for_both() {
    for mode in MODES {
        let upstream = Upstream::answering(Answer::Echo).await;
        let builder = Gateway::build().api(mode.api(&upstream));
        let gateway = builder.config(|config| config.close_connections = true).start().await;
        let mut connection = gateway.request("POST", "/a/x").body("a body").start().await;
        assert_eq!(connection.response().await.header("connection"), Some("close"), "{mode:?}");
        assert!(connection.is_closed().await, "{mode:?}");
    }
}

#[tokio::test]
async fn http2_on_either_side() {
    for mode in MODES {
        let upstream = Upstream::answering(Answer::Echo).await;
        let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
        over_http2(TcpStream::connect(gateway.address()).await.unwrap(), "gateway.test").await;
        assert!(
            upstream.seen().iter().all(|seen| seen.header("host") == Some(upstream.authority())),
            "{mode:?}"
        );

        // A gateway is an upstream that speaks HTTP/2, too.
        let in_front = mode.api(&upstream).target_url(format!("h2c://{}/a/", gateway.address()));
        let in_front = Gateway::build().api(in_front).start().await;
        for length in [0, 1, 65_537, 3 << 20] {
            let body = body(length);
            let head = format!("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
            let response = exchange(&in_front, [head.as_bytes(), &body].concat()).await;
            assert!(response.status == 200 && response.body == body, "{mode:?} {length} {}", response.status);
        }
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    for mode in MODES {
        let upstream = Upstream::answering(Answer::Echo).await;
        let gateway = Gateway::build().api(mode.api(&upstream)).start().await;
        let mut connection = gateway.connect().await;
        let one =
            |number| format!("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nbody {number:02}");
        connection.send((0..20).map(one).collect::<String>()).await;
        for number in 0..20 {
            assert_eq!(connection.response().await.text(), format!("body {number:02}"), "{mode:?}");
        }
    }
}

/// One time limit for the head of an answer, another for pauses within its body; and one for the client's body.
#[tokio::test]
async fn pauses_and_slow_bodies_have_the_same_limits() {
    for mode in MODES {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            for piece in ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "on", "ce"] {
                stream.write_all(piece.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
        });
        let other = Upstream::named("unused").await;
        let change = |config: &mut pinhook::config::Config| {
            config.proxy_default_timeout = 0.3;
            config.http_server_options.read_timeout = 1;
        };
        let gateway = Gateway::build().api(mode.api(&other).target_url(url)).config(change).start().await;
        let slow_body = async {
            let mut connection = gateway.connect().await;
            connection.send("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n").await;
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let _ = connection.try_send("x").await;
            }
            connection.response_or_end().await.map(|response| response.status)
        };
        let pausing = gateway.get("/a/x").send().await;
        assert_eq!((pausing.status, pausing.text().as_str()), (200, "once"), "{mode:?}");
        if mode.reads_requests() {
            assert_eq!(in_time("a slow body", slow_body).await, Some(408), "{mode:?}");
        }
    }
}
