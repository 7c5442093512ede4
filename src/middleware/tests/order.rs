//! The order of the steps.

use super::super::{REQUEST, RESPONSE};
use crate::chain::{ResponseSlot, Slot};

fn name_of_slot(slot: &Slot) -> &'static str {
    match slot {
        Slot::Step(name, _) | Slot::Guard(name, _) => name,
        Slot::Hooks(kind, _) => kind.name(),
    }
}

/// Every step that Tyk has and that is or will be built here, in its order (plugins reference 1.2); `oauth_server` and
/// `usage_page` are routes of their own there.
const PEER: &[&str] = &[
    "oauth_server",
    "version_check",
    "cors",
    "pre",
    "ip_lists",
    "certificate_check",
    "organisation",
    "size_limit",
    "context_vars",
    "track_endpoint",
    "auth",
    "post_key_auth",
    "strip_auth",
    "key_expired",
    "access_rights",
    "usage_page",
    "granular_access",
    "rate_limit",
    "api_rate_limit",
    "validate_json",
    "transform_body",
    "transform_headers",
    "url_rewrite",
    "method_transform",
    "mock_response",
    "cache",
    "virtual_endpoint",
    "request_signing",
    "go_plugin",
    "post",
];

#[test]
fn the_order_is_that_of_the_peer() {
    let mut peer = PEER.iter();
    for slot in REQUEST {
        let name = name_of_slot(slot);
        assert!(peer.any(|known| *known == name), "{name} is not where Tyk has it");
    }
    let response: Vec<_> = RESPONSE.iter().map(|ResponseSlot(name, _)| *name).collect();
    assert_eq!(response, ["response_headers", "expires_header", "response"]);
}
