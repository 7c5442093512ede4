//! Every step of a request, and their order: [`REQUEST`] and [`RESPONSE`]. A new middleware is a file here and one
//! line there.
//!
//! The order is Tyk's (plugins reference 1.2 and 1.4), of the steps built so far; tests pin it.

mod access_rights;
mod api_rate_limit;
mod auth;
mod cache;
mod certificate_check;
mod context_vars;
mod expires_header;
mod granular_access;
mod header_edits;
mod hooks;
mod ip_lists;
mod key_expired;
mod method_transform;
mod oauth_server;
mod organisation;
mod rate_limit;
mod response_headers;
mod size_limit;
mod strip_auth;
mod track_endpoint;
mod transform_headers;
mod url_rewrite;
mod usage_page;
mod version_check;
mod virtual_endpoint;

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;

use crate::{
    chain::{ResponseSlot, Slot},
    hook::HookKind,
};

/// Every request step, in order.
pub const REQUEST: &[Slot] = &[
    Slot::Step("oauth_server", oauth_server::build),
    Slot::Step("version_check", version_check::build),
    Slot::Hooks(HookKind::Pre, hooks::build),
    Slot::Step("ip_lists", ip_lists::build),
    Slot::Step("certificate_check", certificate_check::build),
    Slot::Step("organisation", organisation::build),
    Slot::Step("size_limit", size_limit::build),
    Slot::Step("context_vars", context_vars::build),
    Slot::Step("track_endpoint", track_endpoint::build),
    // No guard: on an ignored path auth hooks are asked all the same.
    Slot::Step("auth", auth::build),
    Slot::Hooks(HookKind::PostKeyAuth, hooks::build),
    Slot::Step("strip_auth", strip_auth::build),
    Slot::Guard("key_expired", key_expired::build),
    Slot::Guard("access_rights", access_rights::build),
    Slot::Step("usage_page", usage_page::build),
    Slot::Guard("granular_access", granular_access::build),
    Slot::Guard("rate_limit", rate_limit::build),
    Slot::Step("api_rate_limit", api_rate_limit::build),
    Slot::Step("transform_headers", transform_headers::build),
    Slot::Step("url_rewrite", url_rewrite::build),
    Slot::Step("method_transform", method_transform::build),
    Slot::Step("cache", cache::build),
    Slot::Step("virtual_endpoint", virtual_endpoint::build),
    Slot::Hooks(HookKind::Endpoint, hooks::build),
    Slot::Hooks(HookKind::Post, hooks::build),
];

/// Every response step, in order. It is not the request's order backwards.
pub const RESPONSE: &[ResponseSlot] = &[
    ResponseSlot("response_headers", response_headers::build),
    ResponseSlot("expires_header", expires_header::build),
    ResponseSlot(HookKind::Response.name(), hooks::build_response),
];
