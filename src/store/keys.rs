//! The only place that spells Redis keys. They are Tyk's: its Pump, its Dashboard and other gateways read them.

pub mod oauth;

/// How many lists `enable_multiple_analytics_keys` spreads records over.
pub const ANALYTICS_SHARDS: u8 = 10;

/// How the names of stored keys begin.
pub const SESSIONS: &str = "apikey-";

/// How the names of stored organisations begin.
pub const ORGANISATIONS: &str = "orgkey.";

/// The state of a key. `hash` stands for the token: its hash, or with hashing off the token itself.
pub fn session(hash: &str) -> String {
    [SESSIONS, hash].concat()
}

/// The state of an organisation, which is never hashed.
pub fn organisation(org_id: &str) -> String {
    [ORGANISATIONS, org_id].concat()
}

/// A rate limit's counter. `id` is what stands for the key, `endpoint` the hash of an endpoint with a limit of its own;
/// parts lose the dashes at their ends, and empty ones are left out.
pub fn rate_limit(scope: &str, id: &str, endpoint: &str) -> String {
    let mut key = String::with_capacity(12 + scope.len() + id.len() + endpoint.len());
    key.push_str("rate-limit");
    for part in [scope, id, endpoint] {
        let part = part.trim_matches('-');
        if !part.is_empty() {
            key.push('-');
            key.push_str(part);
        }
    }
    key
}

/// The flag that the sentinel limiter raises over a counter.
pub fn blocked(rate_limit: &str) -> String {
    [rate_limit, ".BLOCKED"].concat()
}

/// A counter's fixed window that begins at `start`, unix nanoseconds.
pub fn window(rate_limit: &str, start: i128) -> String {
    format!("{rate_limit}/{start}")
}

/// A quota's counter.
pub fn quota(scope: &str, id: &str) -> String {
    if scope.is_empty() { ["quota-", id].concat() } else { ["quota-", scope, "-", id].concat() }
}

/// How the names of an API's cached responses begin, and of every API whose id begins with this one.
pub fn responses(api_id: &str) -> String {
    ["cache-", api_id].concat()
}

/// One cached response. `caller` is the token, or without one the client's address; `hash` stands for the request.
pub fn response(api_id: &str, caller: &str, hash: &str) -> String {
    [&responses(api_id), api_id, caller, hash].concat()
}

/// A certificate, by its id.
pub fn certificate(id: &str) -> String {
    ["cert-raw-", id].concat()
}

/// The list of an organisation's certificates.
pub fn certificate_index(org_id: &str) -> String {
    format!("cert-{org_id}-index")
}

/// The mark that the list holds every certificate, also those from before there was one.
pub fn certificate_index_marker(org_id: &str) -> String {
    format!("cert-{org_id}-index-migrated")
}

/// A certificate as an item of its list.
pub fn certificate_item(id: &str) -> String {
    ["raw-", id].concat()
}

/// The list of analytics records: `shard` when spread over several (from 0), `protobuf` when encoded so.
/// Tyk Pump looks for all of these names on each of its rounds.
pub fn analytics_list(shard: Option<u8>, protobuf: bool) -> String {
    let mut key = String::from("analytics-tyk-system-analytics");
    if let Some(shard) = shard {
        key.push('_');
        key.push_str(itoa::Buffer::new().format(shard));
    }
    if protobuf {
        key.push_str("_protobuf");
    }
    key
}

/// The mark of a web hook call that may not be repeated yet.
pub fn webhook_mark(hash: &str) -> String {
    format!("webhook.cache.{hash}")
}

/// What a script keeps under a name of its own (`TykStorageSet`).
pub fn script_storage(name: &str) -> String {
    ["jsvm-store:", name].concat()
}

/// What a plugin keeps under a name of its own (`store_data`).
pub fn hook_data(name: &str) -> String {
    ["coprocess-data:", name].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_organisations_have_tyks_names() {
        assert_eq!(session("323482177bb14153"), "apikey-323482177bb14153");
        assert_eq!(organisation("org1"), "orgkey.org1");
    }

    #[test]
    fn cached_responses_have_tyks_names() {
        assert_eq!(response("crd", "127.0.0.1", "6de3"), "cache-crdcrd127.0.0.16de3");
        assert!(response("crd", "", "").starts_with(&responses("crd")));
    }

    #[test]
    fn counters_have_tyks_names() {
        assert_eq!(rate_limit("", "org1rkey", ""), "rate-limit-org1rkey");
        assert_eq!(rate_limit("-api-", "--k-", "e0a415db"), "rate-limit-api-k-e0a415db");
        assert_eq!(blocked("rate-limit-k"), "rate-limit-k.BLOCKED");
        assert_eq!(window("rate-limit-k", 1_700_000_000_000_000_000), "rate-limit-k/1700000000000000000");
        assert_eq!((quota("", "k"), quota("api", "k")), ("quota-k".to_owned(), "quota-api-k".to_owned()));
    }

    #[test]
    fn analytics_lists_have_tyks_names() {
        assert_eq!(analytics_list(None, false), "analytics-tyk-system-analytics");
        assert_eq!(analytics_list(Some(9), false), "analytics-tyk-system-analytics_9");
        assert_eq!(analytics_list(None, true), "analytics-tyk-system-analytics_protobuf");
        assert_eq!(analytics_list(Some(0), true), "analytics-tyk-system-analytics_0_protobuf");
    }
}
