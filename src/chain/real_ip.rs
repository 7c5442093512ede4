//! The client's address as headers of proxies in front tell it (api-definition reference 1.10, RealIP).

use std::net::IpAddr;

use http::HeaderMap;

/// The address in `X-Real-IP`, else in `X-Forwarded-For`, else `peer`. `depth` is `http_server_options.xff_depth`:
/// 0 takes the first address of `X-Forwarded-For`, n the n-th from the right; none when it reaches too far or below 0.
///
/// Headers of the client are trusted, as in Tyk.
pub fn real_ip(headers: &HeaderMap, peer: Option<IpAddr>, depth: i64) -> Option<IpAddr> {
    if let Some(ip) = parse(headers.get("x-real-ip").map(http::HeaderValue::as_bytes)) {
        return Some(ip);
    }
    let Some(forwarded) = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok()) else {
        return peer;
    };
    if forwarded.is_empty() {
        return peer;
    }
    let entry = match usize::try_from(depth) {
        Err(_) => None,
        Ok(0) => forwarded.split(',').next(),
        Ok(depth) => forwarded.rsplit(',').nth(depth - 1),
    };
    parse(Some(entry?.as_bytes())).or(peer)
}

fn parse(text: Option<&[u8]>) -> Option<IpAddr> {
    std::str::from_utf8(text?).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &'static str)], depth: i64) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        real_ip(&headers, "127.0.0.1".parse().ok(), depth).map(|ip| ip.to_string())
    }

    #[test]
    fn headers_beat_the_peer() {
        let xff = ("x-forwarded-for", "8.8.8.8, 9.9.9.9");
        for (headers, depth, expected) in [
            (&[("x-real-ip", "7.7.7.7"), xff][..], 0, Some("7.7.7.7")),
            (&[("x-real-ip", "no address"), xff], 0, Some("8.8.8.8")),
            (&[xff], 0, Some("8.8.8.8")),
            (&[xff], 1, Some("9.9.9.9")),
            (&[xff], 2, Some("8.8.8.8")),
            (&[xff], 3, None),
            (&[xff], -1, None),
            (&[("x-forwarded-for", "unknown, 9.9.9.9")], 0, Some("127.0.0.1")),
            (&[("x-forwarded-for", "2001:db8::1")], 0, Some("2001:db8::1")),
            (&[], 0, Some("127.0.0.1")),
        ] {
            assert_eq!(of(headers, depth).as_deref(), expected, "{headers:?} at {depth}");
        }
    }
}
