use std::{net::IpAddr, sync::Arc, time::Duration};

use http::Method;
use pingora_http::RequestHeader;

use super::*;

fn target(text: &str) -> Target {
    Target::parse(text).unwrap()
}

#[test]
fn a_target_is_a_url_or_host_and_port() {
    let plain = target("10.0.0.7:9000");
    assert_eq!((plain.scheme, &*plain.host, plain.port), (Scheme::Http, "10.0.0.7", 9000));
    assert_eq!(plain.addresses.unwrap().attempt(0), Some("10.0.0.7".parse().unwrap()));

    let tls = target("wss://name.example/base?k=v");
    assert_eq!((tls.scheme, &*tls.host, tls.port), (Scheme::Https, "name.example", 443));
    assert_eq!((tls.addresses.is_none(), tls.authority.to_str().unwrap()), (true, "name.example"));
    assert_eq!((tls.url.path(), tls.url.query()), ("/base", "k=v"));

    let v6 = target("http://[::1]:81");
    assert_eq!((&*v6.host, v6.port, v6.authority.to_str().unwrap()), ("::1", 81, "[::1]:81"));
    assert_eq!(target("http://a:").port, 80);
}

#[test]
fn what_is_no_target_says_why() {
    assert_eq!(Target::parse("ftp://a").unwrap_err(), TargetError::Scheme("ftp".into()));
    assert_eq!(Target::parse("http:///x").unwrap_err(), TargetError::Host);
    assert_eq!(Target::parse("http://a:0").unwrap_err(), TargetError::Port);
    assert_eq!(Target::parse("").unwrap_err(), TargetError::Host);
    assert!(Target::parse("http://a b/").is_err());
}

#[test]
fn every_address_has_a_turn_and_the_one_that_worked_goes_first() {
    let ips: Vec<IpAddr> = ["10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap()).to_vec();
    let addresses = Addresses::from(ips.clone());
    assert_eq!(addresses.attempt(0), Some(ips[0]));
    assert_eq!((addresses.attempt(1), addresses.attempt(2)), (Some(ips[1]), None));
    addresses.worked(1);
    assert_eq!((addresses.attempt(0), addresses.attempt(1)), (Some(ips[1]), Some(ips[0])));
}

#[tokio::test]
async fn a_name_is_resolved_and_a_bad_one_is_an_error() {
    let resolver = Arc::new(Resolver::new(Duration::ZERO));
    let found = resolver.resolve("localhost").await.unwrap();
    assert!(found.attempt(0).unwrap().is_loopback());
    // Expired at once: the next call is served while a renewal runs.
    assert!(resolver.resolve("localhost").await.is_ok());
    let error = resolver.resolve("no-such-host.invalid").await.unwrap_err();
    assert!(matches!(error, crate::error::UpstreamError::Unresolved { .. }));
}

#[test]
fn the_upstream_gets_method_uri_host_and_forwarding_headers() {
    let outbound = Outbound {
        target: Arc::new(target("http://up:1")),
        addresses: Addresses::literal("127.0.0.1".parse().unwrap()),
        attempt: 0,
        method: Some(Method::PUT),
        uri: b"/a?b".to_vec(),
        path: "/a".into(),
        host: Some("up:1".parse().unwrap()),
        forwarded_for: Some("9.9.9.9".parse().unwrap()),
        trailers: false,
        body_read: false,
    };
    let mut head = RequestHeader::build("GET", b"/x", None).unwrap();
    head.append_header("X-Forwarded-For", "1.1.1.1").unwrap();
    head.append_header("X-Forwarded-For", "2.2.2.2, 3.3.3.3").unwrap();
    outbound.apply(&mut head).unwrap();
    assert_eq!((head.method.as_str(), head.raw_path()), ("PUT", b"/a?b".as_slice()));
    assert_eq!(head.headers["host"], "up:1");
    assert_eq!(head.headers["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 3.3.3.3, 9.9.9.9");
    assert!(head.headers["user-agent"].to_str().unwrap().starts_with("pinhook/"));
}
