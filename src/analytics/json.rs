//! The record as one line of JSON, with the names that Tyk Pump prints (analytics reference 2.2).

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use super::record::{Moment, Record};

/// What no feature fills yet, as the pump prints it. `CollectionName` is hidden there.
const GEO_AND_NETWORK: &[u8] = br#","geo":{"country":{"iso_code":""},"city":{"geoname_id":0,"names":null},"location":{"latitude":0,"longitude":0,"time_zone":""}},"network":{"open_connections":0,"closed_connections":0,"bytes_in":0,"bytes_out":0}"#;
const STATS: &[u8] = br#","graphql_stats":{"Variables":"","RootFields":null,"Types":null,"Errors":null,"OperationType":0,"HasErrors":false,"IsGraphQL":false},"mcp_stats":{"is_mcp":false,"jsonrpc_method":"","primitive_type":"","primitive_name":""}}"#;

/// Appends one record and a newline. Times are UTC, in RFC 3339.
pub fn encode(record: &Record<'_>, out: &mut Vec<u8>) {
    put(out, "{\"method\":", &record.method);
    put(out, ",\"host\":", &record.host);
    put(out, ",\"path\":", &record.path);
    put(out, ",\"raw_path\":", &record.raw_path);
    put(out, ",\"content_length\":", &record.content_length);
    put(out, ",\"user_agent\":", &record.user_agent);
    put(out, ",\"day\":", &record.day);
    put(out, ",\"month\":", &record.month);
    put(out, ",\"year\":", &record.year);
    put(out, ",\"hour\":", &record.hour);
    put(out, ",\"response_code\":", &record.response_code);
    put(out, ",\"api_key\":", &record.api_key);
    put(out, ",\"timestamp\":", &time(record.timestamp));
    put(out, ",\"api_version\":", &record.api_version);
    put(out, ",\"api_name\":", &record.api_name);
    put(out, ",\"api_id\":", &record.api_id);
    put(out, ",\"org_id\":", &record.org_id);
    put(out, ",\"oauth_id\":", &record.oauth_id);
    put(out, ",\"request_time\":", &record.request_time);
    put(out, ",\"raw_request\":", &record.raw_request);
    put(out, ",\"raw_response\":", &record.raw_response);
    put(out, ",\"ip_address\":", &record.ip_address);
    out.extend_from_slice(GEO_AND_NETWORK);
    put(out, ",\"latency\":{\"total\":", &record.latency.total);
    put(out, ",\"upstream\":", &record.latency.upstream);
    put(out, ",\"gateway\":", &record.latency.gateway);
    put(out, "},\"tags\":", &record.tags);
    put(out, ",\"alias\":", &record.alias);
    put(out, ",\"track_path\":", &record.track_path);
    put(out, ",\"expireAt\":", &time(record.expire_at));
    put(out, ",\"api_schema\":", &record.api_schema);
    put(out, ",\"original_path\":", &record.original_path);
    put(out, ",\"listen_path\":", &record.listen_path);
    out.extend_from_slice(STATS);
    out.push(b'\n');
}

/// Text, numbers and lists of text always become JSON, and a `Vec` always takes it: there is nothing to report.
fn put(out: &mut Vec<u8>, before: &str, value: &impl Serialize) {
    out.extend_from_slice(before.as_bytes());
    let _ = serde_json::to_writer(out, value);
}

fn time(moment: Moment) -> Option<String> {
    let time = DateTime::from_timestamp(moment.seconds, moment.nanos)?;
    Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
