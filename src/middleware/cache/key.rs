//! What stands for a request in the name of its cached answer. It is Tyk's, byte for byte: other gateways on the same
//! store look for the same names.

use http::HeaderName;
use md5::{Digest, Md5};
use pingora_http::RequestHeader;
use regex::bytes::Regex;

use crate::{hex::hex, session::hash::HashFunction};

/// A header of `cache_by_headers`.
pub(super) struct KeyPart {
    /// As it is written there.
    written: Box<str>,
    /// Nothing where no request can have it.
    name: Option<HeaderName>,
}

impl KeyPart {
    pub(super) fn new(written: &str) -> Self {
        // Go's server takes `Host` out of the headers.
        let name = written.to_ascii_lowercase().parse().ok().filter(|name| *name != http::header::HOST);
        Self { written: written.into(), name }
    }
}

/// The hash of method and URL, of headers, and of the body's part that counts where there is a `body`.
pub(super) fn hash(
    head: &RequestHeader,
    url: &str,
    by_headers: &[KeyPart],
    body: Option<&[u8]>,
    wanted: Option<&Regex>,
) -> String {
    let mut hash = Md5::new();
    for part in [head.method.as_str(), "-", url] {
        hash.update(part);
    }
    if !by_headers.is_empty() {
        hash.update("-");
    }
    for KeyPart { written, name } in by_headers {
        let value = name.as_ref().and_then(|name| head.headers.get(name));
        hash.update(written.as_bytes());
        hash.update("-");
        hash.update(value.map_or(&b""[..], |value| value.as_bytes()));
    }
    let counts = match (body, wanted) {
        (Some(body), Some(wanted)) => wanted.find(body).map(|found| found.as_bytes()),
        (body, _) => body,
    };
    if let Some(counts) = counts {
        hash.update("-");
        hash.update(HashFunction::Murmur128.hex(counts));
    }
    hex(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(headers: &[(&'static str, &str)]) -> RequestHeader {
        let mut head = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in headers {
            head.append_header(*name, *value).unwrap();
        }
        head
    }

    #[test]
    fn the_hash_is_tyks() {
        // Recorded: golden case cache-redis-entry.
        assert_eq!(hash(&get(&[]), "/crd/a", &[], None, None), "6de32630ad34a1b1e5610f7e207a6af1");
    }

    #[test]
    fn headers_count_by_name_and_first_value() {
        let parts = [KeyPart::new("X-Lang"), KeyPart::new("host")];
        let of = |headers| hash(&get(headers), "/a", &parts, None, None);
        assert_eq!(of(&[("x-lang", "en")]), hex(Md5::digest("GET-/a-X-Lang-enhost-")));
        assert_eq!(of(&[("x-lang", "en"), ("x-lang", "de"), ("host", "h")]), of(&[("x-lang", "en")]));
        assert_ne!(of(&[]), hash(&get(&[]), "/a", &[], None, None));
    }

    #[test]
    fn of_a_body_counts_what_is_wanted() {
        let wanted = Regex::new("id=[0-9]+").unwrap();
        let of = |body: &str, wanted| hash(&get(&[]), "/a", &[], Some(body.as_bytes()), wanted);
        assert_eq!(of("id=1&n=a", Some(&wanted)), of("id=1&n=b", Some(&wanted)));
        assert_ne!(of("id=1", Some(&wanted)), of("id=2", Some(&wanted)));
        assert_ne!(of("id=1&n=a", None), of("id=1&n=b", None));
        assert_eq!(
            of("x", Some(&wanted)),
            hash(&get(&[]), "/a", &[], None, None),
            "nothing found, nothing added"
        );
        assert_eq!(of("", None), hex(Md5::digest(["GET-/a-", &"0".repeat(32)].concat())));
    }
}
