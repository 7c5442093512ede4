//! All endpoint rules of a version seen alike: kind, path, method.

use super::{ExtendedPaths, member::Member};

/// One enabled endpoint rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// JSON name of its kind.
    pub kind: &'static str,
    /// Its place in the list of that kind.
    pub index: usize,
    /// The path as written.
    pub path: &'a str,
    /// The method as written.
    pub method: &'a str,
    /// Whether an empty method means all of them.
    pub is_list: bool,
}

macro_rules! add {
    ($made:ident, $paths:ident, $field:ident, $kind:literal, $is_list:expr, |$entry:ident| $on:expr) => {
        for (index, $entry) in $paths.$field.iter().enumerate() {
            if $on {
                let (path, method) = ($entry.path.as_str(), $entry.method.as_str());
                $made.push(Endpoint { kind: $kind, index, path, method, is_list: $is_list });
            }
        }
    };
}

impl ExtendedPaths {
    /// Every enabled rule that has path and method, kind by kind. Plain `cache` strings are not among them.
    pub fn endpoints(&self) -> Vec<Endpoint<'_>> {
        let mut made = Vec::new();
        // A list entry with actions names its methods there.
        add!(made, self, ignored, "ignored", true, |e| !e.disabled);
        add!(made, self, white_list, "white_list", true, |e| !e.disabled);
        add!(made, self, black_list, "black_list", true, |e| !e.disabled);
        add!(made, self, mock_response, "mock_response", false, |e| !e.disabled);
        add!(made, self, advance_cache_config, "advance_cache_config", false, |e| !e.disabled);
        add!(made, self, transform, "transform", false, |e| !e.disabled);
        add!(made, self, transform_response, "transform_response", false, |e| !e.disabled);
        add!(made, self, transform_jq, "transform_jq", false, |e| !e.path.is_empty());
        add!(made, self, transform_jq_response, "transform_jq_response", false, |e| !e.path.is_empty());
        add!(made, self, transform_headers, "transform_headers", false, |e| !e.disabled);
        add!(made, self, transform_response_headers, "transform_response_headers", false, |e| !e.disabled);
        add!(made, self, hard_timeouts, "hard_timeouts", false, |e| !e.disabled);
        add!(made, self, circuit_breakers, "circuit_breakers", false, |e| !e.disabled);
        add!(made, self, url_rewrites, "url_rewrites", false, |e| !e.disabled);
        add!(made, self, virtual_endpoints, "virtual", false, |e| !e.disabled);
        add!(made, self, size_limits, "size_limits", false, |e| !e.disabled);
        add!(made, self, method_transforms, "method_transforms", false, |e| !e.disabled);
        add!(made, self, track_endpoints, "track_endpoints", false, |e| !e.disabled);
        add!(made, self, do_not_track_endpoints, "do_not_track_endpoints", false, |e| !e.disabled);
        add!(made, self, validate_json, "validate_json", false, |e| !e.disabled);
        add!(made, self, validate_request, "validate_request", false, |e| e.enabled);
        add!(made, self, internal, "internal", false, |e| !e.disabled);
        add!(made, self, go_plugin, "go_plugin", false, |e| !e.disabled);
        add!(made, self, persist_graphql, "persist_graphql", false, |e| !e.path.is_empty());
        add!(made, self, rate_limit, "rate_limit", false, |e| !e.disabled);
        made
    }

    /// Whether there is no rule at all.
    pub fn is_unused(&self) -> bool {
        self.is_zero()
    }
}
