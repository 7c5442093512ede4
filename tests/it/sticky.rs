//! Requests that stick to an upstream of their own: by a header and a rewrite, and by `set_target`.

use std::sync::Arc;

use serde_json::json;

use crate::support::{
    client::Connection,
    definition::{Definition, api},
    free_port,
    gateway::Gateway,
    in_time,
    plugins::build,
    until,
    upstream::{Answer, Seen, Upstream},
};

/// The definition of api-definition reference 0; `load_balancer` stands for `greeter-lb:8080`.
fn greeters(load_balancer: &Upstream) -> Definition {
    api("greeters")
        .listen("/greeters")
        .keep_listen_path()
        .target(load_balancer)
        .set("enable_context_vars", true)
        .endpoints(
            "url_rewrites",
            json!([{
                "path": "/v1/{.*}", "method": "GET", "match_pattern": "/(.*)",
                "rewrite_to": format!("{}/$1", load_balancer.url()),
                "triggers": [{
                    "on": "all",
                    "options": { "header_matches": { "Service-Address": { "match_rx": ".*" } } },
                    "rewrite_to": "$tyk_context.trigger-0-Service-Address-0/$1",
                }],
            }]),
        )
}

/// A service that knows addresses: the user `ann at http://host` lives at `http://host`, any other nowhere.
async fn service() -> Upstream {
    let answer = |seen: &Seen| {
        let key = seen.target.split("key=").nth(1).unwrap().split('&').next().unwrap();
        let key =
            percent_encoding::percent_decode_str(&key.replace('+', " ")).decode_utf8().unwrap().into_owned();
        let (status, address) =
            key.split_once(" at ").map_or(("404 Not Found", ""), |(_, to)| ("200 OK", to));
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{address}",
            address.len()
        )
        .into_bytes()
    };
    Upstream::answering(Answer::By(Arc::new(answer))).await
}

/// `greeters` with a pre hook that asks the service.
fn asking(definition: Definition, service: &str, more: serde_json::Value) -> Definition {
    let mut settings = json!({ "url": service, "key_header": "X-User", "timeout_ms": 2000 });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    definition
        .hook("pre", &build("sticky_service"), "GetStickyServiceAddress")
        .set("config_data", json!({ "sticky_service": settings }))
}

#[tokio::test]
async fn the_header_decides_per_request_whoever_sets_it() {
    let (service, default, other) =
        (service().await, Upstream::named("default").await, Upstream::named("other").await);
    let hooked = asking(greeters(&default), &format!("{}/address", service.url()), json!({}));
    for (definition, header) in [(greeters(&default), "Service-Address"), (hooked, "X-User")] {
        let gateway = Gateway::build().api(definition).start().await;
        let value = |address: String| match header {
            "X-User" => format!("ann at {address}"),
            _ => address,
        };
        let bare_port = format!("/{}/greeters/v1/hello?x=1", other.authority().replace(':', "%3A"));
        let path = "/greeters/v1/hello?x=1";
        for (row, method, address, answers, target) in [
            ("a", "GET", Some(other.url()), &other, path),
            ("b", "GET", None, &default, path),
            ("c", "POST", Some(other.url()), &default, path),
            ("d", "GET", Some(other.authority()), &default, bare_port.as_str()),
            ("another path", "GET", Some(other.url()), &default, "/greeters/v2/hello"),
        ] {
            let sent = if row == "another path" { target } else { path };
            let mut request = gateway.request(method, sent);
            if let Some(address) = address {
                request = request.header(header, value(address));
            }
            let response = request.send().await;
            assert_eq!(response.status, 200, "{row} by {header}");
            let seen = answers.last();
            assert_eq!((seen.method.as_str(), seen.target.as_str()), (method, target), "{row} by {header}");
            assert_eq!(seen.header("host"), Some(answers.authority()), "{row} by {header}");
        }
        assert_eq!((default.count(), other.count()), if header == "X-User" { (8, 2) } else { (4, 1) });
    }
}

