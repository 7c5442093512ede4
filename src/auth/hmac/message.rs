//! The text that is signed.

use http::{HeaderMap, header};

/// Stands in for `date` where a client cannot set that.
const OTHER_DATE: &str = "x-aux-date";
const TARGET: &str = "(request-target)";

/// One line per name: the name in lower case and the header's first value. A header that is missing has an empty one;
/// so has `host`, which Go keeps elsewhere.
pub(super) fn of(names: &[&str], method: &str, path: &str, headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::with_capacity(names.len() * 48);
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            text.push(b'\n');
        }
        let name = name.trim().to_ascii_lowercase();
        if name == TARGET {
            text.extend_from_slice(format!("{TARGET}: {} {path}", method.to_lowercase()).as_bytes());
            continue;
        }
        let (name, value) = match name.as_str() {
            "date" => date_bytes(headers),
            "host" => ("host", &b""[..]),
            other => (other, headers.get(other).map(|value| value.as_bytes()).unwrap_or_default()),
        };
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.trim_ascii());
    }
    text
}

/// Name and value of the header that dates the request; both empty without one.
pub(super) fn date(headers: &HeaderMap) -> (&'static str, &str) {
    let (name, value) = date_bytes(headers);
    (name, std::str::from_utf8(value).unwrap_or_default())
}

fn date_bytes(headers: &HeaderMap) -> (&'static str, &[u8]) {
    let value =
        |name: &str| headers.get(name).map(|value| value.as_bytes()).filter(|value| !value.is_empty());
    let other = value(OTHER_DATE).map(|value| (OTHER_DATE, value));
    other.or_else(|| Some(("date", value(header::DATE.as_str())?))).unwrap_or_default()
}
