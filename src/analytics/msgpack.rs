//! The record as Tyk Gateway writes it: msgpack, byte for byte (analytics reference 2.1).
//!
//! A map of 35 with Go's field names; shortest integers; a time is an *array* of seconds and nanoseconds, the only
//! form that Tyk Pump decodes. One element it cannot decode costs it the whole batch, so nothing here depends on
//! input beyond string lengths and numbers. Writing to a `Vec` cannot fail, which is why results are dropped.

use rmp::encode as mp;

use super::record::{Moment, Record};

/// The constant runs of the record: keys, and values of what no feature fills yet.
const HEAD: &[u8] = b"\xde\x00\x23";
const GEO_AND_NETWORK: &[u8] = b"\xa3Geo\x83\
    \xa7Country\x81\xa7ISOCode\xa0\
    \xa4City\x82\xa9GeoNameID\x00\xa5Names\xc0\
    \xa8Location\x83\xa8Latitude\xcb\0\0\0\0\0\0\0\0\xa9Longitude\xcb\0\0\0\0\0\0\0\0\xa8TimeZone\xa0\
    \xa7Network\x84\xafOpenConnections\x00\xb0ClosedConnection\x00\xa7BytesIn\x00\xa8BytesOut\x00";
const STATS_AND_COLLECTION: &[u8] = b"\xacGraphQLStats\x87\
    \xa9Variables\xa0\xaaRootFields\xc0\xa5Types\xc0\xa6Errors\xc0\
    \xadOperationType\x00\xa9HasErrors\xc2\xa9IsGraphQL\xc2\
    \xa8MCPStats\x84\
    \xa5IsMCP\xc2\xadJSONRPCMethod\xa0\xadPrimitiveType\xa0\xadPrimitiveName\xa0\
    \xaeCollectionName\xa0";

/// Appends one record.
pub fn encode(record: &Record<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(HEAD);
    text(out, b"\xa6Method", &record.method);
    text(out, b"\xa4Host", &record.host);
    text(out, b"\xa4Path", &record.path);
    text(out, b"\xa7RawPath", &record.raw_path);
    int(out, b"\xadContentLength", record.content_length);
    text(out, b"\xa9UserAgent", &record.user_agent);
    int(out, b"\xa3Day", record.day);
    int(out, b"\xa5Month", record.month);
    int(out, b"\xa4Year", record.year);
    int(out, b"\xa4Hour", record.hour);
    int(out, b"\xacResponseCode", record.response_code);
    text(out, b"\xa6APIKey", &record.api_key);
    time(out, b"\xa9TimeStamp", record.timestamp);
    text(out, b"\xaaAPIVersion", &record.api_version);
    text(out, b"\xa7APIName", &record.api_name);
    text(out, b"\xa5APIID", &record.api_id);
    text(out, b"\xa5OrgID", &record.org_id);
    text(out, b"\xa7OauthID", &record.oauth_id);
    int(out, b"\xabRequestTime", record.request_time);
    text(out, b"\xaaRawRequest", &record.raw_request);
    text(out, b"\xabRawResponse", &record.raw_response);
    text(out, b"\xa9IPAddress", &record.ip_address);
    out.extend_from_slice(GEO_AND_NETWORK);
    out.extend_from_slice(b"\xa7Latency\x83");
    int(out, b"\xa5Total", record.latency.total);
    int(out, b"\xa8Upstream", record.latency.upstream);
    int(out, b"\xa7Gateway", record.latency.gateway);
    out.extend_from_slice(b"\xa4Tags");
    let _ = mp::write_array_len(out, length(record.tags.len()));
    for tag in &record.tags {
        text(out, b"", tag);
    }
    text(out, b"\xa5Alias", &record.alias);
    out.extend_from_slice(b"\xa9TrackPath");
    let _ = mp::write_bool(out, record.track_path);
    time(out, b"\xa8ExpireAt", record.expire_at);
    text(out, b"\xa9ApiSchema", &record.api_schema);
    text(out, b"\xacOriginalPath", &record.original_path);
    text(out, b"\xaaListenPath", &record.listen_path);
    out.extend_from_slice(STATS_AND_COLLECTION);
}

fn text(out: &mut Vec<u8>, key: &[u8], value: &str) {
    out.extend_from_slice(key);
    let _ = mp::write_str(out, value);
}

fn int(out: &mut Vec<u8>, key: &[u8], value: impl Into<i64>) {
    out.extend_from_slice(key);
    let _ = mp::write_sint(out, value.into());
}

fn time(out: &mut Vec<u8>, key: &[u8], value: Moment) {
    out.extend_from_slice(key);
    out.push(0x92);
    let _ = mp::write_sint(out, value.seconds);
    let _ = mp::write_uint(out, u64::from(value.nanos));
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
