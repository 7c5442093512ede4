//! The record as protobuf, for `serializer_type: protobuf` (analytics reference 4). Byte for byte what Tyk Gateway
//! writes: fields by number, defaults left out, `Latency.Gateway` lost, `TimeZone` always `Local`.
//!
//! The pump dereferences `Geo`, its children, `Network` and `Latency` unasked, so they are written even when empty.

use super::record::{Moment, Record};

const VARINT: u32 = 0;
const BYTES: u32 = 2;

/// `Geo` (23) with three empty children, then an empty `Network` (24).
const GEO_AND_NETWORK: &[u8] = b"\xba\x01\x06\x0a\x00\x12\x00\x1a\x00\xc2\x01\x00";

/// Appends one record.
pub fn encode(record: &Record<'_>, out: &mut Vec<u8>) {
    text(out, 1, &record.host);
    text(out, 2, &record.method);
    text(out, 3, &record.path);
    text(out, 4, &record.raw_path);
    int(out, 5, record.content_length);
    text(out, 6, &record.user_agent);
    int(out, 7, record.day);
    int(out, 8, record.month);
    int(out, 9, record.year);
    int(out, 10, record.hour);
    int(out, 11, record.response_code);
    text(out, 12, &record.api_key);
    time(out, 13, record.timestamp);
    text(out, 14, &record.api_version);
    text(out, 15, &record.api_name);
    text(out, 16, &record.api_id);
    text(out, 17, &record.org_id);
    int(out, 18, record.request_time);
    message(out, 19, |out| {
        int(out, 1, record.latency.total);
        int(out, 2, record.latency.upstream);
    });
    text(out, 20, &record.raw_request);
    text(out, 21, &record.raw_response);
    text(out, 22, &record.ip_address);
    out.extend_from_slice(GEO_AND_NETWORK);
    for tag in &record.tags {
        bytes(out, 25, tag.as_bytes());
    }
    text(out, 26, &record.alias);
    if record.track_path {
        int(out, 27, 1);
    }
    time(out, 28, record.expire_at);
    text(out, 29, &record.oauth_id);
    text(out, 30, "Local");
    text(out, 31, &record.api_schema);
    text(out, 34, &record.original_path);
    text(out, 35, &record.listen_path);
}

fn time(out: &mut Vec<u8>, field: u32, value: Moment) {
    message(out, field, |out| {
        int(out, 1, value.seconds);
        int(out, 2, value.nanos);
    });
}

fn message(out: &mut Vec<u8>, field: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::with_capacity(24);
    fill(&mut inner);
    bytes(out, field, &inner);
}

fn text(out: &mut Vec<u8>, field: u32, value: &str) {
    if !value.is_empty() {
        bytes(out, field, value.as_bytes());
    }
}

fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    varint(out, u64::from(field << 3 | BYTES));
    varint(out, u64::try_from(value.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(value);
}

fn int(out: &mut Vec<u8>, field: u32, value: impl Into<i64>) {
    let value = value.into();
    if value != 0 {
        varint(out, u64::from(field << 3 | VARINT));
        varint(out, value.cast_unsigned());
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