#[tokio::test]
async fn the_first_of_several_headers_counts_and_an_empty_one_goes_to_the_target() {
    let (default, one, two) =
        (Upstream::named("default").await, Upstream::named("one").await, Upstream::named("two").await);
    let gateway = Gateway::build().api(greeters(&default)).start().await;

    let request = gateway.get("/greeters/v1/hello").header("Service-Address", one.url());
    assert_eq!(request.header("Service-Address", two.url()).send().await.text(), "one");
    assert_eq!(
        gateway.get("/greeters/v1/hello").header("Service-Address", "").send().await.text(),
        "default"
    );
    assert_eq!(default.last().target, "/greeters/v1/hello");
}

#[tokio::test]
async fn a_dead_service_means_the_fallback_or_the_default_target() {
    let (default, spare) = (Upstream::named("default").await, Upstream::named("spare").await);
    let dead = format!("http://127.0.0.1:{}/address", free_port());
    let without_rewrite = api("greeters").target(&default);
    for (more, answer) in [(json!({ "fallback": spare.url() }), "spare"), (json!({}), "default")] {
        for (mode, definition) in [("header", greeters(&default)), ("target", without_rewrite.clone())] {
            let mut more = more.clone();
            more["mode"] = mode.into();
            let gateway = Gateway::build().api(asking(definition, &dead, more)).start().await;
            let response = gateway.get("/greeters/v1/hello").header("X-User", "ann at nowhere").send().await;
            assert_eq!((response.status, response.text().as_str()), (200, answer), "{mode}");
        }
    }
}

#[tokio::test]
async fn set_target_moves_one_request_without_header_or_rewrite() {
    let (blue, green) = (Upstream::named("blue").await, Upstream::named("green").await);
    let definition = api("greeter")
        .target(&blue)
        .hook("pre", &build("sticky"), "Sticky")
        .set("config_data", json!({ "sticky": { "table": { "green": green.url() } } }));
    let gateway = Gateway::build().api(definition).start().await;

    let moved = gateway.get("/greeter/hello?x=1").header("X-Sticky", "green").send().await;
    let by_cookie = gateway.get("/greeter/hello").header("Cookie", "a=b; sticky=green").send().await;
    let plain = gateway.get("/greeter/hello").send().await;
    let unknown = gateway.get("/greeter/hello").header("X-Sticky", "red").send().await;

    let answers = [moved.text(), by_cookie.text(), plain.text(), unknown.text()];
    assert_eq!(answers, ["green", "green", "blue", "blue"]);
    let seen = &green.seen()[0];
    assert_eq!((seen.target.as_str(), seen.header("host")), ("/hello?x=1", Some(green.authority())));
    assert_eq!(seen.header("service-address"), None);
}

const REQUESTS: usize = 1_000;
const UPSTREAMS: usize = 25;

/// All requests are in flight at once: upstreams answer when the last one has arrived.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_at_once_reach_their_own_upstreams() {
    let default = Upstream::named("default").await;
    let mut upstreams = Vec::new();
    for number in 0..UPSTREAMS {
        upstreams.push(Upstream::named(&format!("upstream {number}")).await);
    }
    let table: serde_json::Map<_, _> = upstreams
        .iter()
        .enumerate()
        .map(|(number, upstream)| (number.to_string(), upstream.url().into()))
        .collect();
    let by_target = api("greeters")
        .target(&default)
        .hook("pre", &build("sticky"), "Sticky")
        .set("config_data", json!({ "sticky": { "table": table } }));

    for (definition, header) in [(greeters(&default), "Service-Address"), (by_target, "X-Sticky")] {
        let gateway = Gateway::build().api(definition).start().await;
        upstreams.iter().for_each(Upstream::close);
        let before: usize = upstreams.iter().map(Upstream::count).sum();
        let mut clients: Vec<(usize, Connection)> = Vec::new();
        for request in 0..REQUESTS {
            let number = request % UPSTREAMS;
            let value = if header == "X-Sticky" { number.to_string() } else { upstreams[number].url() };
            let request = gateway.get(&format!("/greeters/v1/{request}")).header(header, value);
            clients.push((number, request.start().await));
        }
        until("all requests are upstream", async || {
            upstreams.iter().map(Upstream::count).sum::<usize>() == before + REQUESTS
        })
        .await;
        upstreams.iter().for_each(Upstream::open);
        for (number, mut client) in clients {
            let response = in_time("an answer", client.response()).await;
            assert_eq!(response.text(), format!("upstream {number}"), "by {header}");
        }
        assert_eq!(default.count(), 0);
    }
}
