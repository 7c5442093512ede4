//! What of `upstream` is more than one member for one member (api-definition reference 9.2).

use serde_json::{Map, Value};

use super::{
    super::ReadableDuration,
    draft::Draft,
    lines::take,
    read::Node,
    tables::{DISCOVERY, UPSTREAM, UPTIME_TEST},
};

/// TLS versions as documents and Classic definitions name them.
const TLS: [(&str, u16); 4] = [("1.0", 769), ("1.1", 770), ("1.2", 771), ("1.3", 772)];

pub(super) fn convert(upstream: &Node<'_>, draft: &mut Draft) {
    take(UPSTREAM, upstream, "", draft);
    balancing(&upstream.member("loadBalancing"), draft);
    discovery(&upstream.member("serviceDiscovery"), "proxy.service_discovery", draft);
    uptime(&upstream.member("uptimeTests"), draft);
    certificates(&upstream.at("mutualTLS.domainToCertificateMapping"), draft);
    pins(&upstream.at("certificatePinning.domainToPublicKeysMapping"), draft);
    tls(&upstream.member("tlsTransport"), draft);
    let proxy = upstream.member("proxy");
    // As in Tyk the address alone switches it on.
    proxy.member("enabled").claim();
    if let Some(url) = proxy.member("url").text() {
        draft.put("proxy.transport.proxy_url", url, proxy.path());
    }
}

/// A target's weight is how often it stands in the list.
fn balancing(wish: &Node<'_>, draft: &mut Draft) {
    const MOST: i64 = 1_000;
    let skip = wish.member("skipUnavailableHosts");
    let (on, skip) = (wish.member("enabled").is_on(), (skip.is_on(), skip));
    let mut list = Vec::new();
    let targets = wish.member("targets").items();
    for target in &targets {
        let weight = target.member("weight");
        let count = weight.whole().unwrap_or_default();
        if !(0..=MOST).contains(&count) {
            weight.fault(format!("Must be from 0 to {MOST}"));
            continue;
        }
        if let Some(url) = target.member("url").text() {
            list.extend((0..count).map(|_| Value::from(url.clone())));
        }
    }
    if targets.is_empty() {
        return;
    }
    draft.put("proxy.enable_load_balancing", on, wish.path());
    draft.put("proxy.target_list", list, wish.path());
    draft.put("proxy.check_host_against_uptime_tests", skip.0, skip.1.path());
}

fn discovery(wish: &Node<'_>, place: &str, draft: &mut Draft) {
    draft.put(place, Map::new(), wish.path());
    take(DISCOVERY, wish, place, draft);
}

fn uptime(wish: &Node<'_>, draft: &mut Draft) {
    discovery(&wish.member("serviceDiscovery"), "uptime_tests.config.service_discovery", draft);
    for test in wish.member("tests").items() {
        let mut check = Draft::default();
        take(UPTIME_TEST, &test, "", &mut check);
        let url = test.member("url").text().unwrap_or_default();
        if let Some((scheme, _)) = url.split_once("://") {
            check.put("protocol", scheme, test.path());
        }
        let timeout = test.member("timeout");
        if let Some(text) = timeout.text() {
            let read = ReadableDuration::parse(&text);
            if read.unreadable().is_some() {
                check.remark(&timeout, format!("{text:?} is no duration and counts as zero"));
            }
            let nanos = read.duration().map_or(0, |duration| duration.as_nanos());
            check.put("timeout", u64::try_from(nanos).unwrap_or(u64::MAX), timeout.path());
        }
        draft.push("uptime_tests.check_list", check, test.path());
    }
}

fn certificates(list: &Node<'_>, draft: &mut Draft) {
    if let Some(map) = list.pairs("domain", "certificate") {
        draft.put("upstream_certificates", map, list.path());
    }
}

fn pins(list: &Node<'_>, draft: &mut Draft) {
    let mut map = Map::new();
    for pin in list.items() {
        let keys: Vec<String> = pin.member("publicKeys").items().iter().filter_map(Node::text).collect();
        if let Some(domain) = pin.member("domain").text() {
            map.insert(domain, keys.join(",").into());
        }
    }
    if !map.is_empty() {
        draft.put("pinned_public_keys", map, list.path());
    }
}

fn tls(transport: &Node<'_>, draft: &mut Draft) {
    for (from, to) in [("minVersion", "ssl_min_version"), ("maxVersion", "ssl_max_version")] {
        let from = transport.member(from);
        let Some(text) = from.text() else { continue };
        match TLS.iter().find(|(name, _)| *name == text) {
            Some((_, number)) => draft.put(&format!("proxy.transport.{to}"), *number, from.path()),
            None => from.fault("must be one of the following: \"1.0\", \"1.1\", \"1.2\", \"1.3\""),
        }
    }
}
